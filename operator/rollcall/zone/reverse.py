"""Reverse names: in-addr.arpa and ip6.arpa (RFC 1035 section 3.5, RFC 3596 section 2.5)."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from rollcall.dnswire.types import Type
from rollcall.model import Instance

from .content import Record
from .names import below, from_text

_PTR = int(Type.PTR)
_IN_ADDR_ARPA = from_text("in-addr.arpa")
_IP6_ARPA = from_text("ip6.arpa")


def reverse_name(address: IPv4Address | IPv6Address) -> bytes:
    """Return the owner of an address's PTR record."""
    if isinstance(address, IPv4Address):
        return below(_IN_ADDR_ARPA, *reversed(str(address).split(".")))
    return below(_IP6_ARPA, *reversed(address.packed.hex()))


def pointers(instance: Instance, target: bytes) -> Iterator[Record]:
    """Yield a PTR record for each address of an instance, to the instance's own name."""
    for address in instance.addresses:
        yield Record(reverse_name(address), _PTR, target, 1)
