"""One domain at one server: what is wanted, what is there, what is under way. No I/O.

The worker asks it for drafts of messages, and tells it what became of them.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from rollcall.model import UpdateTarget
from rollcall.zone import rdata as rd
from rollcall.zone.published import PublishedSet, PublishedZone, RRsetKey, Version

from .backlog import Backlog, Work
from .marker import Generation, marker_name, parse
from .message import MAX_OCTETS, MAX_RECORDS, SIGNATURE_OCTETS, Part
from .orphans import Orphans
from .pace import Pace
from .plan import NOTHING, Obstacle, Planner, Room, Step
from .rejections import Item, Rejections, items_of, work_of
from .server_state import MANAGED, NO_MARKER, Held, ServerState, held
from .units import Units

SLICE = 500
"""RRsets that are compared at a time: about a millisecond."""


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


class Publication:
    """`epoch` gives the one that markers carry now.

    Attributes:
        learned: whether the server's zone was read once.
        steps: by how much we have raised the zone's serial since it was last looked at, if servers count
            updates; None where it isn't known whether a message had effect.
        seen_epoch: the highest one in markers of this installation at the server.
        is_challenged: whether somebody has written to a unit of ours after us.
        unresolved: messages whose outcome is not known: their parts, by unit.
    """

    def __init__(
        self, published: PublishedZone, spec: UpdateTarget, identity: str, epoch: Callable[[], int]
    ) -> None:
        self.units = Units(published)
        self.backlog = Backlog()
        self.planner = Planner(published, self.units, ServerState(), spec, identity, self._next_generation)
        self.pace = Pace()
        self.rejections = Rejections()
        self.obstacles: dict[bytes, tuple[bytes, Obstacle]] = {}
        self.unresolved: dict[bytes, Part] = {}
        self.learned = False
        self.steps: int | None = 0
        self.seen_epoch = -1
        self.is_challenged = False
        self._published = published
        self._identity = identity
        self._epoch = epoch
        self._groups: deque[Work] = deque()
        self._group_is_next = True
        self._attempts: dict[bytes, dict[bytes, int]] = {}  # markers that may still get there, with versions
        self._withdrawn: set[bytes] = set()  # units that are known to be wanted no more
        self._orphans = Orphans()
        self._clock = 0
        self._touched_at: dict[bytes, int] = {}
        self._unsure: set[bytes] = (
            set()
        )  # units that another Rollcall has written, and may have names we don't know

    @property
    def state(self) -> ServerState:
        """What is known of the server."""
        return self.planner.state

    @property
    def now(self) -> int:
        """A point in the order of what we did."""
        return self._clock

    @property
    def serial(self) -> int:
        """The version that drafts bring."""
        return self._published.serial

    @property
    def is_due(self) -> bool:
        """Whether it is time for something that was put off."""
        if self.has_work or self.rejections.is_due:
            return True
        dead = self._orphans.dead(self.state.units, time.time())
        return any(root not in self._unsure for root in dead)

    @property
    def has_work(self) -> bool:
        """Whether there is something that was not looked at yet."""
        return bool(self.backlog or self._groups)

    @property
    def has_groups(self) -> bool:
        """Whether a refused message is being taken apart."""
        return bool(self._groups)

    def changed(self, version: Version) -> None:
        """Take in a version."""
        touched = self.units.apply(version)
        for root in touched:
            if root in self.units:
                self._withdrawn.discard(root)
                self._orphans.discard(root)
                self._update_rejections(root, touched[root])
            else:
                self._withdrawn.add(root)
                self._forget_trouble(root)
        self.backlog.changed(touched)

    # --- drafts ------------------------------------------------------------------------------------------

    def draft(self, unix_seconds: float) -> Draft | None:
        """Make the next message; None where there is nothing to send."""
        for root in self._orphans.due(self.state.units, unix_seconds):
            self.backlog.add(root, (), self.backlog.flood)
        for item in self.rejections.due():
            self._groups.append(work_of([item]))
        parts: list[Part] = []
        work: Work = {}
        group_is_first, self._group_is_next = self._group_is_next, not self._group_is_next
        if group_is_first:
            self._fill_from_group(unix_seconds, parts, work)
        if not parts:
            for lane, records in zip(self.backlog.lanes(), self.pace.limits(), strict=True):
                self._fill(lane, records, unix_seconds, parts, work)
        if not parts:
            self._fill_from_group(unix_seconds, parts, work)
        if not parts:
            return None
        is_last = not self.backlog and not self._groups
        return Draft(tuple(parts), work, self._published.serial, is_last)

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
            work[root] = {change.key for change in step.part.changes if change.key[1] in MANAGED}
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
        skipped = () if is_retry else self.rejections.owners(root)
        if root in self.units:
            if marker_name(root) in skipped:
                return NOTHING
            step = self.planner.step(root, keys, room, skipped=skipped)
            self._note_obstacles(root, keys, step)
            return step
        found = self.state.units.get(root)
        if root in self._withdrawn or self._orphans.is_dead(root, found, unix_seconds):
            if root in self._unsure:  # names that we don't know of would stay, and be nobody's: `learn` comes
                return NOTHING
            return self.planner.deletion(root, room, skipped=skipped)
        if root in self._orphans and found is not None and not found.found.tombstone:
            return self.planner.tombstone(root, int(unix_seconds))
        return NOTHING

    def _note_obstacles(self, root: bytes, keys: set[RRsetKey], step: Step) -> None:
        self.obstacles.pop(root, None)
        for owner, _ in keys:
            self.obstacles.pop(owner, None)
        unit = self.state.units.get(root)
        whole = unit is None or unit.found.owner != self._identity
        for obstacle in step.obstacles:
            self.obstacles[root if whole else obstacle.names[0]] = (root, obstacle)

    def _next_generation(self, root: bytes, found: Generation | None) -> Generation:
        """Return a generation above what is there, and unlike any that we have tried."""
        tried = max(self._attempts.get(root, {}).values(), default=0)
        version = max(self._published.serial, tried + 1, found.version + 1 if found else 0)
        return Generation(self._epoch(), version)

    # --- outcomes ----------------------------------------------------------------------------------------

    def applied(self, draft: Draft) -> None:
        """Take in that a message had effect."""
        if self.steps is not None:
            self.steps += 1
        for part in draft.parts:
            self._apply(part)

    def has_effect(self, draft: Draft) -> bool:
        """Whether the server has what a message wrote, as far as we know."""
        return not any(self.differs(part.root, part.after) for part in draft.parts)

    def explain(
        self,
        draft: Draft,
        markers: Mapping[bytes, PublishedSet | None],
        names: Mapping[bytes, Mapping[int, PublishedSet]],
    ) -> list[bytes]:
        """Take in what was read after a prerequisite failed; return the units that are not as we thought."""
        self.steps = None
        found = []
        for part in draft.parts:
            marker = markers[part.root]
            if _data(marker) == _data(part.after):
                self._apply(part)  # it was doubled on its way, and the first one has done it
                self._doubt(part)
                found.append(part.root)
                continue
            is_other = _data(marker) != _data(part.before)
            for owner, rrsets in part.guards:
                expected = {rdtype: rrset.records for rdtype, rrset in rrsets}
                if {rdtype: rrset.records for rdtype, rrset in names[owner].items()} != expected:
                    self.state.set_foreign(owner, names[owner])
                    is_other = True
            if is_other:
                found.append(part.root)
        return found

    def returned(self, draft: Draft) -> None:
        """Take in that a message had no effect, for reasons that are dealt with."""
        for root, keys in draft.work.items():
            self.backlog.add(root, keys, self.backlog.live)

    def unknown(self, draft: Draft) -> None:
        """Take in that nobody knows whether a message had effect."""
        self.steps = None
        for part in draft.parts:
            self._touch(part.root)
            self.unresolved[part.root] = part
            if part.after is not None:
                marker = parse(part.after.records[0])
                version = marker.generation.version if marker else 0
                self._attempts.setdefault(part.root, {})[part.after.records[0]] = version
        self.returned(draft)

    def resolved(self, root: bytes, marker: PublishedSet | None, *, is_acknowledged: bool = False) -> bool:
        """Take in which marker a unit has after a message of unknown outcome; False: it has to be read."""
        part = self.unresolved.pop(root)
        if _data(marker) == _data(part.after):
            self._apply(part)
            if not is_acknowledged:
                self._doubt(part)
            return True
        return _data(marker) == _data(part.before)

    def _doubt(self, part: Part) -> None:
        """Note that a marker like ours may be another's: without an election, epochs may be the same."""
        if part.after is not None:
            self._unsure.add(part.root)

    def split(self, draft: Draft) -> bool:
        """Take a refused message apart; False where there is only one name in it."""
        items = items_of(draft.parts)
        if len(items) < 2:
            return False
        half = len(items) // 2
        self._groups.extendleft((work_of(items[half:]), work_of(items[:half])))
        return True

    def reject(self, draft: Draft, rcode: int) -> None:
        """Take in that the server doesn't take the only name of a message."""
        [item] = items_of(draft.parts)
        self.rejections.add(item, rcode)

    def gather(self) -> None:
        """Put everything that was refused back: it is not the fault of single names."""
        items: list[Item] = self.rejections.clear()
        self._groups.append(work_of(items))
        for group in self._groups:
            for root, keys in group.items():
                self.backlog.add(root, keys, self.backlog.flood)
        self._groups.clear()

    def _apply(self, part: Part) -> None:
        self._touch(part.root)
        self._attempts.pop(part.root, None)
        unit = self.state.units.get(part.root)
        if part.after is None:
            self.state.units.pop(part.root, None)
            self._withdrawn.discard(part.root)
            self._orphans.discard(part.root)
            return
        fresh = held(part.after)
        assert fresh is not None, "what we write is a marker"
        if unit is None:
            unit = self.state.units[part.root] = fresh
        else:
            unit.marker, unit.found = fresh.marker, fresh.found
        self._see(fresh)
        for key, after in part.changes:
            if key[0] in self.state.foreign:
                self.state.set_foreign(key[0], {})
            if key[1] not in MANAGED:
                continue
            if after is None:
                unit.rrsets.pop(key, None)
            else:
                unit.rrsets[key] = after
            self.obstacles.pop(key[0], None)
        if self.rejections.owners(part.root):
            self.rejections.accepted(items_of((part,)))
            self._compare(part.root)

    # --- reading back ------------------------------------------------------------------------------------

    def learn(self, found: ServerState, since: int) -> Iterator[None]:
        """Take in the whole zone as it was at a point of ours; a slice at a time.

        Units that we wrote to since then are left as we know them.
        """
        count = 0
        for root in list({**found.units, **self.state.units}):
            if not self.is_newer(root, since):
                self._replace(root, found.units.get(root), found)
                self._unsure.discard(root)
                self._note_orphan(root)
            unit = found.units.get(root)
            count += 1 + (len(unit.rrsets) if unit else 0)
            if count >= SLICE:
                count = 0
                yield
        for root in [root for root in self._touched_at if self.is_newer(root, since)]:
            for owner in list(found.foreign_below(root)):
                found.set_foreign(owner, {})
        self.state.foreign, self.state.below = found.foreign, found.below
        self.learned = True
        yield
        for root in list(self.units):
            count += 1 + len(self.units.keys(root))
            self._compare(root)
            if count >= SLICE:
                count = 0
                yield
        for root in self._withdrawn:
            self.backlog.add(root, (), self.backlog.flood)
        self._unsure = {root for root in self._unsure if self.is_newer(root, since)}
        self._touched_at = {root: at for root, at in self._touched_at.items() if at > since}

    def read(
        self, root: bytes, marker: PublishedSet | None, names: Mapping[bytes, Mapping[int, PublishedSet]]
    ) -> None:
        """Take in a single unit: its marker, and what is at each of its names that we know of."""
        unit = held(marker) if marker else None
        if marker is not None and unit is None:
            self.state.set_foreign(marker_name(root), {rd.TXT: marker})
        known = self.state.units.get(root)
        if unit is not None and known is not None:  # a whole reading may have found names meanwhile
            unit.rrsets.update({key: it for key, it in known.rrsets.items() if key[0] not in names})
        for owner, rrsets in names.items():
            mine = {(owner, rdtype): rrset for rdtype, rrset in rrsets.items() if rdtype in MANAGED}
            if unit is not None and unit.found.owner == self._identity and (mine or not rrsets):
                unit.rrsets.update(mine)
                self.state.set_foreign(owner, {})
            else:
                self.state.set_foreign(owner, rrsets)
        self._replace(root, unit, self.state)
        self._note_orphan(root)
        self._compare(root, live=True)

    def reread(
        self, root: bytes, marker: PublishedSet | None, names: Mapping[bytes, Mapping[int, PublishedSet]]
    ) -> None:
        """Take in a unit that was read because of a message: a whole reading that began before is older."""
        self._touch(root)
        self.read(root, marker, names)

    @property
    def is_sure(self) -> bool:
        """Whether there is no unit that is unsure."""
        return not self._unsure

    def is_unsure(self, root: bytes) -> bool:
        """Whether a unit may have names that we don't know of.

        Another Rollcall has written it, or a message of ours that had been given up.
        """
        return root in self._unsure

    def learned_by_name(self, since: int) -> None:
        """Take in that all names that we know of were read: more is not to be had from this server."""
        self.learned = True
        for root in [root for root in self._unsure if not self.is_newer(root, since)]:
            self._unsure.discard(root)
            if root not in self.units:
                self.backlog.add(root, (), self.backlog.flood)

    def names_of(self, root: bytes) -> set[bytes]:
        """Return the names of a unit that we know of."""
        unit = self.state.units.get(root)
        keys = self.units.keys(root) | (unit.rrsets.keys() if unit else set())
        return {root, *(owner for owner, _ in keys)}

    def differs(self, root: bytes, marker: PublishedSet | None) -> bool:
        """Whether a marker is another one than the server has, as far as we know."""
        unit = self.state.units.get(root)
        return _data(marker) != _data(unit.marker if unit else None)

    def roots(self) -> list[bytes]:
        """Return the units that are wanted, or known to be at the server and ours."""
        ours = (root for root, unit in self.state.units.items() if self.planner.is_ours(unit))
        return list(dict.fromkeys((*self.units, *ours)))

    def _compare(self, root: bytes, *, live: bool = False) -> None:
        keys = self.planner.differing(root)
        if keys or not self.planner.is_marked(root):
            lane = self.backlog.live if live else self.backlog.flood
            self.backlog.add(root, keys, lane)

    def _replace(self, root: bytes, unit: Held | None, read: ServerState) -> None:
        """Replace what is known of a unit by what was read, together with the names of others."""
        known = self.state.units.get(root)
        if unit is None and known is not None and known.found.owner == self._identity:
            unit = self._without_marker(root, known, read)
        if unit is None:
            self.state.units.pop(root, None)
            return
        self.state.units[root] = unit
        if self.learned and unit.expected:
            if known is None or _data(known.marker) != _data(unit.marker):
                self._unsure.add(root)
            elif root not in self._unsure:
                self._leave_to_others(known, unit, read)
        wanted = self._published.rrsets
        unit.rrsets = {
            key: wanted[key] if wanted.get(key) == rrset else rrset for key, rrset in unit.rrsets.items()
        }
        if not self.planner.is_ours(unit):
            return
        self._see(unit)
        if self.learned and unit.expected and _data(unit.marker) != _data(known.marker if known else None):
            is_newer = known is None or unit.found.generation > known.found.generation
            tried = self._attempts.get(root, {})
            if is_newer and not any(data in tried for data in unit.marker.records):
                self.is_challenged = True

    @staticmethod
    def _leave_to_others(known: Held, unit: Held, read: ServerState) -> None:
        """Leave names alone that have come to a unit without a write of Rollcall's: they are not ours."""
        for owner in unit.owners() - known.owners():
            mine = dict(unit.at(owner))
            read.set_foreign(owner, {**read.foreign.get(owner, {}), **mine})
            for rdtype in mine:
                del unit.rrsets[owner, rdtype]

    def _without_marker(self, root: bytes, known: Held, read: ServerState) -> Held | None:
        """Return what is still ours of a unit whose marker somebody has deleted."""
        unit = Held(NO_MARKER, known.found)
        for owner in list(read.foreign_below(root)):
            rrsets = read.foreign[owner]
            keys = {(owner, rdtype): rrset for rdtype, rrset in rrsets.items()}
            if all(
                rrset in (known.rrsets.get(key), self._published.rrsets.get(key))
                for key, rrset in keys.items()
            ):
                unit.rrsets.update(keys)
                read.set_foreign(owner, {})
        return unit if unit.rrsets else None

    def _see(self, unit: Held) -> None:
        self.seen_epoch = max(self.seen_epoch, unit.found.generation.epoch)

    def _touch(self, root: bytes) -> None:
        self._clock += 1
        self._touched_at[root] = self._clock

    def is_newer(self, root: bytes, since: int) -> bool:
        """Whether something was sent for a unit after a point, or may still get there."""
        return self._touched_at.get(root, 0) > since or root in self.unresolved

    def _note_orphan(self, root: bytes) -> None:
        unit = self.state.units.get(root)
        if unit is None or root in self.units or root in self._withdrawn or not self.planner.is_ours(unit):
            self._orphans.discard(root)
        else:
            self._orphans.found(root)

    def _update_rejections(self, root: bytes, keys: set[RRsetKey]) -> None:
        """Follow the changes of names that are left out."""
        rejected = self.rejections.owners(root) & {owner for owner, _ in keys}
        if not rejected:
            return
        differing = self.planner.differing(root)
        for owner in rejected:
            self.rejections.update(root, owner, (key for key in differing if key[0] == owner))

    def _forget_trouble(self, root: bytes) -> None:
        self.rejections.forget(root)
        for name in [name for name, (of, _) in self.obstacles.items() if of == root]:
            del self.obstacles[name]


def _data(marker: PublishedSet | None) -> tuple[bytes, ...]:
    return marker.records if marker else ()
