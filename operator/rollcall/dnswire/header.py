"""The header of a message (RFC 1035 section 4.1.1): its layout, flags and codes."""

import struct
from enum import IntEnum

HEADER = struct.Struct("!HHHHHH")
"""Id, flags, and how many records each of the four sections has."""
HEADER_SIZE = HEADER.size
MAX_MESSAGE = 65535

QR = 0x8000
OPCODE = 0x7800
AA = 0x0400
TC = 0x0200
RD = 0x0100


class Opcode(IntEnum):
    """What a message is about."""

    QUERY = 0
    NOTIFY = 4
    UPDATE = 5


class Rcode(IntEnum):
    """What became of a request (RFC 1035, 2136, 6891, 8945). Those from 16 on don't fit in a header."""

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
    BADVERS = 16
    BADSIG = 16  # the same number, in a TSIG record
    BADKEY = 17
    BADTIME = 18


PREREQUISITE_FAILED = frozenset((Rcode.YXDOMAIN, Rcode.YXRRSET, Rcode.NXRRSET, Rcode.NXDOMAIN))
"""What an UPDATE is answered whose prerequisites don't hold (RFC 2136 section 2.4)."""


def rcode_text(rcode: int) -> str:
    """Return the name of an rcode, for people."""
    try:
        return Rcode(rcode).name
    except ValueError:
        return f"RCODE{rcode}"


def flags_of(opcode: Opcode, *flags: int, rcode: int = 0) -> int:
    """Return the second 16 bits of a header."""
    result = opcode << 11 | rcode
    for flag in flags:
        result |= flag
    return result
