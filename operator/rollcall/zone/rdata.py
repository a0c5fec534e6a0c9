"""Record data in wire format, uncompressed (RFC 1035, 2782, 3596)."""

import struct
from ipaddress import IPv4Address, IPv6Address

A = 1
NS = 2
SOA = 6
PTR = 12
TXT = 16
AAAA = 28
SRV = 33

REFRESH_SECONDS = 5
RETRY_SECONDS = 5
EXPIRE_SECONDS = 7 * 24 * 3600
"""A secondary goes on answering for a week without its primary: old answers beat none."""

_SRV = struct.Struct("!HHH")
_SOA = struct.Struct("!IIIII")


def address(value: IPv4Address | IPv6Address) -> tuple[int, bytes]:
    """Return the type and the data of an address record."""
    return (A if value.version == 4 else AAAA), value.packed


def srv(weight: int, port: int, target: bytes, priority: int = 0) -> bytes:
    """Return the data of an SRV record; its target is never compressed (RFC 2782)."""
    return _SRV.pack(priority, weight, port) + target


def txt(*strings: str) -> bytes:
    """Return the data of a TXT record: character strings of at most 255 octets each."""
    return b"".join(bytes((len(raw),)) + raw for raw in (text.encode()[:255] for text in strings))


def soa(mname: bytes, rname: bytes, serial: int, negative_ttl_seconds: int) -> bytes:
    """Return the data of the SOA; MINIMUM is the negative ttl (RFC 2308 section 4)."""
    return (
        mname
        + rname
        + _SOA.pack(serial, REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS, negative_ttl_seconds)
    )
