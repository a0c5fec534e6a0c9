"""A message to be sent, and how it is filled: with whole names of many units, until there is no more room."""

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from rollcall.dnswire.types import MANAGED_TYPES
from rollcall.zone.exported import RRsetKey

from .backlog import Work
from .message import MAX_OCTETS, MAX_RECORDS, SIGNATURE_OCTETS, UnitUpdate
from .plan import Room, UnitPlan

WHOLE_MESSAGE = Room(MAX_RECORDS, MAX_OCTETS - SIGNATURE_OCTETS)

Plan = Callable[[bytes, set[RRsetKey], Room], UnitPlan]
"""Says what to do for RRsets of a unit."""


class Draft(NamedTuple):
    """A message to be sent. `work` is what it was made of, `serial` the version that it brings.

    `is_last` says that nothing else was waiting.
    """

    parts: tuple[UnitUpdate, ...]
    work: Work
    serial: int
    is_last: bool

    @property
    def record_count(self) -> int:
        """How many records it has."""
        return sum(part.record_count for part in self.parts)


class Packing:
    """The parts of a message while it is filled, and the work that they are made of."""

    def __init__(self) -> None:
        self.parts: list[UnitUpdate] = []
        self.work: Work = {}

    def fill(self, lane: Work, records: int, plan: Plan) -> None:
        """Move from a lane what fits into a message of so many records; what doesn't stays in the lane."""
        room = WHOLE_MESSAGE._replace(records=records)
        for packed in self.parts:
            room = room.without(packed)
        for root in list(islice(lane, MAX_RECORDS)):
            if root in self.work:
                continue
            if room.records <= 0 or room.octets <= 0:
                break
            part, rest, _ = plan(root, lane[root], room)
            if part is None and rest is not None:
                if self.parts:
                    break
                # Somebody has put a great many records at a name of ours: give it a message of its own.
                part, rest, _ = plan(root, lane[root], WHOLE_MESSAGE)
            if part is None:
                del lane[root]
                continue
            self.parts.append(part)
            room = room.without(part)
            self.work[root] = {key for key, _ in part.updates if key[1] in MANAGED_TYPES}
            if rest:
                lane[root] = set(rest)
                break
            del lane[root]
