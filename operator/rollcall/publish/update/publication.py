"""One domain at one server: what is wanted, what is there, what is under way. No I/O.

What is to be sent comes of it in `drafts`, what became of it goes into it in `outcomes`, and what was read at
the server in `learning`.
"""

from collections.abc import Callable

from rollcall.model import UpdateTarget
from rollcall.zone.exported import ExportedRRset, ExportedZone, RRsetKey, Version
from rollcall.zone.marker import Generation
from rollcall.zone.unit import Units

from .backlog import Backlog
from .message import Part
from .orphans import Orphans
from .plan import Obstacle, Planner
from .rejections import Rejections
from .server_state import Held, ServerState


class Publication:
    """`epoch` gives the one that markers carry now.

    Attributes:
        learned: whether the server's zone was read once.
        steps: by how much we have raised the zone's serial since it was last looked at, if servers count
            updates; None where it isn't known whether a message had effect.
        seen_epoch: the highest one in markers of this installation at the server.
        is_challenged: whether somebody has written to a unit of ours after us.
        unresolved: messages whose outcome is not known: their parts, by unit.
        attempts: markers that may still get there, with their versions, by unit.
        withdrawn: units that are known to be wanted no more.
        unsure: units that another Rollcall has written, and that may have names we don't know of.
    """

    def __init__(
        self, published: ExportedZone, spec: UpdateTarget, identity: str, epoch: Callable[[], int]
    ) -> None:
        self.published = published
        self.identity = identity
        self.units = Units(published)
        self.planner = Planner(published, self.units, ServerState(), spec, identity, self._next_generation)
        self.backlog = Backlog()
        self.rejections = Rejections()
        self.obstacles: dict[bytes, tuple[bytes, Obstacle]] = {}
        self.orphans = Orphans()
        self.withdrawn: set[bytes] = set()
        self.unresolved: dict[bytes, Part] = {}
        self.attempts: dict[bytes, dict[bytes, int]] = {}
        self.unsure: set[bytes] = set()
        self.learned = False
        self.steps: int | None = 0
        self.seen_epoch = -1
        self.is_challenged = False
        self._epoch = epoch
        self._clock = 0
        self._touched_at: dict[bytes, int] = {}

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
        return self.published.serial

    def on_version(self, version: Version) -> None:
        """Put what a version touches into the backlog."""
        touched = self.units.update(version)
        for root in touched:
            if root in self.units:
                self.withdrawn.discard(root)
                self.orphans.discard(root)
                self._update_rejections(root, touched[root])
            else:
                self.withdrawn.add(root)
                self._forget_trouble(root)
        self.backlog.add_touched(touched)

    def names_of(self, root: bytes) -> set[bytes]:
        """Return the names of a unit that we know of."""
        unit = self.state.units.get(root)
        keys = self.units.keys(root) | (unit.rrsets.keys() if unit else set())
        return {root, *(owner for owner, _ in keys)}

    def differs(self, root: bytes, marker: ExportedRRset | None) -> bool:
        """Whether a marker is another one than the server has, as far as we know."""
        unit = self.state.units.get(root)
        return data_of(marker) != data_of(unit.marker if unit else None)

    def roots(self) -> list[bytes]:
        """Return the units that are wanted, or known to be at the server and ours."""
        ours = (root for root, unit in self.state.units.items() if self.planner.is_ours(unit))
        return list(dict.fromkeys((*self.units, *ours)))

    @property
    def is_sure(self) -> bool:
        """Whether there is no unit that is unsure."""
        return not self.unsure

    def is_unsure(self, root: bytes) -> bool:
        """Whether a unit may have names that we don't know of.

        Another Rollcall has written it, or a message of ours that had been given up.
        """
        return root in self.unsure

    def is_newer(self, root: bytes, since: int) -> bool:
        """Whether something was sent for a unit after a point, or may still get there."""
        return self._touched_at.get(root, 0) > since or root in self.unresolved

    def touched_since(self, since: int) -> list[bytes]:
        """Return the units for which `is_newer` holds, as far as something was sent for them."""
        return [root for root in self._touched_at if self.is_newer(root, since)]

    def looked_at_all(self, since: int) -> None:
        """Take in that everything is known as it was at a point of ours, but for what is newer."""
        self.unsure = {root for root in self.unsure if self.is_newer(root, since)}
        self._touched_at = {root: at for root, at in self._touched_at.items() if at > since}

    def touch(self, root: bytes) -> None:
        """Note that something was sent or read for a unit."""
        self._clock += 1
        self._touched_at[root] = self._clock

    def see(self, unit: Held) -> None:
        """Take in the epoch of a marker of this installation."""
        self.seen_epoch = max(self.seen_epoch, unit.found.generation.epoch)

    def doubt(self, part: Part) -> None:
        """Note that a marker like ours may be another's: without an election, epochs may be the same."""
        if part.after is not None:
            self.unsure.add(part.root)

    def compare(self, root: bytes, *, live: bool = False) -> None:
        """Put a unit into the backlog, if it differs."""
        keys = self.planner.differing(root)
        if keys or not self.planner.is_marked(root):
            lane = self.backlog.live if live else self.backlog.flood
            self.backlog.add(root, keys, lane)

    def note_orphan(self, root: bytes) -> None:
        """Note whether a unit at the server is ours, and wanted by nobody."""
        unit = self.state.units.get(root)
        if unit is None or root in self.units or root in self.withdrawn or not self.planner.is_ours(unit):
            self.orphans.discard(root)
        else:
            self.orphans.found(root)

    def _next_generation(self, root: bytes, found: Generation | None) -> Generation:
        """Return a generation above what is there, and unlike any that we have tried."""
        tried = max(self.attempts.get(root, {}).values(), default=0)
        version = max(self.published.serial, tried + 1, found.version + 1 if found else 0)
        return Generation(self._epoch(), version)

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


def data_of(marker: ExportedRRset | None) -> tuple[bytes, ...]:
    """Return the records of a marker, none where there is none: its ttl makes no difference."""
    return marker.records if marker else ()
