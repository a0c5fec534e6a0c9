"""DNS messages as updates and transfers hold them: read and built in wire format.

By hand rather than with dnspython: a zone of 50,000 records is some seconds of work there. Names come out
uncompressed and in lower case, as everywhere here; record data with compressed names (RFC 3597 section 4
lists the types that may have them) comes out uncompressed.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from .errors import MalformedMessage
from .header import HEADER, HEADER_SIZE, OPCODE, QR
from .names import read_name
from .types import IN, RECORD_TYPES, Type

RECORD_FIELDS = struct.Struct("!HHIH")
"""What follows a record's owner (RFC 1035 section 4.1.3): type, class, ttl, octets of its data."""
_QUESTION = struct.Struct("!HH")

_NAMES_IN_DATA = {int(row.type): (row.fixed, row.names) for row in RECORD_TYPES if row.names}
_TSIG = int(Type.TSIG)


class ResourceRecord(NamedTuple):
    """A resource record. `owner` is in lower case; `data` is uncompressed."""

    owner: bytes
    rdtype: int
    rdclass: int
    ttl: int
    data: bytes


class Question(NamedTuple):
    """The question of a query; the zone of an update."""

    name: bytes
    rdtype: int
    rdclass: int


class Message(NamedTuple):
    """A message. In an update the sections are prerequisites, updates and additional data.

    `tsig` is where the TSIG record begins, 0 where there is none; it is not among `additional`.
    """

    id: int
    flags: int
    questions: tuple[Question, ...]
    answers: tuple[ResourceRecord, ...]
    authorities: tuple[ResourceRecord, ...]
    additional: tuple[ResourceRecord, ...]
    tsig: int

    @property
    def opcode(self) -> int:
        """Return the operation; see `Opcode`."""
        return (self.flags & OPCODE) >> 11

    @property
    def rcode(self) -> int:
        """Return the result, without the upper bits that an OPT record may hold; see `Rcode`."""
        return self.flags & 15

    @property
    def is_response(self) -> bool:
        """Whether it answers another message."""
        return bool(self.flags & QR)


def read(wire: bytes) -> Message:
    """Read a message.

    Raises:
        MalformedMessage: whatever is wrong with the bytes; nothing else.
    """
    if len(wire) < HEADER_SIZE:
        raise MalformedMessage("a message is shorter than its header")
    ident, flags, *counts = HEADER.unpack_from(wire)
    names: dict[int, bytes] = {}
    at = HEADER_SIZE
    questions = []
    for _ in range(counts[0]):
        name, at = read_name(wire, at, names)
        if at + _QUESTION.size > len(wire):
            raise MalformedMessage("a question is cut off")
        questions.append(Question(name, *_QUESTION.unpack_from(wire, at)))
        at += _QUESTION.size
    answers, at = _section(wire, at, counts[1], names)
    authorities, at = _section(wire, at, counts[2], names)
    additional, tsig = _section(wire, at, counts[3] - 1, names)
    last, end = _section(wire, tsig, min(counts[3], 1), names)
    if end != len(wire):
        raise MalformedMessage("there are octets after the last record")
    is_signed = bool(last) and last[0].rdtype == _TSIG
    additional += () if is_signed else last
    if any(record.rdtype == _TSIG for section in (answers, authorities, additional) for record in section):
        raise MalformedMessage("a TSIG record is not the last one")
    return Message(ident, flags, tuple(questions), answers, authorities, additional, tsig if is_signed else 0)


def _section(
    wire: bytes, at: int, count: int, names: dict[int, bytes]
) -> tuple[tuple[ResourceRecord, ...], int]:
    records = []
    for _ in range(count):
        record, at = _record(wire, at, names)
        records.append(record)
    return tuple(records), at


def _record(wire: bytes, at: int, names: dict[int, bytes]) -> tuple[ResourceRecord, int]:
    owner, at = read_name(wire, at, names)
    if at + RECORD_FIELDS.size > len(wire):
        raise MalformedMessage("a record is cut off")
    rdtype, rdclass, ttl, length = RECORD_FIELDS.unpack_from(wire, at)
    at += RECORD_FIELDS.size
    end = at + length
    if end > len(wire):
        raise MalformedMessage("the data of a record is cut off")
    shape = _NAMES_IN_DATA.get(rdtype)
    if shape is None or not length:
        return ResourceRecord(owner, rdtype, rdclass, ttl, wire[at:end]), end
    fixed, count = shape
    parts = [wire[at : at + fixed]]
    position = at + fixed
    for _ in range(count):
        name, position = read_name(wire, position, names)
        parts.append(name)
    if position > end:
        raise MalformedMessage("a name goes beyond the data of its record")
    parts.append(wire[position:end])
    return ResourceRecord(owner, rdtype, rdclass, ttl, b"".join(parts)), end


def question(name: bytes, rdtype: int, rdclass: int = IN) -> bytes:
    """Write a question, or the zone of an update."""
    return name + _QUESTION.pack(rdtype, rdclass)


def record(owner: bytes, rdtype: int, rdclass: int, ttl: int, data: bytes = b"") -> bytes:
    """Write a record; `owner` may be a pointer."""
    return owner + RECORD_FIELDS.pack(rdtype, rdclass, ttl, len(data)) + data


def message(
    ident: int,
    flags: int,
    questions: Iterable[bytes] = (),
    answers: Iterable[bytes] = (),
    authorities: Iterable[bytes] = (),
    additional: Iterable[bytes] = (),
) -> bytes:
    """Put a message together of questions and records in wire format."""
    sections = [tuple(section) for section in (questions, answers, authorities, additional)]
    header = HEADER.pack(ident, flags, *map(len, sections))
    return b"".join((header, *(part for section in sections for part in section)))
