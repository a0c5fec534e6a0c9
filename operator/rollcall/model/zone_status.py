"""`status` of a DiscoveryZone."""

import msgspec

from .status import Status, always


class ZonePublication(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A target that a domain of the zone goes to, and how far it has got there.

    `serial` is that of the version that it has, `time` since when. `reason`, `message` and `lag_seconds` are
    those of targets other than our own server.
    """

    domain: str
    target: str
    serial: int = always(0)
    time: str = ""
    reason: str = ""
    message: str = ""
    lag_seconds: int | None = None


class OwnedStatus(Status, frozen=True, rename="camel"):
    """Whose a zone is: `owner` is the identity of the installation that publishes it, "" where none does."""

    owner: str = ""


class ZoneStatus(OwnedStatus, frozen=True, rename="camel"):
    """What is in a zone and where; one that has no content yet has a `OwnedStatus` only."""

    serial: int = 0
    records: int = 0
    names: int = 0
    services: int = 0
    digest: str = ""
    publications: tuple[ZonePublication, ...] = ()
