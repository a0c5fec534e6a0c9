"""Addresses of secondaries, as all here compare them."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


def peer_address(text: str) -> Address:
    """Return the address that a socket names, as IPv4 where it is one that came to an IPv6 socket."""
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
