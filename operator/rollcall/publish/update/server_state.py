"""What is known of the server's zone, within our domain: units with a marker, and names of others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rollcall.dnswire.names import suffixes
from rollcall.dnswire.types import MANAGED_TYPES, Type
from rollcall.zone.exported import ExportedRRset, RRsetKey
from rollcall.zone.marker import Marker, is_marker_name, parse, root_of_marker
from rollcall.zone.unit import nearest_root

from .cuts import CUT_TYPES, Cuts
from .message import UnitUpdate

RRsets: TypeAlias = Mapping[int, ExportedRRset]
"""What is at a name, by type."""


@dataclass(slots=True)
class Held:
    """A unit at the server. `found` is what its marker says, `rrsets` are those of managed types.

    A `marker` without records: somebody has deleted it. `found` is then what it said before, and `rrsets`
    are those that are still as we left them, or as we want them.
    """

    marker: ExportedRRset
    found: Marker
    rrsets: dict[RRsetKey, ExportedRRset] = field(default_factory=dict)

    @property
    def expected(self) -> ExportedRRset | None:
        """Return the marker that a write must find, None for none at all."""
        return self.marker if self.marker.records else None

    def owners(self) -> frozenset[bytes]:
        """Return the names that have RRsets."""
        return frozenset(owner for owner, _ in self.rrsets)

    def at(self, owner: bytes) -> Iterator[tuple[int, ExportedRRset]]:
        """Yield type and RRset of what is at a name."""
        for rdtype in MANAGED_TYPES:
            if (rrset := self.rrsets.get((owner, rdtype))) is not None:
                yield rdtype, rrset


NO_MARKER = ExportedRRset(0, ())


def held(marker: ExportedRRset) -> Held | None:
    """Return a unit with a marker and nothing else; None where none of the records is a marker.

    Where there are several, the newest counts.
    """
    markers = [found for data in marker.records if (found := parse(data)) is not None]
    if not markers:
        return None
    return Held(marker, max(markers, key=lambda each: each.generation))


def data_of(marker: ExportedRRset | None) -> tuple[bytes, ...]:
    """Return the records of a marker, none where there is none: its ttl makes no difference."""
    return marker.records if marker else ()


class ServerState:
    """The units at a server, by root, and the names there that are not ours, by owner.

    Attributes:
        cuts: delegations and DNAMEs of others, at and above the domain too.
    """

    def __init__(
        self, units: dict[bytes, Held] | None = None, foreign: Mapping[bytes, RRsets] | None = None
    ) -> None:
        self._units = units if units is not None else {}
        self._foreign: dict[bytes, RRsets] = {}
        self._below: dict[bytes, set[bytes]] = {}
        self.cuts = Cuts()
        for owner, rrsets in (foreign or {}).items():
            self.set_foreign(owner, rrsets)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._units)

    def unit(self, root: bytes) -> Held | None:
        """Return a unit, None where there is none."""
        return self._units.get(root)

    def units(self) -> Iterable[tuple[bytes, Held]]:
        """Return the units with their roots."""
        return self._units.items()

    def set_unit(self, root: bytes, unit: Held | None) -> None:
        """Replace a unit; None: there is none."""
        if unit is None:
            self._units.pop(root, None)
        else:
            self._units[root] = unit

    def write(self, part: UnitUpdate) -> None:
        """Do what a part of a message has done at the server."""
        if part.after is None:
            self.set_unit(part.root, None)
            return
        fresh = held(part.after)
        assert fresh is not None, "what we write is a marker"
        unit = self._units.setdefault(part.root, fresh)
        unit.marker, unit.found = fresh.marker, fresh.found
        for key, after in part.updates:
            if key[0] in self._foreign:
                self.set_foreign(key[0], {})
            if key[1] not in MANAGED_TYPES:
                continue
            if after is None:
                unit.rrsets.pop(key, None)
            else:
                unit.rrsets[key] = after

    def has_marker(self, root: bytes, marker: ExportedRRset | None) -> bool:
        """Whether a unit has a marker with these data; None: whether it has none."""
        unit = self._units.get(root)
        return data_of(marker) == data_of(unit.marker if unit else None)

    def foreign(self, owner: bytes) -> RRsets:
        """Return what others have at a name."""
        return self._foreign.get(owner, {})

    def set_foreign(self, owner: bytes, rrsets: RRsets) -> None:
        """Note what others have at a name; nothing, if there is nothing."""
        names = suffixes(owner)
        if rrsets:
            self._foreign[owner] = rrsets
            for name in names:
                self._below.setdefault(name, set()).add(owner)
        elif self._foreign.pop(owner, None) is not None:
            for name in names:
                owners = self._below[name]
                owners.discard(owner)
                if not owners:
                    del self._below[name]

    def foreign_below(self, root: bytes) -> Iterable[bytes]:
        """Return the names of others at and below a name."""
        return self._below.get(root, ())

    def replace_foreign(self, read: "ServerState") -> None:
        """Replace all names of others by those of a reading, which is not used any more."""
        self._foreign, self._below, self.cuts = read._foreign, read._below, read.cuts


def sort_names(names: Mapping[bytes, RRsets], identity: str) -> ServerState:
    """Tell units from names of others."""
    units: dict[bytes, Held] = {}
    for owner, rrsets in names.items():
        if is_marker_name(owner) and (marker := rrsets.get(Type.TXT)) is not None:
            unit = held(marker)
            if unit is not None:
                units[root_of_marker(owner)] = unit
    foreign: dict[bytes, RRsets] = {}
    for owner, rrsets in names.items():
        if is_marker_name(owner) and root_of_marker(owner) in units:
            continue
        root = nearest_root(owner, units.__contains__)
        managed = () if is_wildcard(owner) else rrsets.keys() & MANAGED_TYPES
        if root is None or units[root].found.owner != identity or not managed:
            foreign[owner] = rrsets
        else:
            units[root].rrsets.update({(owner, rdtype): rrsets[rdtype] for rdtype in managed})
    state = ServerState(units, foreign)
    for owner, rrsets in names.items():
        for rdtype in CUT_TYPES:
            if rdtype in rrsets:
                state.cuts.add(owner, rdtype)
    return state


def is_wildcard(owner: bytes) -> bool:
    """Whether a name is a wildcard, which is never ours: none of our labels is a star."""
    return owner.startswith(b"\x01*")


def names_of(records: Iterable[tuple[bytes, int, int, bytes]]) -> dict[bytes, dict[int, ExportedRRset]]:
    """Put (owner, type, ttl, data) records together; of several ttls in an RRset the lowest counts."""
    found: dict[RRsetKey, tuple[int, set[bytes]]] = {}
    for owner, rdtype, ttl, data in records:
        lowest, members = found.get((owner, rdtype), (ttl, set()))
        members.add(data)
        found[owner, rdtype] = (min(lowest, ttl), members)
    names: dict[bytes, dict[int, ExportedRRset]] = {}
    for (owner, rdtype), (ttl, members) in found.items():
        names.setdefault(owner, {})[rdtype] = ExportedRRset(ttl, tuple(sorted(members)))
    return names
