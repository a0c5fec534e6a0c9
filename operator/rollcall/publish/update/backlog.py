"""What may differ at the server, in the order in which it is looked at: live changes overtake a flood."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from rollcall.zone.exported import RRsetKey

Work: TypeAlias = dict[bytes, set[RRsetKey]]
"""Roots of units, each with RRsets to compare; the marker is always compared."""

FLOOD = 200
"""Units: a version that touches more of them is not a live change of some pods."""


class Backlog:
    """Two lanes of work, and groups: parts of messages that were refused.

    That a unit is in a lane says nothing but that it has to be compared. A group gets a message of its own.
    """

    def __init__(self) -> None:
        self._live: Work = {}
        self._flood: Work = {}
        self._groups: deque[Work] = deque()

    def __bool__(self) -> bool:
        return bool(self._live or self._flood or self._groups)

    @property
    def size(self) -> int:
        """How many units are in the lanes."""
        return len(self._live) + len(self._flood)

    def add_touched(self, touched: Work) -> None:
        """Add what a version touches, to the lane that its size asks for."""
        is_live = len(touched) <= FLOOD
        for root, keys in touched.items():
            self.add(root, keys, is_live=is_live)

    def add(self, root: bytes, keys: Iterable[RRsetKey] = (), *, is_live: bool = False) -> None:
        """Add a unit to a lane; one that is in the live lane stays there."""
        if is_live:
            waiting = self._flood.pop(root, None)
            if waiting:
                self._live.setdefault(root, set()).update(waiting)
        lane = self._live if is_live or root in self._live else self._flood
        lane.setdefault(root, set()).update(keys)

    def lanes(self) -> tuple[Work, Work]:
        """Return the lanes, the urgent one first. Whoever plans what is in them takes it out."""
        return self._live, self._flood

    def add_groups(self, *groups: Work) -> None:
        """Let groups be sent behind all others."""
        self._groups.extend(groups)

    def put_first(self, *groups: Work) -> None:
        """Let groups be sent before all others, in this order."""
        self._groups.extendleft(reversed(groups))

    def take_groups(self) -> Iterator[Work]:
        """Take the groups out, one by one."""
        while self._groups:
            yield self._groups.popleft()
