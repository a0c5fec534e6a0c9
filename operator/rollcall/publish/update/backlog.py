"""What may differ at the server, in the order in which it is looked at: live changes overtake a flood."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from rollcall.zone.exported import RRsetKey

Work: TypeAlias = dict[bytes, set[RRsetKey]]
"""Roots of units, each with RRsets to compare; the marker is always compared."""

FLOOD = 200
"""Units: a version that touches more of them is no live change of some pods."""


class Backlog:
    """Two lanes of work. That a unit is in it says nothing but that it has to be compared."""

    def __init__(self) -> None:
        self.live: Work = {}
        self.flood: Work = {}

    def __bool__(self) -> bool:
        return bool(self.live or self.flood)

    def __len__(self) -> int:
        return len(self.live) + len(self.flood)

    def add_touched(self, touched: Work) -> None:
        """Add what a version touches, to the lane that its size asks for."""
        lane = self.live if len(touched) <= FLOOD else self.flood
        for root, keys in touched.items():
            self.add(root, keys, lane)

    def add(self, root: bytes, keys: Iterable[RRsetKey], lane: Work) -> None:
        """Add a unit to a lane; one that is in the live lane stays there."""
        if lane is self.live:
            waiting = self.flood.pop(root, None)
            if waiting:
                self.live.setdefault(root, set()).update(waiting)
        elif root in self.live:
            lane = self.live
        lane.setdefault(root, set()).update(keys)

    def lanes(self) -> Iterator[Work]:
        """Yield the lanes, the urgent one first."""
        yield self.live
        yield self.flood
