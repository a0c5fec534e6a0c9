"""One answer in wire form, and making it from records."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from rollcall.dnswire.header import HEADER_SIZE
from rollcall.dnswire.names import MAX_POINTER, QUESTION_NAME, pointer
from rollcall.dnswire.types import IN, RECORD_TYPES

RDATA_OFFSET = 12
"""Where the data begins in a record whose owner is a pointer."""

TARGET_OFFSETS = {int(row.type): row.fixed for row in RECORD_TYPES if row.has_additional}
"""Where in its data a record names the host whose addresses belong in the additional section."""

CLASS_IN = IN.to_bytes(2, "big")

AddressesOf = Callable[[bytes], Sequence[Sequence[bytes]]]
"""From the name of a host to its address RRsets, the records without their owner."""


class Variant:
    """One answer, without header, question and OPT.

    `counts` are the header's four counts (QDCOUNT to ARCOUNT) for a response without OPT and for one with.
    `records` and `additional` are what `wire` was made of, for a response that has no room for it; each item
    of `additional` is a whole RRset with its number of records.
    """

    __slots__ = ("additional", "counts", "records", "wire")

    def __init__(
        self,
        wire: bytes,
        counts: tuple[bytes, bytes],
        records: Sequence[bytes] = (),
        additional: Sequence[tuple[int, bytes]] = (),
    ) -> None:
        self.wire = wire
        self.counts = counts
        self.records = records
        self.additional = additional

    def fitted(self, room: int) -> tuple[bool, bytes, int, int]:
        """Leave what fits in `room` bytes: whether it is truncated, its wire, ANCOUNT and ARCOUNT.

        Additional data goes first, by whole RRsets and without TC; then records of the answer, with TC
        (RFC 2181 section 9). A negative answer goes as a whole, with TC.
        """
        wire = b""
        for number, record in enumerate(self.records):
            if len(wire) + len(record) > room:
                return True, wire, number, 0
            wire += record
        if not self.records:
            return True, b"", 0, 0
        extra = 0
        for number, rrset in self.additional:
            if len(wire) + len(rrset) > room:
                break
            wire += rrset
            extra += number
        return False, wire, len(self.records), extra


@lru_cache(maxsize=1024)
def counts(answers: int, authorities: int = 0, additional: int = 0) -> tuple[bytes, bytes]:
    """Pack the header's counts (RFC 1035 section 4.1.1) after one question: without OPT, and with it."""
    head = b"\x00\x01" + answers.to_bytes(2, "big") + authorities.to_bytes(2, "big")
    return head + additional.to_bytes(2, "big"), head + (additional + 1).to_bytes(2, "big")


def reference(offset: int, name: bytes) -> bytes:
    """Point to `name`, which is at `offset` of the message; write it out where no pointer reaches so far."""
    return pointer(offset) if offset <= MAX_POINTER else name


class Compiler:
    """Makes answers of some records of one RRset."""

    def __init__(self, question: bytes, rdtype: int, ttl: int, addresses_of: AddressesOf) -> None:
        self._prefix = QUESTION_NAME + rdtype.to_bytes(2, "big") + CLASS_IN + ttl.to_bytes(4, "big")
        self._answer_offset = HEADER_SIZE + len(question)
        self._target_offset = TARGET_OFFSETS.get(rdtype)
        self._addresses_of = addresses_of
        self._addresses: dict[bytes, Sequence[Sequence[bytes]]] = {}

    def records(self, rdatas: Iterable[bytes]) -> list[bytes]:
        """Write records with this data."""
        prefix = self._prefix
        return [prefix + len(rdata).to_bytes(2, "big") + rdata for rdata in rdatas]

    def variant(self, records: Sequence[bytes]) -> Variant:
        """Make the answer that holds these records in this order."""
        if self._target_offset is None:
            return Variant(b"".join(records), counts(len(records)), records)
        additional = self._additional(records, RDATA_OFFSET + self._target_offset)
        wire = b"".join((*records, *(rrset for _, rrset in additional)))
        extra = sum(number for number, _ in additional)
        return Variant(wire, counts(len(records), 0, extra), records, additional)

    def _additional(self, records: Sequence[bytes], target_offset: int) -> list[tuple[int, bytes]]:
        """Write the addresses of the hosts that the records name; their owners point to those names."""
        additional = []
        written = set()
        end = self._answer_offset
        for rr in records:
            end += len(rr)
            host = rr[target_offset:]
            if host in written:
                continue
            written.add(host)
            rrsets = self._addresses.get(host)
            if rrsets is None:
                rrsets = self._addresses[host] = self._addresses_of(host.lower())
            owner = reference(end - len(host), host)
            additional += [(len(rrset), b"".join([owner + tail for tail in rrset])) for rrset in rrsets]
        return additional
