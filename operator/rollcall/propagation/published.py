"""What the DNS workers answer: the version of each zone that all of them have taken in."""

from collections import deque
from typing import NamedTuple

import msgspec

from rollcall.zone import Commit

_MAX_UNDERWAY = 1000
"""Versions that are kept apart while workers are slow, or away; those beyond are confirmed as one."""


class Published(msgspec.Struct, frozen=True):
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
    """

    zones: frozenset[str]
    is_first: bool


class _Underway(NamedTuple):
    version: int
    serials: dict[bytes, int]
    zones: frozenset[str]


class Publications:
    """The published version of each domain, by apex (wire format)."""

    def __init__(self) -> None:
        self._published: dict[bytes, Published] = {}
        self._underway: deque[_Underway] = deque()

    def get(self, apex: bytes) -> Published | None:
        """Return the published version of a domain, or None before the first."""
        return self._published.get(apex)

    def committed(self, version: int, commit: Commit) -> None:
        """Take in what was handed to the workers under a version of the feed."""
        serials, zones = dict[bytes, int](), commit.zones
        if len(self._underway) == _MAX_UNDERWAY:
            _, serials, earlier = self._underway.pop()
            zones |= earlier
        for delta in commit.deltas:
            if delta.gone:
                for each in self._underway:
                    each.serials.pop(delta.apex, None)
                serials.pop(delta.apex, None)
                self._published.pop(delta.apex, None)
            else:
                serials[delta.apex] = delta.serial
        self._underway.append(_Underway(version, serials, zones))

    def served(self, version: int, at: float) -> Arrival:
        """Take in that every worker answers a version of the feed, and all before it, since `at`."""
        serials, zones = dict[bytes, int](), frozenset[str]()
        while self._underway and self._underway[0].version <= version:
            _, arrived, changed = self._underway.popleft()
            serials |= arrived
            zones |= changed
        is_first = not serials.keys() <= self._published.keys()
        for apex, serial in serials.items():
            before = self._published.get(apex)
            self._published[apex] = Published(serial, at, before.first_serial if before else serial)
        return Arrival(zones, is_first)
