"""One domain at one server: what is wanted, what is there, and the fate of each message. No I/O.

A message takes effect as a whole or not at all, and the server says which, or nothing. It changes a unit
`before → after` (the markers). Its fate, what the server then holds at the unit's marker, and what follows:

| fate     | marker there     | what follows for the unit                                                |
| -------- | ---------------- | ------------------------------------------------------------------------ |
| applied  | after            | known as written                                                         |
| refused  | before           | the message is halved; a name that is refused alone is left out, and     |
|          |                  | tried again later                                                        |
| returned | before           | back to the worklist; the target as a whole takes nothing                |
| conflict | after            | the message was doubled on its way, and the first one has done it: known |
|          |                  | as written, but unsure; read anew                                        |
|          | none, after a    | read anew: it was doubled, or others have deleted the marker, and what   |
|          | deletion         | we had written may still be there                                        |
|          | before           | back to the worklist: another unit of the message was the reason         |
|          | before, but a    | read anew: others have put something at a name of it                     |
|          | guard is broken  |                                                                          |
|          | another          | read anew: there is another writer                                       |
|          | hidden           | forgotten: a delegation or a DNAME has come. Nothing is written until it |
|          |                  | has gone; then it is read like one that was never known                  |
|          | before, in all   | as refused: it was not a conflict at all                                 |
|          | units            |                                                                          |
|          | no answer        | back to the worklist: it fails again, and then there may be an answer    |
| unknown  | not known        | in flight: nothing is written before the marker was read. The next       |
|          |                  | marker is unlike each that may still arrive                              |
|  then    | after            | known as written; unsure, unless the server had acknowledged it: without |
|          |                  | an election, another's marker may be the same                            |
|          | none, after a    | read anew, as above, unless the server had acknowledged it               |
|          | deletion         |                                                                          |
|          | before           | back to the worklist. If the message arrives after all, its own          |
|          |                  | prerequisite refuses it once the unit was written                        |
|          | another          | read anew: there is another writer                                       |
|          | hidden           | forgotten, as above                                                      |

What is read anew is compared, and what differs goes to the worklist. A marker that is newer than what we knew
challenges us: the next message waits until we know that we lead, and have an epoch above the other's. What
is to be done for a unit, by its own state, is said in `worklist`.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from rollcall.dnswire.names import is_at_or_below, parent, suffixes
from rollcall.model import UpdateTarget
from rollcall.zone.exported import ExportedZone, Version
from rollcall.zone.marker import HIGHEST_EPOCH, HIGHEST_VERSION, Generation, marker_name
from rollcall.zone.unit import Units, nearest_root

from .cuts import Cuts
from .drafts import Draft
from .in_flight import InFlight
from .knowledge import Knowledge
from .message import UnitUpdate
from .plan import Planner
from .reading import Reading
from .serial_count import SerialCount
from .server_state import ServerState, data_of
from .worklist import SLICE, Worklist


class Fate(StrEnum):
    """What became of a message."""

    APPLIED = "applied"
    CONFLICT = "conflict"
    REFUSED = "refused"
    RETURNED = "returned"
    UNKNOWN = "unknown"


class Publication:
    """`epoch` gives the one that markers carry now, `clock` is a monotonic one.

    Attributes:
        knowledge: how sure we are of what is there, and whether others write.
        worklist: what is left to do, and what is sent next.
        serial_count: whether somebody else has written since the zone was as we know it.
    """

    def __init__(
        self,
        exported: ExportedZone,
        spec: UpdateTarget,
        identity: str,
        epoch: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exported = exported
        self._epoch = epoch
        self._units = Units(exported)
        self._state = ServerState()
        self._in_flight = InFlight()
        planner = Planner(exported, self._units, self._state, spec, identity, epoch, self._next_generation)
        self._planner = planner
        self.knowledge = Knowledge(
            self._state, exported, self._in_flight, identity, planner.is_ours, planner.is_plausible
        )
        self.worklist = Worklist(self._units, self._state, self.knowledge, self._planner, clock)
        self._hidden: dict[bytes, set[bytes]] = {}  # what is to be read of units when they can be seen again
        self.serial_count = SerialCount()

    # --- what is wanted ----------------------------------------------------------------------------------

    def build(self) -> Iterator[None]:
        """Index what is wanted, a slice at a time; versions may come in between."""
        return self._units.build()

    def on_version(self, version: Version) -> None:
        """Add what a version touches to the worklist."""
        self.worklist.add_touched(self._units.update(version))

    @property
    def serial(self) -> int:
        """The version that drafts bring."""
        return self._exported.serial

    # --- the fate of a message ---------------------------------------------------------------------------

    @contextmanager
    def under_way(self, draft: Draft) -> Iterator[None]:
        """Send a message within, and find its fate: until then no reading says what is at its units."""
        roots = [part.root for part in draft.parts]
        self._in_flight.send(roots)
        try:
            yield
        finally:
            self._in_flight.land(roots)

    @contextmanager
    def explaining(self, draft: Draft) -> Iterator[None]:
        """Ask within why a message had no effect; where there is no answer, it is still to be sent."""
        try:
            yield
        except BaseException:
            self.on_returned(draft)
            raise

    def on_applied(self, draft: Draft) -> None:
        """Know a message as written."""
        self.serial_count.add()
        for part in draft.parts:
            self._write(part)

    def on_refused(self, draft: Draft, rcode: int) -> bool:
        """Divide a message that the server doesn't take; return whether it was a single name: left out."""
        if self.worklist.divide(draft):
            return False
        self.worklist.leave_out(draft, rcode)
        return True

    def on_returned(self, draft: Draft) -> None:
        """Put what a message was made of back into the worklist."""
        self.worklist.give_back(draft)

    def on_conflict(self, draft: Draft, reading: Reading) -> list[bytes]:
        """Return the units that are to be read anew, after their markers and guarded names were read.

        Where there are none, it was not a conflict.
        """
        self.serial_count.lose()
        self._state.cuts.add_all(reading.cuts)
        found = []
        for part in draft.parts:
            if reading.hides(marker_name(part.root)):
                self._forget(part)
                found.append(part.root)
                continue
            marker = reading.marker(part.root)
            # The first of two has done it.
            if part.after is not None and data_of(marker) == part.after.records:
                self._write(part)
                self.knowledge.doubt(part)
                found.append(part.root)
                continue
            is_other = data_of(marker) != data_of(part.before)
            if part.before is None and reading.names[marker_name(part.root)]:
                is_other = True  # something that is not a marker
            for owner, rrsets in part.guards:
                expected = {rdtype: rrset.records for rdtype, rrset in rrsets}
                at_server = reading.names[owner]
                if {rdtype: rrset.records for rdtype, rrset in at_server.items()} != expected:
                    self._state.set_foreign(owner, at_server)
                    is_other = True
                elif reading.hides(owner):
                    is_other = True
            if is_other:
                found.append(part.root)
        if found:
            self.on_returned(draft)
        return found

    def on_unknown(self, draft: Draft) -> None:
        """Keep in mind what may have had effect, or may still have it."""
        self.serial_count.lose()
        for part in draft.parts:
            self._in_flight.lose(part)
        self.on_returned(draft)

    def unresolved(self) -> list[bytes]:
        """Return the units whose markers have to be read before anything is written."""
        return self._in_flight.roots()

    def resolve(self, root: bytes, reading: Reading, *, is_acknowledged: bool = False) -> Fate:
        """Return the fate of what is in flight for a unit, by the marker that it has."""
        part = self._in_flight.pop(root)
        self._state.cuts.add_all(reading.cuts)
        if reading.hides(marker_name(root)):
            self._forget(part)
            return Fate.UNKNOWN
        marker = reading.marker(root)
        if part.after is None and not (marker or is_acknowledged):
            return Fate.CONFLICT
        if data_of(marker) == data_of(part.after):
            self._write(part)
            if not is_acknowledged:
                self.knowledge.doubt(part)
            return Fate.APPLIED
        return Fate.RETURNED if data_of(marker) == data_of(part.before) else Fate.CONFLICT

    def had_effect(self, draft: Draft) -> dict[bytes, bool]:
        """Return of which units the server has the markers that a message wrote; only of those to be seen."""
        seen = (part for part in draft.parts if self._planner.cut_over(part.root) is None)
        return {part.root: self._state.has_marker(part.root, part.after) for part in seen}

    def on_dropped(self, draft: Draft, roots: Collection[bytes]) -> None:
        """Leave out units whose parts were acknowledged and not written."""
        self.worklist.leave_out_units([part for part in draft.parts if part.root in roots])

    def _forget(self, part: UnitUpdate) -> None:
        """Forget a unit that is hidden, but for the names that have to be read when it can be seen again."""
        names = self._hidden.setdefault(part.root, set())
        names.update(owner for (owner, _), _ in part.updates)
        if (unit := self._state.unit(part.root)) is not None:
            names.update(unit.owners())
        self._state.set_unit(part.root, None)

    def _write(self, part: UnitUpdate) -> None:
        self.knowledge.write(part)
        self.worklist.note_written(part)

    # --- what was read -----------------------------------------------------------------------------------

    def begin_reading(self) -> int:
        """Return the point in time from which on a reading is older than what we send."""
        self.serial_count.lose()
        return self._in_flight.now

    def end_reading(self, since: int, serial: int | None) -> None:
        """Note that the zone was read as it was at a serial; from there on messages are counted.

        Unless we wrote meanwhile: what was read of those units doesn't count, and whether the serial has our
        messages in it is not known. The next reading will tell.
        """
        if not self._in_flight.touched_since(since):
            self.serial_count.begin(serial)
        self._in_flight.forget_until(since)

    def roots(self) -> list[bytes]:
        """Return the units that are wanted, or known to be at the server and ours, or hidden."""
        ours = (root for root, unit in self._state.units() if self._planner.is_ours(unit))
        return list(dict.fromkeys((*self._units, *ours, *self._hidden)))

    def names_above(self, roots: Iterable[bytes], zone: bytes) -> list[bytes]:
        """Return the names between units and the top of the zone at the server."""
        above: dict[bytes, None] = {}
        for root in roots:
            for name in suffixes(parent(root)):
                if name == zone or name in above:
                    break
                above[name] = None
        return list(above)

    def names_of(self, root: bytes) -> set[bytes]:
        """Return the names of a unit that we know of."""
        unit = self._state.unit(root)
        keys = self._units.keys(root) | (unit.rrsets.keys() if unit else set())
        return {root, *(owner for owner, _ in keys), *self._hidden.get(root, ())}

    def learn_zone(self, found: ServerState, since: int) -> Iterator[None]:
        """Compare with the whole zone, as it was at a point in time; a slice at a time.

        Units that we wrote to since then are left as we know them.
        """
        count = 0
        for root in list(dict.fromkeys((*found, *self._state))):
            unit = found.unit(root)
            if not self._in_flight.is_newer(root, since):
                self._hidden.pop(root, None)
                self.knowledge.read(root, unit, found)
                self.knowledge.trust(root)
                self.worklist.note_orphan(root)
            count += 1 + (len(unit.rrsets) if unit else 0)
            if count >= SLICE:
                count = 0
                yield
        for root in self._in_flight.touched_since(since):
            for owner in list(found.foreign_below(root)):
                found.set_foreign(owner, {})
        self._state.replace_foreign(found)
        self.knowledge.complete()
        yield
        yield from self.worklist.compare_all()
        self.knowledge.trust_until(since)

    def learn_cuts(self, found: Cuts) -> None:
        """Replace what is known of cuts above units; those within one are read with it."""
        cuts = self._state.cuts
        cuts.discard([owner for owner in cuts if nearest_root(owner, self._units.__contains__) is None])
        cuts.add_all(found)

    def learn_unit(self, root: bytes, reading: Reading, since: int | None = None) -> None:
        """Compare with a unit's marker, and with what is at each of its names that we know of.

        Where it was read for a reading of all, that began at a point in time, what we wrote since is newer.
        Where it was read because of a message, it is newer than any reading of all that is under way.
        """
        if since is None:
            self._in_flight.touch(root)
        elif self._in_flight.is_newer(root, since):
            return
        own = marker_name(root)
        owners = [owner for owner in (own, *self.names_of(root)) if owner in reading.names]
        if cuts := self._state.cuts:
            cuts.discard(name for owner in owners for name in suffixes(owner) if is_at_or_below(name, root))
        cuts.add_all(reading.cuts)
        if not reading.hides(own):
            seen = {owner: reading.names[owner] for owner in owners if not reading.hides(owner)}
            self.knowledge.read_names(root, seen)
            if self._hidden.get(root, set()) <= reading.names.keys():
                self._hidden.pop(root, None)
            self.worklist.note_orphan(root)
        self.worklist.compare(root, is_live=True)

    def complete_by_names(self, since: int) -> None:
        """Note that all names that we know of were read: more is not to be had from this server."""
        self.knowledge.complete()
        for root in self.knowledge.trust_until(since):
            self.worklist.add_unwanted(root)

    def _next_generation(self, root: bytes, found: Generation | None) -> Generation:
        """Return a generation above what is there, and unlike any that may still arrive.

        A new epoch is above any version; those go on from the serial then, whatever others wrote.
        """
        epoch = self._epoch()
        version = max(self._exported.serial, self._in_flight.highest_version(root) + 1)
        is_term = found is not None and epoch <= found.epoch <= max(epoch, HIGHEST_EPOCH)
        if found is not None and is_term and found.version <= HIGHEST_VERSION:
            version = max(version, found.version + 1)
        return Generation(epoch, version)
