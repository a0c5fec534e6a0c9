"""What the DNS workers answer: the version of each zone that all of them have. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from rollcall.zone import Commit

_MAX_UNDERWAY = 1000
"""Versions that are kept apart while workers are slow, or away; those beyond are confirmed as one."""


class AnsweredVersion(msgspec.Struct, frozen=True):
    """A version of a zone that is answered.

    `at` (Unix seconds) is since when. `first_serial` is the first version that this process published: of a
    service that has this serial it isn't known when it last changed.
    """

    serial: int
    at: float
    first_serial: int


class Arrival(NamedTuple):
    """What every worker answers by now that one of them did not before.

    `zones` are the DiscoveryZones that changed, by name. `is_first` says that a domain is among them that was
    published for the first time: the status of its services, that they are on their way, has to be said anew.
    `received_ns` (time.monotonic_ns) tells when the events came in of those versions that are timed.
    """

    zones: frozenset[str]
    is_first: bool
    received_ns: tuple[int, ...] = ()


@dataclass(slots=True)
class _Underway:
    version: int
    serials: dict[bytes, int]
    zones: frozenset[str]
    received_ns: int | None


class AnsweredVersions:
    """The answered version of each domain, by apex (wire format)."""

    def __init__(self) -> None:
        self._answered: dict[bytes, AnsweredVersion] = {}
        self._underway: deque[_Underway] = deque()

    def get(self, apex: bytes) -> AnsweredVersion | None:
        """Return the answered version of a domain, or None before the first."""
        return self._answered.get(apex)

    def on_committed(self, version: int, commit: Commit, received_ns: int | None) -> None:
        """Note what was handed to the workers as a version of the feed.

        `received_ns` is when its event came in; None where nobody is there to time it by.
        """
        serials, zones = dict[bytes, int](), commit.zones
        if len(self._underway) == _MAX_UNDERWAY:
            previous = self._underway.pop()
            serials, zones, received_ns = previous.serials, zones | previous.zones, previous.received_ns
        for delta in commit.deltas:
            if delta.gone:
                for each in self._underway:
                    each.serials.pop(delta.apex, None)
                serials.pop(delta.apex, None)
                self._answered.pop(delta.apex, None)
            else:
                serials[delta.apex] = delta.serial
        self._underway.append(_Underway(version, serials, zones, received_ns))

    def on_answered(self, version: int, at: float) -> Arrival:
        """Note that every worker answers a version of the feed, and all before it, since `at`."""
        serials, zones, received_ns = dict[bytes, int](), frozenset[str](), list[int]()
        while self._underway and self._underway[0].version <= version:
            arrived = self._underway.popleft()
            serials |= arrived.serials
            zones |= arrived.zones
            if arrived.received_ns is not None:
                received_ns.append(arrived.received_ns)
        is_first = not serials.keys() <= self._answered.keys()
        for apex, serial in serials.items():
            before = self._answered.get(apex)
            self._answered[apex] = AnsweredVersion(serial, at, before.first_serial if before else serial)
        return Arrival(zones, is_first, tuple(received_ns))

    def stop_timing(self) -> None:
        """Time nothing that is under way: no worker is left that could answer it."""
        for each in self._underway:
            each.received_ns = None
