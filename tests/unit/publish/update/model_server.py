"""A zone that takes updates as RFC 2136 section 3 says, and nothing else; it reads what we compose."""

from collections.abc import Iterable

from rollcall.dnswire.header import Rcode
from rollcall.dnswire.message import ResourceRecord, read
from rollcall.dnswire.names import suffixes
from rollcall.dnswire.types import CLASS_ANY, CLASS_NONE, IN, Type
from rollcall.publish.update.cuts import CUT_TYPES, Cuts
from rollcall.publish.update.reading import Reading
from rollcall.publish.update.server_state import ServerState, names_of, sort_names
from rollcall.zone.exported import ExportedRRset, RRsetKey

NONE = ExportedRRset(0, ())


class ModelServer:
    """`rrsets` is what it holds; `refused` are keys that it takes no update of.

    Each update and each change by others is one step of `serial`.
    """

    def __init__(self) -> None:
        self.rrsets: dict[RRsetKey, ExportedRRset] = {}
        self.refused: set[RRsetKey] = set()
        self.serial = 1

    def update(self, wire: bytes) -> int:
        """Answer an update: its rcode."""
        message = read(wire)
        expected: dict[RRsetKey, set[bytes]] = {}
        for record in message.answers:
            if record.rdclass == IN:
                expected.setdefault((record.owner, record.rdtype), set()).add(record.data)
            elif record.rdtype == Type.ANY and record.rdclass == CLASS_NONE:
                if any(owner == record.owner for owner, _ in self.rrsets):
                    return Rcode.YXDOMAIN
            elif record.rdclass == CLASS_NONE:
                if (record.owner, record.rdtype) in self.rrsets:
                    return Rcode.YXRRSET
            else:
                raise AssertionError(f"a prerequisite that we don't use: {record}")
        for key, data in expected.items():
            if set(self.rrsets.get(key, NONE).records) != data:
                return Rcode.NXRRSET
        if any((record.owner, record.rdtype) in self.refused for record in message.authorities):
            return Rcode.REFUSED
        for record in message.authorities:
            self._change(record)
        self.serial += 1
        return Rcode.NOERROR

    def _change(self, record: ResourceRecord) -> None:
        key = record.owner, record.rdtype
        if record.rdclass == CLASS_ANY:
            self.rrsets.pop(key, None)
        elif record.rdtype == Type.CNAME or (record.owner, Type.CNAME) not in self.rrsets:  # section 3.4.2.2
            assert record.rdclass == IN
            data = {*self.rrsets.get(key, NONE).records, record.data}
            self.rrsets[key] = ExportedRRset(record.ttl, tuple(sorted(data)))

    def state(self, identity: str) -> ServerState:
        """Return what a transfer shows."""
        return sort_names(
            names_of(
                (owner, rdtype, rrset.ttl, data)
                for (owner, rdtype), rrset in self.rrsets.items()
                for data in rrset.records
            ),
            identity,
        )

    def replace(self, owner: bytes, rdtype: int, rrset: ExportedRRset | None) -> None:
        """Let others put an RRset at a name in place of all that is there; None takes theirs away."""
        self.serial += 1
        for key in [key for key in self.rrsets if key[0] == owner]:
            if rrset is None and key[1] != rdtype:
                continue
            if rrset is None or Type.CNAME in (rdtype, key[1]):
                del self.rrsets[key]
        if rrset is not None:
            self.rrsets[owner, rdtype] = rrset

    def reading(self, names: Iterable[bytes]) -> Reading:
        """Return what queries for names show."""
        asked = list(names)
        return Reading(
            {owner: {} if self._hides(owner) else self.at(owner) for owner in asked}, self.cuts(asked)
        )

    def cuts(self, names: Iterable[bytes]) -> Cuts:
        """Return the cuts that queries for names show."""
        cuts = Cuts()
        above = {each for name in names for each in suffixes(name)}
        for owner, rdtype in self.rrsets:
            if owner in above and rdtype in CUT_TYPES:
                cuts.add(owner, rdtype)
        return cuts

    def _hides(self, owner: bytes) -> bool:
        return self.cuts([owner]).over(owner) is not None

    def at(self, owner: bytes) -> dict[int, ExportedRRset]:
        """Return what is at a name."""
        return {rdtype: rrset for (name, rdtype), rrset in self.rrsets.items() if name == owner}
