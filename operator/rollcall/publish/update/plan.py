"""What to send next: the difference between what is wanted and what the server has, as parts of a message.

Pure: it decides from what is known. Whether that is still so is for the server to say, by prerequisites.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from rollcall.dnswire.types import MANAGED_TYPES, Type
from rollcall.model import UpdateTarget
from rollcall.zone.exported import ExportedRRset, ExportedZone, RRsetKey
from rollcall.zone.marker import HIGHEST_EPOCH, Generation, Marker, domain_of, marker_name
from rollcall.zone.unit import Units

from .message import Guard, RRsetUpdate, UnitUpdate
from .obstacles import Obstacle
from .server_state import Held, ServerState, is_wildcard


class Room(NamedTuple):
    """What still fits into a message."""

    records: int
    octets: int

    def without(self, part: UnitUpdate) -> "Room":
        """Return what is left after a part."""
        return Room(self.records - part.record_count, self.octets - part.octets)


class UnitPlan(NamedTuple):
    """What is to be done for a unit. `rest` are RRsets for which there was no room; None: nothing is left."""

    part: UnitUpdate | None = None
    rest: frozenset[RRsetKey] | None = None
    obstacles: tuple[Obstacle, ...] = ()


NOTHING = UnitPlan()


class Planner:
    """Plans for one domain.

    `epoch` gives that of our term, `next_generation` what a unit is marked with, after an older generation.
    """

    def __init__(
        self,
        exported: ExportedZone,
        units: Units,
        state: ServerState,
        spec: UpdateTarget,
        identity: str,
        epoch: Callable[[], int],
        next_generation: Callable[[bytes, Generation | None], Generation],
    ) -> None:
        self._state = state
        self._exported = exported
        self._units = units
        self._adopt = spec.adopt
        self._identity = identity
        self._epoch = epoch
        self._domain = domain_of(exported.apex)
        self._next_generation = next_generation

    def is_by_us(self, held: Held) -> bool:
        """Whether a unit at the server is of this installation, for whatever domain."""
        return held.found.owner == self._identity

    def is_ours(self, held: Held) -> bool:
        """Whether a unit at the server is of this domain of this installation."""
        return self.is_by_us(held) and held.found.domain == self._domain

    def is_plausible(self, held: Held) -> bool:
        """Whether the epoch in a marker can be that of a leader; one that isn't there says nothing wrong."""
        return held.expected is None or held.found.generation.epoch <= max(HIGHEST_EPOCH, self._epoch())

    def differing(self, root: bytes) -> set[RRsetKey]:
        """Return the RRsets of a unit that are not as they should be, or can't be seen."""
        held = self._state.unit(root)
        at_server = held.rrsets if held else {}
        wanted = self._units.keys(root)
        keys = {key for key in wanted | at_server.keys() if self._wanted(root, key) != at_server.get(key)}
        if cuts := self._state.cuts:
            keys.update(key for key in wanted if cuts.over(key[0]) is not None)
        return keys

    def is_marked(self, root: bytes) -> bool:
        """Whether the marker of a wanted unit is as it should be, whatever its generation."""
        held = self._state.unit(root)
        if held is None or not self.is_plausible(held):
            return False
        as_wanted = self._marker(root, held.found.generation)
        return held.marker == as_wanted

    def plan(
        self, root: bytes, keys: Collection[RRsetKey], room: Room, *, skipped: Collection[bytes] = ()
    ) -> UnitPlan:
        """Return what to do for RRsets of a wanted unit; `skipped` are owners that are left out.

        Main names come first: the name of the service, then those of its ports.
        """
        held = self._state.unit(root)
        if held is not None and not self.is_by_us(held):
            return UnitPlan(obstacles=(Obstacle((root,), held.found.owner, is_whole=True),))
        if held is not None and not self.is_plausible(held):
            epoch = held.found.generation.epoch
            return UnitPlan(obstacles=(Obstacle((root,), epoch=epoch, is_whole=True),))
        if (cut := self.cut_over(root)) is not None:
            return UnitPlan(obstacles=(Obstacle((root,), cut=cut, is_whole=True),))
        if held is None and (taken := self._taken(root)):
            return UnitPlan(obstacles=(Obstacle(taken, is_whole=True),))
        at_server = held.rrsets if held else {}
        owners: dict[bytes, list[RRsetUpdate]] = {}
        later: dict[bytes, list[RRsetUpdate]] = {}
        for key in keys:
            wanted = self._wanted(root, key)
            is_hidden = wanted is not None and self._state.cuts.over(key[0]) is not None
            if (wanted != at_server.get(key) or is_hidden) and key[0] not in skipped:
                is_main = key[0] == root or key[0][1:2] == b"_"
                (owners if is_main else later).setdefault(key[0], []).append(RRsetUpdate(key, wanted))
        owners.update(later)
        if not owners and self.is_marked(root):
            return NOTHING
        found = held.found.generation if held else None
        marker = self._marker(root, self._next_generation(root, found))
        part = UnitUpdate(root, held.expected if held else None, marker, takes_over=self._adopt)
        plan = self._fill(part, owners, held, room)
        has_marker = held is None or self.is_marked(root)  # or needs none: only names that others have
        if plan.part is not None and not plan.part.updates and has_marker and plan.obstacles:
            return plan._replace(part=None)
        return plan

    def touch(self, root: bytes) -> UnitUpdate:
        """Return a write to a wanted unit that changes its marker alone."""
        held = self._state.unit(root)
        found = held.found.generation if held else None
        marker = self._marker(root, self._next_generation(root, found))
        return UnitUpdate(root, held.expected if held else None, marker, takes_over=self._adopt)

    def cut_over(self, root: bytes) -> bytes | None:
        """Return what hides a unit: its name, or the marker that fences it."""
        return self._state.cuts.over(root, marker_name(root))

    def is_free(self, root: bytes) -> bool:
        """Whether nothing of others is known that keeps a wanted unit from being written."""
        held = self._state.unit(root)
        if self.cut_over(root) is not None:
            return False
        if held is None:
            return not self._taken(root)
        return self.is_by_us(held) and self.is_plausible(held)

    def deletion(self, root: bytes, room: Room, *, skipped: Collection[bytes] = ()) -> UnitPlan:
        """Return how to delete a unit that is not wanted; the marker goes last."""
        held = self._state.unit(root)
        if held is None or not (self.is_ours(held) and self.is_plausible(held)):
            return NOTHING
        owners: dict[bytes, list[RRsetUpdate]] = {}
        for key in held.rrsets:
            if key[0] not in skipped:
                owners.setdefault(key[0], []).append(RRsetUpdate(key, None))
        marker = self._marker_after(root, held, held.found.tombstone)
        plan = self._fill(UnitUpdate(root, held.expected, marker), owners, held, room)
        if plan.part is not None and not plan.rest and len(plan.part.updates) == len(held.rrsets):
            plan = plan._replace(part=plan.part._replace(after=None))
        return plan

    def tombstone(self, root: bytes, unix_seconds: int) -> UnitPlan:
        """Return how to mark a unit that was found and that nobody wants."""
        held = self._state.unit(root)
        if held is None or not (self.is_ours(held) and self.is_plausible(held)):
            return NOTHING
        return UnitPlan(UnitUpdate(root, held.expected, self._marker_after(root, held, unix_seconds)))

    def _fill(
        self, part: UnitUpdate, owners: dict[bytes, list[RRsetUpdate]], held: Held | None, room: Room
    ) -> UnitPlan:
        """Put as many names into a part as there is room for, each as a whole."""
        known = held.owners() if held else frozenset()
        is_fenced = part.before is not None
        records, octets = room.without(part)
        obstacles = []
        updates: list[RRsetUpdate] = []
        guards: list[Guard] = []
        rest: set[RRsetKey] = set()
        for owner, mine in owners.items():
            cut = self._state.cuts.over(owner)
            if cut is not None and any(update.after for update in mine):
                obstacles.append(Obstacle((owner,), cut=cut))
                continue
            guard: Guard | None = None
            if owner in known:
                if held is not None and not is_fenced:
                    guard = Guard(owner, tuple(held.at(owner)))
            elif self._adopt:
                if Type.CNAME in self._state.foreign(owner):  # nothing can stand beside it
                    mine.insert(0, RRsetUpdate((owner, Type.CNAME), None))
            else:
                guard = self._guard(owner)
                if guard is None:
                    obstacles.append(Obstacle((owner,)))
                    continue
            need = UnitUpdate(b"", None, None, tuple(mine), (guard,) if guard else ())
            if rest or need.record_count > records or need.octets > octets:
                rest.update(key for key, _ in mine if key[1] in MANAGED_TYPES)
                continue
            records, octets = records - need.record_count, octets - need.octets
            updates += mine
            if guard:
                guards.append(guard)
        if rest and not updates:
            return UnitPlan(None, frozenset(rest), tuple(obstacles))
        filled = part._replace(updates=tuple(updates), guards=tuple(guards))
        if records < 0 or octets < 0:
            return UnitPlan(None, frozenset(), tuple(obstacles))
        return UnitPlan(filled, frozenset(rest) or None, tuple(obstacles))

    def _guard(self, owner: bytes) -> Guard | None:
        """Return what a new name has to be like; None where others have it."""
        foreign = self._state.foreign(owner)
        return Guard(owner, tuple(foreign.items())) if self._is_as_wanted(owner) else None

    def _is_as_wanted(self, owner: bytes) -> bool:
        """Whether all that others have at a name is what we want there: it takes nothing from them."""
        rrsets = self._exported.rrsets
        foreign = self._state.foreign(owner)
        return all(
            rdtype in MANAGED_TYPES and rrsets.get((owner, rdtype)) == rrset
            for rdtype, rrset in foreign.items()
        )

    def _taken(self, root: bytes) -> tuple[bytes, ...]:
        """Return names of others at and below a unit without a marker that would be ours with it.

        Those with nothing of the types that we manage stay theirs, and are in the way of themselves at most.
        """
        if self._adopt:
            return ()
        keys = self._units.keys(root)
        own = marker_name(root)
        return tuple(
            owner
            for owner in self._state.foreign_below(root)
            if owner == own or (self._is_claimed(owner) and not self._is_taken_in(owner, keys))
        )

    def _is_claimed(self, owner: bytes) -> bool:
        """Whether a name of others would count as ours where the unit that it is below is."""
        return not (is_wildcard(owner) or MANAGED_TYPES.isdisjoint(self._state.foreign(owner)))

    def _is_taken_in(self, owner: bytes, keys: Collection[RRsetKey]) -> bool:
        return self._is_as_wanted(owner) and any((owner, rdtype) in keys for rdtype in MANAGED_TYPES)

    def _wanted(self, root: bytes, key: RRsetKey) -> ExportedRRset | None:
        return self._exported.rrsets.get(key) if key in self._units.keys(root) else None

    def _marker(self, root: bytes, generation: Generation) -> ExportedRRset:
        marker = Marker(self._identity, self._domain, self._units.service(root), generation)
        return ExportedRRset(self._units.marker_ttl(root), (marker.data(),))

    def _marker_after(self, root: bytes, held: Held, tombstone: int) -> ExportedRRset:
        """Return the next marker of a unit that is not wanted."""
        found = held.found
        generation = self._next_generation(root, found.generation)
        marker = found._replace(generation=generation, tombstone=tombstone)
        return ExportedRRset(held.marker.ttl, (marker.data(),))
