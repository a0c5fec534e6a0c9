"""The network that a client is counted with: a /24, or a /56 for IPv6, as one customer is given."""

from socket import AF_INET6, inet_aton, inet_pton

_MAPPED = bytes(10) + b"\xff\xff"


def network_of(host: str) -> bytes:
    """Return the network of a numeric address, as the kernel writes it.

    An IPv4 client of a socket for both families (::ffff:192.0.2.1) is in its IPv4 network.
    """
    if ":" not in host:
        return inet_aton(host)[:3]
    address = inet_pton(AF_INET6, host.partition("%")[0])
    return address[12:15] if address.startswith(_MAPPED) else address[:7]


def is_loopback(network: bytes) -> bool:
    """Whether a network is this machine's own: 127.0.0.0/8, or that of ::1."""
    return network[0] == 127 if len(network) == 3 else not any(network)
