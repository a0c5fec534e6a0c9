"""UDP on all addresses of a machine: an answer leaves from the address that was asked.

Left to itself the kernel takes the source from the route to the client. On a machine with several addresses
(a VIP, a second network, temporary addresses of IPv6) that is often another one, and the client drops the
answer. So a socket that is bound to a wildcard says of each datagram which address it came to (IP_PKTINFO,
RFC 3542 section 6.1 for IPv6), and is told to send from there. That costs it 1.4 us an answer of 11. A socket
for one address does not need it, and pays nothing.

Turned down: a socket for each address of the machine. Each worker would have to follow them as they come and
go, and one that came a moment ago would be deaf.
"""

import socket
import struct
import sys
from typing import Any, Protocol, TypeAlias

_IP_PKTINFO: int = getattr(socket, "IP_PKTINFO", 8)
_IPV4 = struct.Struct("@i4s4s")  # in_pktinfo: interface, the local address, the one in the header
_IPV6 = struct.Struct("@16sI")  # in6_pktinfo: the address in the header, interface

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  # to tell them from others
_SPACE = socket.CMSG_SPACE(_IPV6.size)
_MAX_ADDRESSES = 1024
"""Of this machine, for which what is sent with an answer is kept. Routes can make whole networks local."""

_Ancillary: TypeAlias = tuple[tuple[int, int, bytes], ...]


class Datagrams(Protocol):
    """What is used of a non-blocking UDP socket."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        """Return the next datagram and its sender, host and port first. Raises BlockingIOError."""

    def sendto(self, data: bytes, sender: Any, /) -> int:
        """Answer a sender."""

    def getsockname(self) -> Any:
        """Name the address it is bound to."""


def tell_addresses(sock: socket.socket) -> None:
    """Have a UDP socket that is bound to all addresses say which one a datagram came to (on Linux).

    Before anything comes in: what waits already is answered from where the kernel likes.
    """
    if not _is_wildcard(sock):
        return
    if sock.family is socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def datagrams(sock: socket.socket) -> Datagrams:
    """Return the socket itself, or, where it is bound to all addresses, what answers from the one asked."""
    return _EveryAddress(sock) if _is_wildcard(sock) else sock


def _is_wildcard(sock: socket.socket) -> bool:
    return sys.platform == "linux" and sock.getsockname()[0] in _WILDCARDS


class _EveryAddress:
    """A sender is its host, its port, its whole address, and what the kernel says of the datagram."""

    def __init__(self, sock: socket.socket) -> None:
        self.getsockname = sock.getsockname
        self._recvmsg = sock.recvmsg
        self._sendmsg = sock.sendmsg
        self._sources: dict[bytes, _Ancillary] = {}

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        """Return the next datagram and its sender."""
        data, ancillary, _, client = self._recvmsg(size, _SPACE)
        return data, (client[0], client[1], client, ancillary)

    def sendto(self, data: bytes, sender: Any, /) -> int:
        """Answer a sender from the address that it asked."""
        _, _, client, ancillary = sender
        if not ancillary:
            return self._sendmsg((data,), (), 0, client)
        item = ancillary[0]
        return self._sendmsg((data,), self._sources.get(item[2]) or self._source(item), 0, client)

    def _source(self, item: tuple[int, int, bytes]) -> _Ancillary:
        if len(self._sources) >= _MAX_ADDRESSES:
            self._sources.clear()
        level, kind, told = item
        source = self._sources[told] = ((level, kind, _source(level, told)),)
        return source


def _source(level: int, data: bytes) -> bytes:
    """Make what sends from the address that a datagram came to.

    The interface is left open, so that the routes decide, but for an address of a single link.
    """
    if level == socket.IPPROTO_IP:
        _, local, _ = _IPV4.unpack(data)
        return _IPV4.pack(0, local, bytes(4))
    address, interface = _IPV6.unpack(data)
    is_link_local = address[0] == 0xFE and address[1] & 0xC0 == 0x80
    return _IPV6.pack(address, interface if is_link_local else 0)
