"""Just enough of the DNS wire format to ask for addresses and to read them, quickly.

Every answer of every poll is parsed, so this is not dnspython: the poller must not take the CPU time whose
effect it measures.
"""

import struct
from typing import NamedTuple

_NOERROR, _NXDOMAIN = 0, 3
_A, _IN = 1, 1
_EDNS = struct.pack(">BHHIH", 0, 41, 1232, 0, 0)
"""An OPT record: no option, answers of up to 1232 bytes (RFC 6891)."""

_RECORD = struct.Struct(">HHIH")


class Reply(NamedTuple):
    """What an answer says. `addresses` are of 4 bytes each, or None where it says nothing of them.

    NODATA and NXDOMAIN both say that there are none; SERVFAIL, REFUSED and TC say nothing.
    """

    id: int
    addresses: frozenset[bytes] | None


def question(name: str) -> bytes:
    """Make a query for the IPv4 addresses of a name, with EDNS and the id 0."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return (
        struct.pack(">HHHHHH", 0, 0x0100, 1, 0, 0, 1) + labels + b"\0" + struct.pack(">HH", _A, _IN) + _EDNS
    )


def with_id(query: bytes, number: int) -> bytes:
    """Put an id, 0 to 65535, into a query."""
    return number.to_bytes(2, "big") + query[2:]


def reply(message: bytes) -> Reply:
    """Read an answer to one question; raises ValueError for what is none."""
    try:
        number, flags, questions, answers = struct.unpack_from(">HHHH", message)
        if not flags & 0x8000 or questions != 1:
            raise ValueError("this is not an answer to one question")
        if flags & 0x0200 or flags & 0xF not in (_NOERROR, _NXDOMAIN):
            return Reply(number, None)
        position = _skip_name(message, 12) + 4
        found = []
        for _ in range(answers):
            position = _skip_name(message, position)
            rdtype, rdclass, _, length = _RECORD.unpack_from(message, position)
            position += _RECORD.size
            if rdtype == _A and rdclass == _IN:
                found.append(message[position : position + length])
            position += length
        if position > len(message):
            raise IndexError(position)
    except (struct.error, IndexError) as error:
        raise ValueError("the answer is cut off") from error
    return Reply(number, frozenset(found))


def _skip_name(message: bytes, position: int) -> int:
    while length := message[position]:
        if length >= 0xC0:
            return position + 2
        position += 1 + length
    return position + 1
