"""Numbers and names of the DNS protocol, as bytes (RFC 1035 sections 3.1 and 4.1)."""

from collections.abc import Iterator
from enum import IntEnum

from .errors import MalformedError

HEADER_SIZE = 12
MAX_NAME = 255
MAX_LABEL = 63
POINTER = 0xC0
"""The two bits that make a length byte a compression pointer (RFC 1035 section 4.1.4)."""

MAX_POINTER = 0x3FFF
"""The last offset in a message that a compression pointer can name."""

IN = b"\x00\x01"
OWNER = b"\xc0\x0c"
"""A pointer to the name of the question, which every message has at offset 12."""

QR = 0x80
OPCODE = 0x78
AA = 0x04
TC = 0x02
RD = 0x01


class Type(IntEnum):
    """Record types that the server treats each in its own way; all others it serves as they are."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    TSIG = 250
    IXFR = 251
    AXFR = 252
    ANY = 255


class Rcode(IntEnum):
    """Response codes; BADVERS needs the upper bits that EDNS brings (RFC 6891 section 6.1.3)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    NOTAUTH = 9
    BADVERS = 16


def suffixes(name: bytes) -> Iterator[bytes]:
    """Give the name itself, its parent, and so on; the root is left out."""
    at = 0
    while name[at]:
        yield name[at:]
        at += name[at] + 1


def parent(name: bytes) -> bytes:
    """Take off the first label; `name` is not the root."""
    return name[name[0] + 1 :]


def name_end(message: bytes, start: int) -> int:
    """Find the offset after the uncompressed name that begins at `start`.

    Raises MalformedError for a compression pointer, a long label or name, or a name that is cut off.
    """
    at = start
    size = len(message)
    while at < size:
        length = message[at]
        at += 1
        if not length:
            if at - start > MAX_NAME:
                raise MalformedError("a name is longer than 255 bytes")
            return at
        if length > MAX_LABEL:
            raise MalformedError("a label is compressed or longer than 63 bytes")
        at += length
    raise MalformedError("a name is cut off")


def skip_name(message: bytes, start: int) -> int:
    """Find the offset after a name that may end in a compression pointer.

    The pointer is not followed, so that a loop of pointers costs nothing. Raises MalformedError.
    """
    at = start
    size = len(message)
    while at < size:
        length = message[at]
        if not length:
            return at + 1
        if length >= POINTER:
            return at + 2
        if length > MAX_LABEL:
            raise MalformedError("a label has a reserved type")
        at += length + 1
    raise MalformedError("a name is cut off")
