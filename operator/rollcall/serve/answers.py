"""The answers to all questions about a table, ready to be sent.

The source of a question's answers is made when it is first asked, and dropped when the records behind it
change. An answer doesn't hold the question (its owner names point to offset 12), so that it fits every
spelling of the name in upper and lower case, with EDNS and without.
"""

from random import Random

from rollcall.dnswire.edns import MAX_OPT_SIZE
from rollcall.dnswire.header import HEADER_SIZE, MAX_MESSAGE, Rcode
from rollcall.dnswire.message import record
from rollcall.dnswire.types import ADDRESS_TYPES, IN, RECORD_TYPES, Type
from rollcall.zone.changes import ZoneDelta

from .sampling import answerable, whole
from .sources import Source, of_nothing, of_records, of_soa
from .table import AnsweredZone, AnswerSet, Table
from .variants import CLASS_IN, Compiler

_ANY, _SOA = int(Type.ANY), int(Type.SOA)

_FRAME = HEADER_SIZE + MAX_OPT_SIZE
"""What a message holds beside question and records."""

HOT_TYPES = frozenset(int(row.type) for row in RECORD_TYPES if row.is_hot)
"""Types for which sources are kept. None has a byte that is an ASCII letter: see `Answers.hot`."""


class Answers:
    """Answers from a table; there is none until `replace` has given it one."""

    def __init__(self, rng: Random) -> None:
        self.hot: dict[bytes, Source] = {}
        """Sources by question: name, type and class IN, all as `bytes.lower` leaves them.

        Lowering the whole question at once is sound because a length byte, a type and a class that are kept
        here hold no byte in A-Z or a-z: no other question can be lowered into one of them.
        """
        self._rng = rng
        self._table: Table | None = None
        self._negative: dict[tuple[bytes, int, int], Source] = {}
        self._dependents: dict[bytes, set[bytes]] = {}  # host → questions with its addresses in additional

    def replace_table(self, table: Table) -> None:
        """Answer from this table from now on."""
        self._table = table
        self._forget_all()

    def apply_delta(self, delta: ZoneDelta) -> None:
        """Change the table and drop what was made of the records that changed. Raises DeltaError."""
        assert self._table is not None
        rrsets, vanished, everything = self._table.apply_delta(delta)
        if everything:
            self._forget_all()
            return
        forget = self.hot.pop
        for owner, rdtype in rrsets:
            forget(_question(owner, rdtype), None)
            for dependent in self._dependents.pop(owner, ()):
                forget(dependent, None)
        for name in vanished:
            for rdtype in HOT_TYPES:
                forget(_question(name, rdtype), None)

    def find(self, name: bytes, rdtype: int) -> tuple[Rcode, Source | None]:
        """Look up the answer to a question of class IN; it has a source where the zone is ours.

        `name` is in lower case.
        """
        if self._table is None:
            return Rcode.SERVFAIL, None
        zone = self._table.zone_of(name)
        if zone is None:
            return Rcode.REFUSED, None
        node = zone.nodes.get(name)
        if node is None and not self._table.is_above_a_zone(name):
            return Rcode.NXDOMAIN, self._nothing(zone, name)
        rrsets = node.rrsets if node else {}
        if rdtype == _ANY and rrsets:
            rdtype = next(iter(rrsets))  # RFC 8482 section 4.1: one RRset is enough
        question = _question(name, rdtype)
        source = self.hot.get(question)
        if source is None:
            source = self._source(zone, name, rdtype, rrsets.get(rdtype), question)
            if rdtype in HOT_TYPES:
                self.hot[question] = source
        return Rcode.NOERROR, source

    def _source(
        self, zone: AnsweredZone, name: bytes, rdtype: int, rrset: AnswerSet | None, question: bytes
    ) -> Source:
        if rdtype == _SOA and name == zone.apex:
            return of_soa(zone)
        if rrset is None:
            return self._nothing(zone, name)
        members = answerable(rrset.members)
        if rrset.count < 0:
            room = MAX_MESSAGE - _FRAME - len(question)
            members = whole(members, rdtype, -rrset.count, room, rrset.canary)
        compiler = Compiler(question, rdtype, rrset.ttl, lambda host: self._addresses(host, question))
        count = len(members) if rrset.count < 0 else min(rrset.count, len(members))
        return of_records(compiler, members, count, self._rng)

    def _nothing(self, zone: AnsweredZone, name: bytes) -> Source:
        ttl = zone.negative_ttl(name)
        key = (zone.apex, len(name), ttl)
        source = self._negative.get(key)
        if source is None:
            source = self._negative[key] = of_nothing(zone, len(name), ttl)
        return source

    def _addresses(self, host: bytes, question: bytes) -> list[list[bytes]]:
        """Find the address RRsets of a host, and note that the answers to `question` hold them."""
        assert self._table is not None
        self._dependents.setdefault(host, set()).add(question)
        zone = self._table.zone_of(host)
        node = zone.nodes.get(host) if zone else None
        if node is None:
            return []
        return [
            [record(b"", rdtype, IN, rrset.ttl, rdata) for rdata in answerable(rrset.members)]
            for rdtype in ADDRESS_TYPES
            if (rrset := node.rrsets.get(rdtype)) is not None
        ]

    def _forget_all(self) -> None:
        self.hot.clear()
        self._negative.clear()
        self._dependents.clear()


def _question(name: bytes, rdtype: int) -> bytes:
    return name + rdtype.to_bytes(2, "big") + CLASS_IN
