"""DNS messages as updates and transfers hold them: read and built in wire format.

By hand rather than with dnspython: a zone of 50,000 records is some seconds of work there. Names come out
uncompressed and in lower case, as everywhere here; record data with compressed names (RFC 3597 section 4
lists the types that may have them) comes out uncompressed.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from .errors import MalformedMessage

HEADER_SIZE = 12
MAX_MESSAGE = 65535

IN = 1
CLASS_NONE = 254
CLASS_ANY = 255

SOA = 6
OPT = 41
TSIG = 250
IXFR = 251
AXFR = 252
ANY = 255

QR = 0x8000
AA = 0x0400
TC = 0x0200

_HEADER = struct.Struct("!HHHHHH")
_FIELDS = struct.Struct("!HHIH")
_QUESTION = struct.Struct("!HH")
_MAX_NAME = 255

# Record data that begins with fixed octets and then holds so many names, which may be compressed.
_NAMES_IN_DATA = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 33: (6, 1), 39: (0, 1)}


class Opcode(IntEnum):
    """What a message is about."""

    QUERY = 0
    NOTIFY = 4
    UPDATE = 5


class Rcode(IntEnum):
    """What became of a request (RFC 1035, 2136, 8945)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    YXRRSET = 7
    NXRRSET = 8
    NOTAUTH = 9
    NOTZONE = 10


class Record(NamedTuple):
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
    answers: tuple[Record, ...]
    authorities: tuple[Record, ...]
    additional: tuple[Record, ...]
    tsig: int

    @property
    def opcode(self) -> int:
        """Return the operation; see `Opcode`."""
        return self.flags >> 11 & 15

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
    ident, flags, *counts = _HEADER.unpack_from(wire)
    names: dict[int, bytes] = {}
    at = HEADER_SIZE
    questions = []
    for _ in range(counts[0]):
        name, at = _name(wire, at, names)
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
    is_signed = bool(last) and last[0].rdtype == TSIG
    additional += () if is_signed else last
    if any(record.rdtype == TSIG for section in (answers, authorities, additional) for record in section):
        raise MalformedMessage("a TSIG record is not the last one")
    return Message(ident, flags, tuple(questions), answers, authorities, additional, tsig if is_signed else 0)


def _section(wire: bytes, at: int, count: int, names: dict[int, bytes]) -> tuple[tuple[Record, ...], int]:
    records = []
    for _ in range(count):
        record, at = _record(wire, at, names)
        records.append(record)
    return tuple(records), at


def _record(wire: bytes, at: int, names: dict[int, bytes]) -> tuple[Record, int]:
    owner, at = _name(wire, at, names)
    if at + _FIELDS.size > len(wire):
        raise MalformedMessage("a record is cut off")
    rdtype, rdclass, ttl, length = _FIELDS.unpack_from(wire, at)
    at += _FIELDS.size
    end = at + length
    if end > len(wire):
        raise MalformedMessage("the data of a record is cut off")
    shape = _NAMES_IN_DATA.get(rdtype)
    if shape is None or not length:
        return Record(owner, rdtype, rdclass, ttl, wire[at:end]), end
    fixed, count = shape
    parts = [wire[at : at + fixed]]
    position = at + fixed
    for _ in range(count):
        name, position = _name(wire, position, names)
        parts.append(name)
    if position > end:
        raise MalformedMessage("a name goes beyond the data of its record")
    parts.append(wire[position:end])
    return Record(owner, rdtype, rdclass, ttl, b"".join(parts)), end


def _name(wire: bytes, start: int, names: dict[int, bytes]) -> tuple[bytes, int]:
    """Return the name that begins at an offset, and the offset after it. `names` keeps what was read."""
    labels = []
    at = start
    end = 0
    size = 0
    try:
        while True:
            length = wire[at]
            if length >= 0xC0:
                target = (length & 0x3F) << 8 | wire[at + 1]
                end = end or at + 2
                if target >= at:
                    raise MalformedMessage("a compression pointer points ahead")
                known = names.get(target)
                if known is not None:
                    labels.append(known)
                    break
                at = target
            elif length > 63:
                raise MalformedMessage("a label has a reserved type")
            elif length:
                labels.append(wire[at : at + 1 + length].lower())
                at += 1 + length
                size += 1 + length
                if size > _MAX_NAME or at > len(wire):
                    raise MalformedMessage("a name is too long or cut off")
            else:
                labels.append(b"\0")
                end = end or at + 1
                break
    except IndexError:
        raise MalformedMessage("a name is cut off") from None
    name = b"".join(labels)
    if len(name) > _MAX_NAME:
        raise MalformedMessage("a name is longer than 255 octets")
    names[start] = name
    return name, end


def question(name: bytes, rdtype: int, rdclass: int = IN) -> bytes:
    """Write a question, or the zone of an update."""
    return name + _QUESTION.pack(rdtype, rdclass)


def record(owner: bytes, rdtype: int, rdclass: int, ttl: int, data: bytes = b"") -> bytes:
    """Write a record; `owner` may be a pointer."""
    return owner + _FIELDS.pack(rdtype, rdclass, ttl, len(data)) + data


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
    header = _HEADER.pack(ident, flags, *map(len, sections))
    return b"".join((header, *(part for section in sections for part in section)))


def flags_of(opcode: Opcode, *flags: int, rcode: int = 0) -> int:
    """Return the second 16 bits of a header."""
    result = opcode << 11 | rcode
    for flag in flags:
        result |= flag
    return result
