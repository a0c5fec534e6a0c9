"""What readings and writes teach of the server: what is there, how sure of it we are, and who else writes."""

from collections.abc import Callable, Mapping

from rollcall.dnswire.types import MANAGED_TYPES, Type
from rollcall.zone.exported import ExportedZone
from rollcall.zone.marker import HIGHEST_VERSION, marker_name

from .in_flight import InFlight
from .message import UnitUpdate
from .server_state import NO_MARKER, Held, RRsets, ServerState, held


class Knowledge:
    """Keeps `state` as true as it can be known.

    A unit is *unsure* if it may have names that we don't know of: another Rollcall has written it, or a
    message of ours that had been given up. We are *challenged* if somebody has written to a unit of ours
    after us.
    """

    def __init__(
        self,
        state: ServerState,
        exported: ExportedZone,
        in_flight: InFlight,
        identity: str,
        is_ours: Callable[[Held], bool],
        is_plausible: Callable[[Held], bool],
    ) -> None:
        self._state = state
        self._exported = exported
        self._in_flight = in_flight
        self._identity = identity
        self._is_ours = is_ours
        self._is_plausible = is_plausible
        self._is_complete = False
        self._unsure: set[bytes] = set()
        self._highest_epoch = -1
        self._is_challenged = False

    # --- how sure we are ---------------------------------------------------------------------------------

    @property
    def is_complete(self) -> bool:
        """Whether the server's zone was read once."""
        return self._is_complete

    def complete(self) -> None:
        """Note that all that can be had from the server was read."""
        self._is_complete = True

    @property
    def is_sure(self) -> bool:
        """Whether no unit is unsure."""
        return not self._unsure

    def is_unsure(self, root: bytes) -> bool:
        """Whether a unit may have names that we don't know of."""
        return root in self._unsure

    def doubt(self, part: UnitUpdate) -> None:
        """Note that a marker like ours may be another's: without an election, epochs may be the same."""
        if part.after is not None:
            self._unsure.add(part.root)

    def trust(self, root: bytes) -> None:
        """Note that a unit was read with all of its names."""
        self._unsure.discard(root)

    def trust_until(self, since: int) -> list[bytes]:
        """Note that all names were read as they were at a point; return the units that were unsure."""
        sure = [root for root in self._unsure if not self._in_flight.is_newer(root, since)]
        self._unsure.difference_update(sure)
        return sure

    # --- other writers of this installation --------------------------------------------------------------

    @property
    def highest_epoch(self) -> int:
        """The highest epoch in markers of this installation at the server."""
        return self._highest_epoch

    def is_outranked(self, epoch: int) -> bool:
        """Whether another may lead, as far as the server shows, so that our epoch has to be raised."""
        return self._highest_epoch > epoch or (self._is_challenged and self._highest_epoch == epoch)

    @property
    def is_challenged(self) -> bool:
        """Whether somebody has written to a unit of ours after us."""
        return self._is_challenged

    def end_challenge(self) -> None:
        """Note that we lead after all, with an epoch that is not outranked."""
        self._is_challenged = False

    def _see(self, unit: Held) -> None:
        epoch, version = unit.found.generation
        needed = epoch + (version > HIGHEST_VERSION)  # no version is above it: an epoch has to be
        self._highest_epoch = max(self._highest_epoch, needed)

    # --- what was written, and read ----------------------------------------------------------------------

    def write(self, part: UnitUpdate) -> None:
        """Note that a part of a message has had effect."""
        self._in_flight.settle(part.root)
        self._state.write(part)
        if (unit := self._state.unit(part.root)) is not None:
            self._see(unit)

    def read_names(self, root: bytes, names: Mapping[bytes, RRsets]) -> None:
        """Replace what is known of a unit by what is at its marker, and at names of it that we know of."""
        state = self._state
        own = marker_name(root)
        marker = names[own].get(Type.TXT)
        unit = held(marker) if marker else None
        state.set_foreign(own, {} if unit else names[own])
        known = state.unit(root)
        if unit is not None and known is not None:  # a whole reading may have found names meanwhile
            unit.rrsets.update({key: it for key, it in known.rrsets.items() if key[0] not in names})
        for owner, rrsets in names.items():
            if owner == own:
                continue
            mine = {(owner, rdtype): rrset for rdtype, rrset in rrsets.items() if rdtype in MANAGED_TYPES}
            if unit is not None and unit.found.owner == self._identity and (mine or not rrsets):
                unit.rrsets.update(mine)
                state.set_foreign(owner, {})
            else:
                state.set_foreign(owner, rrsets)
        self.read(root, unit, state)

    def read(self, root: bytes, unit: Held | None, reading: ServerState) -> None:
        """Replace what is known of a unit by what was read, together with the names of others."""
        known = self._state.unit(root)
        if unit is None and known is not None and known.found.owner == self._identity:
            unit = self._without_marker(root, known, reading)
        is_new = unit is not None and not self._state.has_marker(root, unit.marker)
        self._state.set_unit(root, unit)
        if unit is None:
            return
        is_news = self._is_complete and unit.expected is not None
        if is_news and is_new:
            self._unsure.add(root)
        elif is_news and known is not None and root not in self._unsure:
            _leave_to_others(known, unit, reading)
        wanted = self._exported.rrsets
        unit.rrsets = {
            key: wanted[key] if wanted.get(key) == rrset else rrset for key, rrset in unit.rrsets.items()
        }
        if unit.expected is None or not (self._is_ours(unit) and self._is_plausible(unit)):
            return
        self._see(unit)
        if not (is_news and is_new) or self._in_flight.may_leave(root, unit.marker):
            return
        if known is None or unit.found.generation > known.found.generation:
            self._is_challenged = True

    def _without_marker(self, root: bytes, known: Held, reading: ServerState) -> Held | None:
        """Return what is still ours of a unit whose marker somebody has deleted."""
        unit = Held(NO_MARKER, known.found)
        wanted = self._exported.rrsets
        for owner in list(reading.foreign_below(root)):
            rrsets = {(owner, rdtype): rrset for rdtype, rrset in reading.foreign(owner).items()}
            if all(rrset in (known.rrsets.get(key), wanted.get(key)) for key, rrset in rrsets.items()):
                unit.rrsets.update(rrsets)
                reading.set_foreign(owner, {})
        return unit if unit.rrsets else None


def _leave_to_others(known: Held, unit: Held, reading: ServerState) -> None:
    """Leave names alone that have come to a unit without a write of Rollcall's: they are not ours."""
    for owner in unit.owners() - known.owners():
        mine = dict(unit.at(owner))
        reading.set_foreign(owner, {**reading.foreign(owner), **mine})
        for rdtype in mine:
            del unit.rrsets[owner, rdtype]
