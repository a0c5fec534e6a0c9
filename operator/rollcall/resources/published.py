"""What the DNS workers answer: the version of each zone that all of them have taken in."""

from collections.abc import Iterable

import msgspec

from rollcall.zone import ZoneDelta

SERVE = "serve"
"""How status names our own DNS server among the places that a zone goes to."""


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
        self._underway: dict[bytes, tuple[int, int]] = {}  # apex: version of the feed, serial

    def get(self, apex: bytes) -> Published | None:
        """Return the published version of a zone, or None before the first."""
        return self._published.get(apex)

    def committed(self, version: int, deltas: Iterable[ZoneDelta]) -> None:
        """Take in what was handed to the workers under a version of the feed."""
        for delta in deltas:
            if delta.gone:
                self._underway.pop(delta.apex, None)
                self._published.pop(delta.apex, None)
            else:
                self._underway[delta.apex] = version, delta.serial

    def served(self, version: int, at: float) -> frozenset[bytes]:
        """Take in that every worker answers a version of the feed, and all before it, since `at`.

        Returns:
            The zones that are published for the first time: what their services' status said until now, that
            they are on their way, has to be said anew.
        """
        arrived = {apex: serial for apex, (sent, serial) in self._underway.items() if sent <= version}
        new = frozenset(arrived.keys() - self._published.keys())
        for apex, serial in arrived.items():
            del self._underway[apex]
            before = self._published.get(apex)
            self._published[apex] = Published(serial, at, before.first_serial if before else serial)
        return new
