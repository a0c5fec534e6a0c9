"""What is sent next: messages of what differs, of what was put off, and of what was refused. No I/O."""

import time
from collections import deque
from itertools import islice
from typing import NamedTuple

from rollcall.dnswire.types import MANAGED_TYPES
from rollcall.zone.exported import RRsetKey
from rollcall.zone.marker import marker_name

from .backlog import Work
from .message import MAX_OCTETS, MAX_RECORDS, SIGNATURE_OCTETS, Part
from .pace import Pace
from .plan import NOTHING, Room, Step
from .publication import Publication
from .rejections import items_of, work_of

WHOLE_MESSAGE = Room(MAX_RECORDS, MAX_OCTETS - SIGNATURE_OCTETS)


class Draft(NamedTuple):
    """A message to be sent. `work` is what it was made of, `serial` the version that it brings.

    `is_last` says that nothing else was waiting.
    """

    parts: tuple[Part, ...]
    work: Work
    serial: int
    is_last: bool

    @property
    def record_count(self) -> int:
        """How many records it has."""
        return sum(part.record_count for part in self.parts)


class Drafts:
    """Makes messages, and takes those apart that a server refuses."""

    def __init__(self, publication: Publication) -> None:
        self.pace = Pace()
        self._publication = publication
        self._groups: deque[Work] = deque()
        self._group_is_next = True

    @property
    def is_due(self) -> bool:
        """Whether it is time for something that was put off."""
        publication = self._publication
        if self.has_work or publication.rejections.is_due:
            return True
        dead = publication.orphans.dead(publication.state.units, time.time())
        return any(root not in publication.unsure for root in dead)

    @property
    def has_work(self) -> bool:
        """Whether there is something that was not looked at yet."""
        return bool(self._publication.backlog or self._groups)

    @property
    def has_groups(self) -> bool:
        """Whether a refused message is being taken apart."""
        return bool(self._groups)

    def draft(self, unix_seconds: float) -> Draft | None:
        """Make the next message; None where there is nothing to send."""
        publication = self._publication
        for root in publication.orphans.due(publication.state.units, unix_seconds):
            publication.backlog.add(root, (), publication.backlog.flood)
        for item in publication.rejections.due():
            self._groups.append(work_of([item]))
        parts: list[Part] = []
        work: Work = {}
        group_is_first, self._group_is_next = self._group_is_next, not self._group_is_next
        if group_is_first:
            self._fill_from_group(unix_seconds, parts, work)
        if not parts:
            for lane, records in zip(publication.backlog.lanes(), self.pace.limits(), strict=True):
                self._fill(lane, records, unix_seconds, parts, work)
        if not parts:
            self._fill_from_group(unix_seconds, parts, work)
        if not parts:
            return None
        is_last = not publication.backlog and not self._groups
        return Draft(tuple(parts), work, publication.serial, is_last)

    def _fill(
        self,
        lane: Work,
        records: int,
        unix_seconds: float,
        parts: list[Part],
        work: Work,
        *,
        is_retry: bool = False,
    ) -> None:
        """Take from a lane what fits; what doesn't stays in it."""
        room = WHOLE_MESSAGE._replace(records=records)
        for part in parts:
            room = room.without(part)
        for root in list(islice(lane, MAX_RECORDS)):
            if root in work:
                continue
            if room.records <= 0 or room.octets <= 0:
                break
            keys = lane[root]
            step = self._step(root, keys, room, unix_seconds, is_retry=is_retry)
            if step.part is None and step.rest is not None:
                if parts:
                    break
                # Somebody has put a great many records at a name of ours: give it a message of its own.
                step = self._step(root, keys, WHOLE_MESSAGE, unix_seconds, is_retry=is_retry)
            if step.part is None:
                del lane[root]
                continue
            parts.append(step.part)
            room = room.without(step.part)
            work[root] = {change.key for change in step.part.changes if change.key[1] in MANAGED_TYPES}
            if step.rest:
                lane[root] = set(step.rest)
                break
            del lane[root]

    def _fill_from_group(self, unix_seconds: float, parts: list[Part], work: Work) -> None:
        """Take the next part of a message that was refused; live changes get every other message."""
        while self._groups and not parts:
            group = self._groups.popleft()
            self._fill(group, MAX_RECORDS, unix_seconds, parts, work, is_retry=True)
            if group:  # it grew since the message was refused
                self._groups.appendleft(group)

    def _step(
        self, root: bytes, keys: set[RRsetKey], room: Room, unix_seconds: float, *, is_retry: bool
    ) -> Step:
        publication = self._publication
        skipped = () if is_retry else publication.rejections.owners(root)
        if root in publication.units:
            if marker_name(root) in skipped:
                return NOTHING
            step = publication.planner.step(root, keys, room, skipped=skipped)
            self._note_obstacles(root, keys, step)
            return step
        found = publication.state.units.get(root)
        if root in publication.withdrawn or publication.orphans.is_dead(root, found, unix_seconds):
            if root in publication.unsure:  # names that we don't know of would stay, and be nobody's
                return NOTHING
            return publication.planner.deletion(root, room, skipped=skipped)
        if root in publication.orphans and found is not None and not found.found.tombstone:
            return publication.planner.tombstone(root, int(unix_seconds))
        return NOTHING

    def _note_obstacles(self, root: bytes, keys: set[RRsetKey], step: Step) -> None:
        publication = self._publication
        publication.obstacles.pop(root, None)
        for owner, _ in keys:
            publication.obstacles.pop(owner, None)
        unit = publication.state.units.get(root)
        whole = unit is None or unit.found.owner != publication.identity
        for obstacle in step.obstacles:
            publication.obstacles[root if whole else obstacle.names[0]] = (root, obstacle)

    def split(self, draft: Draft) -> bool:
        """Take a refused message apart; False where there is only one name in it."""
        items = items_of(draft.parts)
        if len(items) < 2:
            return False
        half = len(items) // 2
        self._groups.extendleft((work_of(items[half:]), work_of(items[:half])))
        return True

    def gather(self) -> None:
        """Put everything that was refused back: it is not the fault of single names."""
        publication = self._publication
        self._groups.append(work_of(publication.rejections.clear()))
        for group in self._groups:
            for root, keys in group.items():
                publication.backlog.add(root, keys, publication.backlog.flood)
        self._groups.clear()
