"""Just enough of the DNS wire format to ask for addresses and to read them, quickly.

Every answer of every poll is parsed, so this is not dnspython: the poller must not take the CPU time whose
effect it measures.
"""

import struct
from typing import NamedTuple

A, SRV = 1, 33
IN = 1

EDNS = struct.pack(">BHHIH", 0, 41, 1232, 0, 0)
"""An OPT record: no option, answers of up to 1232 bytes (RFC 6891)."""

RECORD = struct.Struct(">HHIH")
"""What follows a record's owner: type, class, ttl, length (RFC 1035 section 4.1.3)."""

_NOERROR, _NXDOMAIN = 0, 3


class Reply(NamedTuple):
    """What an answer says. `addresses` are of 4 bytes each, or None where it says nothing of them.

    NODATA and NXDOMAIN both say that there are none; SERVFAIL, REFUSED and TC say nothing.
    """

    id: int
    addresses: frozenset[bytes] | None


def question(name: str, rdtype: int = A) -> bytes:
    """Make a query for a name, by default for its IPv4 addresses, with EDNS and the id 0."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return (
        struct.pack(">HHHHHH", 0, 0x0100, 1, 0, 0, 1) + labels + b"\0" + struct.pack(">HH", rdtype, IN) + EDNS
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
        position = skip_name(message, 12) + 4
        found = []
        for _ in range(answers):
            position = skip_name(message, position)
            rdtype, rdclass, _, length = RECORD.unpack_from(message, position)
            position += RECORD.size
            if rdtype == A and rdclass == IN:
                found.append(message[position : position + length])
            position += length
        if position > len(message):
            raise IndexError(position)
    except (struct.error, IndexError) as error:
        raise ValueError("the answer is cut off") from error
    return Reply(number, frozenset(found))


def skip_name(message: bytes, position: int) -> int:
    """Return where a name ends that begins here. Raises IndexError where the message ends before it."""
    while length := message[position]:
        if length >= 0xC0:
            return position + 2
        position += 1 + length
    return position + 1
