"""Record data in wire format, uncompressed (RFC 1035, 2782, 3596)."""

import struct
from ipaddress import IPv4Address, IPv6Address

from .types import Type

_A, _AAAA = int(Type.A), int(Type.AAAA)
_SRV = struct.Struct("!HHH")
_SOA = struct.Struct("!IIIII")


def address(value: IPv4Address | IPv6Address) -> tuple[int, bytes]:
    """Return the type and the data of an address record."""
    return (_A if value.version == 4 else _AAAA), value.packed


def srv(weight: int, port: int, target: bytes, priority: int = 0) -> bytes:
    """Return the data of an SRV record; its target is never compressed (RFC 2782)."""
    return _SRV.pack(priority, weight, port) + target


def srv_fields(data: bytes) -> tuple[int, int, int, bytes]:
    """Return priority, weight, port and target of an SRV record."""
    return *_SRV.unpack_from(data), data[_SRV.size :]


def txt(*strings: str) -> bytes:
    """Return the data of a TXT record: character strings of at most 255 octets each."""
    return b"".join(bytes((len(raw),)) + raw for raw in (text.encode()[:255] for text in strings))


def soa(mname: bytes, rname: bytes, serial: int, times: tuple[int, int, int, int]) -> bytes:
    """Return the data of a SOA record. `times` are REFRESH, RETRY, EXPIRE and MINIMUM, in seconds."""
    return mname + rname + _SOA.pack(serial, *times)


def soa_serial(data: bytes) -> int | None:
    """Return the serial in the data of a SOA record, None where it is too short to hold one."""
    if len(data) < _SOA.size + 2:  # two names are before the numbers
        return None
    serial: int = _SOA.unpack_from(data, len(data) - _SOA.size)[0]
    return serial
