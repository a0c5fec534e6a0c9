"""What the DNS workers answer: the version of each zone that all of them have taken in."""

from collections import deque
from collections.abc import Iterable

import msgspec

from rollcall.zone import ZoneDelta

SERVE = "serve"
"""How status names our own DNS server among the places that a zone goes to."""


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


class Publications:
    """The published version of each zone, by apex (wire format)."""

    def __init__(self) -> None:
        self._published: dict[bytes, Published] = {}
        self._underway: deque[tuple[int, dict[bytes, int]]] = deque()  # version of the feed; serial by apex

    def get(self, apex: bytes) -> Published | None:
        """Return the published version of a zone, or None before the first."""
        return self._published.get(apex)

    def committed(self, version: int, deltas: Iterable[ZoneDelta]) -> None:
        """Take in what was handed to the workers under a version of the feed."""
        serials = self._underway.pop()[1] if len(self._underway) == _MAX_UNDERWAY else {}
        for delta in deltas:
            if delta.gone:
                serials.pop(delta.apex, None)
                for _, earlier in self._underway:
                    earlier.pop(delta.apex, None)
                self._published.pop(delta.apex, None)
            else:
                serials[delta.apex] = delta.serial
        self._underway.append((version, serials))

    def served(self, version: int, at: float) -> frozenset[bytes]:
        """Take in that every worker answers a version of the feed, and all before it, since `at`.

        Returns:
            The zones that are published for the first time: what their services' status said until now, that
            they are on their way, has to be said anew.
        """
        arrived: dict[bytes, int] = {}
        while self._underway and self._underway[0][0] <= version:
            arrived |= self._underway.popleft()[1]
        new = frozenset(arrived.keys() - self._published.keys())
        for apex, serial in arrived.items():
            before = self._published.get(apex)
            self._published[apex] = Published(serial, at, before.first_serial if before else serial)
        return new
