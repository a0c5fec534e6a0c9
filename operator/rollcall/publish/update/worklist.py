"""What is left to do at the server, and what is sent next: what differs, was put off, or was refused. No I/O.

What there is to do for a unit depends on whether it is
- wanted: what differs is written, unless another installation's marker or others' names are in the way;
- withdrawn, it was seen to go: it is deleted;
- an orphan, found at the server and wanted by nobody: it is marked as dead, and deleted later.

A unit that is unsure is read before it is deleted: names that we don't know of would stay, and be nobody's.
"""

from collections.abc import Callable, Collection, Iterator
from functools import partial

from rollcall.dnswire.header import Rcode
from rollcall.dnswire.names import parent
from rollcall.dnswire.types import MANAGED_TYPES
from rollcall.zone.exported import RRsetKey
from rollcall.zone.marker import marker_name
from rollcall.zone.unit import Units

from .backlog import Backlog, Work
from .drafts import WHOLE_MESSAGE, Draft, Packing
from .knowledge import Knowledge
from .message import MAX_RECORDS, UnitUpdate
from .obstacles import Obstacle, Obstacles
from .orphans import Orphans
from .pace import Pace
from .plan import NOTHING, Planner, Room, UnitPlan
from .rejections import Rejections, UnitName, unit_names, work_of
from .server_state import ServerState

SLICE = 500
"""RRsets that are compared at a time: about a millisecond."""


class Worklist:
    """What is to be done for one domain at one server. `clock` is a monotonic one."""

    def __init__(
        self,
        units: Units,
        state: ServerState,
        knowledge: Knowledge,
        planner: Planner,
        clock: Callable[[], float],
    ) -> None:
        self._units = units
        self._state = state
        self._knowledge = knowledge
        self._planner = planner
        self._backlog = Backlog()
        self._rejections = Rejections(clock)
        self._obstacles = Obstacles()
        self._orphans = Orphans()
        self._withdrawn: set[bytes] = set()
        self._pace = Pace()
        self._group_is_next = True

    def __bool__(self) -> bool:
        """Whether there is something that was not looked at yet."""
        return bool(self._backlog)

    @property
    def size(self) -> int:
        """How many units have to be compared."""
        return self._backlog.size

    @property
    def obstacles(self) -> list[Obstacle]:
        """What keeps units and names from being published."""
        return self._obstacles.all()

    @property
    def rejected(self) -> dict[int, list[bytes]]:
        """The names that the server does not take, by rcode."""
        return self._rejections.names()

    # --- what there is to do -----------------------------------------------------------------------------

    def add_touched(self, touched: Work) -> None:
        """Add what a version touches."""
        for root, keys in touched.items():
            if root in self._units:
                self._withdrawn.discard(root)
                self._orphans.discard(root)
                self._update_rejections(root, keys)
            else:
                self._withdrawn.add(root)
                self._rejections.forget(root)
                self._note_implausible(root)
        self._backlog.add_touched(touched)

    def _update_rejections(self, root: bytes, keys: set[RRsetKey]) -> None:
        """Follow the changes of names that are left out."""
        rejected = self._rejections.owners(root) & {owner for owner, _ in keys}
        if not rejected:
            return
        differing = self._planner.differing(root)
        for owner in rejected:
            self._rejections.update(root, owner, (key for key in differing if key[0] == owner))

    def compare_all(self) -> Iterator[None]:
        """Add all that differs, a slice at a time."""
        count = 0
        for root in list(self._units):
            count += 1 + len(self._units.keys(root))
            self.compare(root)
            if count >= SLICE:
                count = 0
                yield
        for root in self._withdrawn:
            self._backlog.add(root)

    def compare(self, root: bytes, *, is_live: bool = False) -> None:
        """Add a unit if it differs, or if something is or was in its way."""
        planner = self._planner
        keys = planner.differing(root)
        if owners := self._obstacles.owners(root):
            keys.update(key for key in self._units.keys(root) if key[0] in owners)
        is_free = planner.cut_over(root) is None and not self._obstacles.has(root)
        if keys or not (is_free and planner.is_marked(root)):
            self._backlog.add(root, keys, is_live=is_live)

    def add_unwanted(self, root: bytes) -> None:
        """Add a unit that may have to be deleted, unless it is wanted."""
        if root not in self._units:
            self._backlog.add(root)

    def note_orphan(self, root: bytes) -> None:
        """Note whether a unit at the server is ours, and wanted by nobody."""
        unit = self._state.unit(root)
        if unit is None:
            self._withdrawn.discard(root)  # nothing of it is left
        if unit is None or root in self._units or root in self._withdrawn or not self._planner.is_ours(unit):
            self._orphans.discard(root)
        else:
            self._orphans.found(root)
        if root not in self._units:
            self._note_implausible(root)

    def _note_implausible(self, root: bytes) -> None:
        """Note whether a unit that nobody wants can't be deleted, for no leader can have marked it."""
        unit = self._state.unit(root)
        self._obstacles.forget(root)
        if unit is not None and self._planner.is_ours(unit) and not self._planner.is_plausible(unit):
            obstacle = Obstacle((root,), epoch=unit.found.generation.epoch, is_whole=True)
            self._obstacles.replace(root, (), (obstacle,))

    # --- what is sent next -------------------------------------------------------------------------------

    def is_due(self, unix_seconds: float) -> bool:
        """Whether it is time for something, also for what was put off."""
        if self._backlog or self._rejections.is_due:
            return True
        dead = self._orphans.dead(self._state, unix_seconds)
        return any(not self._knowledge.is_unsure(root) for root in dead)

    def draft(self, serial: int, unix_seconds: float) -> Draft | None:
        """Make the next message; None where there is nothing to send."""
        for root in self._orphans.due(self._state, unix_seconds):
            self._backlog.add(root)
        self._backlog.add_groups(*(work_of([item]) for item in self._rejections.due()))
        packing = Packing()
        group_is_first, self._group_is_next = self._group_is_next, not self._group_is_next
        if group_is_first:
            self._fill_from_group(packing, unix_seconds)
        if not packing.parts:
            for lane, records in zip(self._backlog.lanes(), self._pace.limits(), strict=True):
                packing.fill(lane, records, partial(self._plan, unix_seconds))
        if not packing.parts:
            self._fill_from_group(packing, unix_seconds)
        if not packing.parts:
            return None
        return Draft(tuple(packing.parts), packing.work, serial, is_last=not self._backlog)

    def _fill_from_group(self, packing: Packing, unix_seconds: float) -> None:
        """Take the next part of a message that was refused; live changes get every other message."""
        for group in self._backlog.take_groups():
            packing.fill(group, MAX_RECORDS, partial(self._plan, unix_seconds, is_retry=True))
            if group:  # it grew since the message was refused
                self._backlog.put_first(group)
            if packing.parts:
                return

    def _plan(
        self, unix_seconds: float, root: bytes, keys: set[RRsetKey], room: Room, *, is_retry: bool = False
    ) -> UnitPlan:
        """Plan what to do for a unit, without the names that are left out unless this is a retry of them."""
        skipped = () if is_retry else self._rejections.owners(root)
        unit = self._state.unit(root)
        if root in self._units:
            if marker_name(root) in skipped:
                return NOTHING
            plan = self._planner.plan(root, keys, room, skipped=skipped)
            self._obstacles.replace(root, (owner for owner, _ in keys), plan.obstacles)
            return plan
        if root in self._withdrawn or self._orphans.is_dead(root, unit, unix_seconds):
            if self._knowledge.is_unsure(root):
                return NOTHING
            return self._planner.deletion(root, room, skipped=skipped)
        if root in self._orphans and unit is not None and not unit.found.tombstone:
            return self._planner.tombstone(root, int(unix_seconds))
        return NOTHING

    # --- what became of it -------------------------------------------------------------------------------

    def give_back(self, draft: Draft) -> None:
        """Add what a message without effect was made of."""
        for root, keys in draft.work.items():
            self._backlog.add(root, keys, is_live=True)

    def note_written(self, part: UnitUpdate) -> None:
        """Note that a part of a message has had effect: what stood in its way is gone."""
        if part.after is None:
            self._withdrawn.discard(part.root)
            self._orphans.discard(part.root)
            return
        self._obstacles.written(part.root)
        for (owner, rdtype), _ in part.updates:
            if rdtype in MANAGED_TYPES:
                self._obstacles.discard(part.root, owner)
        if self._rejections.owners(part.root):
            self._rejections.accept(unit_names((part,)))
            self.compare(part.root)

    def note_pace(self, records: int, seconds: float) -> None:
        """Note how long the server took for a message."""
        self._pace.note(records, seconds)

    def divide(self, draft: Draft) -> bool:
        """Send the halves of a refused message; False where there is only one name in it."""
        items = unit_names(draft.parts)
        if len(items) < 2:
            return False
        half = len(items) // 2
        self._backlog.put_first(work_of(items[:half]), work_of(items[half:]))
        return True

    def is_obstructed(self, draft: Draft) -> bool:
        """Whether a message of a single name would not be sent again, by what is known now."""
        [item] = unit_names(draft.parts)
        plan = self._plan(0.0, item.root, set(item.keys), WHOLE_MESSAGE, is_retry=True)
        return item.root in self._units and (plan.part is None or item not in unit_names([plan.part]))

    def probe(self, serial: int, probed: Collection[bytes]) -> Draft | None:
        """Make a message of one marker, to see whether the server takes any.

        That of a unit that it has taken before says most, then of one of which nothing was refused, then of
        one that has no neighbour of which something was.
        """
        refused = {parent(root) for root in self._rejections.roots()}
        best = (False, False, False)
        chosen: bytes | None = None
        for root in self._units:
            owners = self._rejections.owners(root)
            is_held = self._state.unit(root) is not None
            is_refused = marker_name(root) in owners or bool(owners and not is_held)
            if root in probed or is_refused or not self._planner.is_free(root):
                continue
            rank = (is_held, not owners, parent(root) not in refused)
            if chosen is None or rank > best:
                chosen, best = root, rank
            if best[:2] == (True, True):
                break
        if chosen is None:
            return None
        return Draft((self._planner.touch(chosen),), {chosen: set()}, serial, is_last=False)

    def is_dropped(self, draft: Draft) -> bool:
        """Whether the server has acknowledged something of a message before, and not written it."""
        return any(self._rejections.is_dropped(part.root) for part in draft.parts)

    def leave_out_units(self, parts: Collection[UnitUpdate]) -> None:
        """Leave units out that were acknowledged and not written, and try them again later."""
        for part in parts:
            for item in (*unit_names([part]), UnitName(part.root, marker_name(part.root), frozenset())):
                self._rejections.add(item, Rcode.NOERROR)

    def leave_out(self, draft: Draft, rcode: int) -> None:
        """Leave the only name of a refused message out, and try it again later."""
        [item] = unit_names(draft.parts)
        self._rejections.add(item, rcode)

    def gather(self) -> None:
        """Put everything that was refused back: it is not the fault of single names."""
        for group in (*self._backlog.take_groups(), work_of(self._rejections.clear())):
            for root, keys in group.items():
                self._backlog.add(root, keys)
