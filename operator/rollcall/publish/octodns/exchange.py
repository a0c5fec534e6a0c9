"""What goes into a run of octoDNS, and what comes out of it."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

WireRRset: TypeAlias = tuple[bytes, int, int, tuple[bytes, ...]]
"""Owner (wire format), type, ttl in seconds, data of its records (wire format)."""

MAX_OUTCOME_BYTES = 1 << 20


class SyncRequest(msgspec.Struct, frozen=True, array_like=True):
    """A domain (wire format) as it has to be at a target.

    `settings` are the entries of the target's Secret, `identity` is the owner that markers name.
    """

    target: str
    secret: str
    domain: bytes
    identity: str
    settings: dict[str, bytes]
    rrsets: tuple[WireRRset, ...]


class Failure(StrEnum):
    """Why a run failed: the reason in the status of the DiscoveryZone."""

    SETTINGS = "InvalidSettings"
    ACCESS = "AccessDenied"
    ZONE = "ZoneNotFound"
    UNSAFE = "UnsafePlan"
    PROVIDER = "ProviderFailed"
    TIME_OUT = "TimedOut"
    ENDED = "RunFailed"
    """The process ended without an answer."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a run went: what it changed at the target, also where it failed half-way.

    `taken` are names of services that hold records of others there, `left_out` records that octoDNS or the
    provider can't hold; both are for people, and not all may be named. `taken_names` are all of the former,
    in wire format.
    """

    created: int = 0
    updated: int = 0
    deleted: int = 0
    failure: Failure | None = None
    message: str = ""
    taken: str = ""
    taken_names: tuple[bytes, ...] = ()
    left_out: str = ""
