"""Addresses of secondaries and other clients, as all here compare them."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


def peer_address(text: str) -> Address:
    """Return the address that a socket names, as IPv4 where it is one that came to an IPv6 socket."""
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def client_of(address: Address) -> bytes:
    """Return what limits count as one client: an IPv4 address, an IPv6 /56, which is what one customer gets.

    Not the /24 of DNS clients: secondaries are few, and often side by side.
    """
    return address.packed if isinstance(address, IPv4Address) else address.packed[:7]
