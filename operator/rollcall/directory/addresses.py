"""Which addresses can be answered: those by which another host may reach an instance.

An address of loopback means another machine to each who asks, a link-local one another network, and
169.254.169.254 gives away a cloud's credentials. Who may write the status of a pod or an EndpointSlice must
not be able to lead others there. The ranges are those of RFC 6890; Kubernetes refuses the same in the
EndpointSlices that it validates (ValidateEndpointIP), and nowhere checks those of a pod.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

IPAddress: TypeAlias = IPv4Address | IPv6Address

KNOWN = 1 << 16
"""Texts of which the outcome is kept: a pod is judged at each of its changes, its addresses stay."""

LONGEST = 64
"""Characters of a text that can be an address, with room to spare: a longer one is not kept."""

_BROADCAST = IPv4Address("255.255.255.255")


def read_address(text: str) -> IPAddress | str:
    """Parse an address; return what is wrong with one that can't be answered."""
    return _read(text) if len(text) <= LONGEST else f"{text[:LONGEST]}… is not an IP address"


@lru_cache(maxsize=KNOWN)
def _read(text: str) -> IPAddress | str:
    try:
        address = ip_address(text)
    except ValueError:
        return f"{text} is not an IP address"
    wrong = _wrong(address)
    return f"{text} is {wrong}" if wrong else address


def _wrong(address: IPAddress) -> str:
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "of one link of one host"
        if address.ipv4_mapped is not None:
            return _wrong(address.ipv4_mapped)
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "link-local"
    if address.is_unspecified:
        return "the unspecified address"
    if address.is_multicast:
        return "a multicast address"
    return "the broadcast address" if address == _BROADCAST else ""
