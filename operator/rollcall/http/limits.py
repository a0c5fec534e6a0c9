"""What the clients of the HTTP pages may use.

All of it together is at most a hundred megabytes, whoever asks for what. `docs/explanation/limits.md` lists
these bounds, with the test of each.
"""

import resource
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

RESERVED_DESCRIPTORS = 256
"""For all else in the process: the API server's connections, feeds, files, the pipes of octoDNS."""

FEWEST_CONNECTIONS = 16
"""Where descriptors are scarce: enough for the probes, Prometheus and a few readers."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """The bounds. Times are in seconds, sizes in bytes.

    connections: in all. What the kernel and aiohttp hold for one is 50 to 150 KiB, most of it in the socket.
    an_address: connections of one address, or of one /64. A node's pods may all come from the node's address,
        and there are up to 250 of them.
    waits_a_pod: who waits for one pod is its preStop hook, and that again after a connection that broke.
    asking_seconds: from the first octet of a request, or from the connection, to the end of its headers.
    resting_seconds: between two requests; longer than the minute after which Prometheus asks again.
    sending_seconds, slowest: for the whole of a response, and the rate at which its octets are to be taken.
        Half a megabit a second is less than any link in a cluster has.
    piece: of a response; so much is copied for a client, and no more before it has taken that.
    socket_buffer: of the kernel, for one connection; the kernel doubles it, and would go to 4 MiB.
    bodies: of all different texts that are being sent. One alone may be larger, as a large cluster's file is.
    """

    connections: int = 1024
    an_address: int = 256
    waits_a_pod: int = 8
    asking_seconds: float = 10.0
    resting_seconds: float = 75.0
    sending_seconds: float = 10.0
    slowest: int = 64 << 10
    piece: int = 16 << 10
    socket_buffer: int = 64 << 10
    bodies: int = 64 << 20

    @property
    def waits(self) -> int:
        """Requests that wait for news, in all: a quarter of the slots is left to those who don't wait."""
        return self.connections * 3 // 4

    @property
    def waits_an_address(self) -> int:
        """The same of one address."""
        return self.an_address * 3 // 4

    def seconds_to_send(self, size: int) -> float:
        """Return how long a client may take to take a response."""
        return self.sending_seconds + size / self.slowest


def of_this_process() -> HttpLimits:
    """Return the bounds, lower where the process may have few descriptors."""
    limits = HttpLimits()
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return limits
    connections = min(limits.connections, max(FEWEST_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS))
    return HttpLimits(connections=connections, an_address=min(limits.an_address, connections))


def origin(address: str) -> str:
    """Return whose an address is: its own, or its /64 in IPv6, which one machine has to itself (RFC 6177)."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return parsed.exploded[:19]
    return address
