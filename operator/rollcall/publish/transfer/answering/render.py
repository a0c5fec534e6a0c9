"""Responses of many records, in as few messages as it takes (RFC 5936 section 2.2, RFC 1995 section 4).

Each message begins with the question, so that the apex is always at the same offset: an owner is written as
its labels below the apex and a pointer to that, or as a pointer to the same owner where it was last written.
"""

import struct
from collections.abc import Iterable, Iterator

from rollcall.dnswire.header import HEADER, HEADER_SIZE
from rollcall.dnswire.names import MAX_POINTER, QUESTION_NAME, pointer
from rollcall.dnswire.types import IN, Type
from rollcall.zone.exported import ExportedRRset

from ..journal.difference import NetDifference, RRsetItem
from ..journal.journal import Head
from ..journal.journaled_zone import Content

MAX_BODY = 60 << 10
"""Octets of a message without its OPT and TSIG records, which have room up to 65,535."""

_FIXED = struct.Struct("!HHI")


def axfr(apex: bytes, content: Content) -> Iterator[RRsetItem]:
    """Give a zone as AXFR does: the SOA, everything else, the SOA."""
    soa = soa_item(apex, content.head)
    yield soa
    yield from content.rrsets.items()
    yield soa


def ixfr(apex: bytes, net: NetDifference) -> Iterator[RRsetItem]:
    """Give a difference as IXFR does: new SOA, old SOA, what goes, new SOA, what comes, new SOA."""
    old, new = soa_item(apex, net.old), soa_item(apex, net.new)
    yield new
    yield old
    yield from net.removed
    yield new
    yield from net.added
    yield new


def soa_item(apex: bytes, head: Head) -> RRsetItem:
    """Return the SOA of a version."""
    return (apex, Type.SOA), ExportedRRset(head.soa_ttl, (head.soa,))


def messages(
    ident: int, flags: int, question: bytes, rrsets: Iterable[RRsetItem], max_body: int = MAX_BODY
) -> Iterator[bytes]:
    """Give the messages that hold these records. `question` is a question of the zone's apex.

    A message is longer than `max_body` only where one record alone is.
    """
    apex_size = len(question) - 4
    empty = HEADER_SIZE + len(question)
    parts: list[bytes] = []
    size, count = empty, 0
    last_owner, again = b"", b""
    for (owner, rdtype), (ttl, records) in rrsets:
        fixed = _FIXED.pack(rdtype, IN, ttl)
        for data in records:
            if owner != last_owner:
                last_owner = owner
                name = owner[:-apex_size] + QUESTION_NAME
                again = b""
            part = (again or name) + fixed + len(data).to_bytes(2, "big") + data
            if size + len(part) > max_body and count:
                yield _message(ident, flags, question, count, parts)
                parts, size, count, again = [], empty, 0, b""
                part = name + fixed + len(data).to_bytes(2, "big") + data
            if not again:
                again = pointer(size) if len(name) > 2 and size <= MAX_POINTER else b""
            parts.append(part)
            size += len(part)
            count += 1
    yield _message(ident, flags, question, count, parts)


def _message(ident: int, flags: int, question: bytes, count: int, parts: list[bytes]) -> bytes:
    return b"".join((HEADER.pack(ident, flags, 1, count, 0, 0), question, *parts))
