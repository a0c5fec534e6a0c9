"""A zone that takes updates as RFC 2136 section 3 says, and nothing else; it reads what we compose."""

from rollcall.dnswire.header import Rcode
from rollcall.dnswire.message import ResourceRecord, read
from rollcall.dnswire.types import CLASS_ANY, CLASS_NONE, IN, Type
from rollcall.publish.update.server_state import ServerState, names_of, sort_names
from rollcall.zone.exported import ExportedRRset, RRsetKey

NONE = ExportedRRset(0, ())


class ModelServer:
    """`rrsets` is what it holds; `refused` are keys that it takes no update of."""

    def __init__(self) -> None:
        self.rrsets: dict[RRsetKey, ExportedRRset] = {}
        self.refused: set[RRsetKey] = set()
        self.applied = 0

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
        self.applied += 1
        return Rcode.NOERROR

    def _change(self, record: ResourceRecord) -> None:
        key = record.owner, record.rdtype
        if record.rdclass == CLASS_ANY:
            self.rrsets.pop(key, None)
        else:
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

    def at(self, owner: bytes) -> dict[int, ExportedRRset]:
        """Return what is at a name."""
        return {rdtype: rrset for (name, rdtype), rrset in self.rrsets.items() if name == owner}
