"""The address of a client, and the network that it is counted with: a /24, or a /56 for IPv6.

A /56 is what one customer is given. An IPv4 client of a socket for both families (::ffff:192.0.2.1) is one
all the same.
"""

from socket import AF_INET6, inet_aton, inet_pton

_MAPPED = bytes(10) + b"\xff\xff"


def address_of(host: str) -> bytes:
    """Return the 4 or 16 octets of a numeric address, as the kernel writes it."""
    if ":" not in host:
        return inet_aton(host)
    address = inet_pton(AF_INET6, host.partition("%")[0])
    return address[12:] if address.startswith(_MAPPED) else address


def network_of(host: str) -> bytes:
    """Return the 3 or 7 octets of the network of a numeric address."""
    address = address_of(host)
    return address[:3] if len(address) == 4 else address[:7]


def is_loopback(network: bytes) -> bool:
    """Whether a network is this machine's own: 127.0.0.0/8, or that of ::1."""
    return network[0] == 127 if len(network) == 3 else not any(network)
