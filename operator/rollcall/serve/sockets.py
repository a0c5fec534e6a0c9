"""The sockets that queries come in on, one pair for each worker, all on one address and port.

They are opened by the process that outlives the workers: what waits in them while a worker restarts is not
lost. SO_REUSEPORT spreads clients over the workers; all packets of one client port go to the same one.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from rollcall.feed.datagrams import tell_addresses

from .errors import ListenError

BACKLOG = 512
"""Connections that the kernel keeps until they are accepted."""

_RECEIVE_BUFFER = 4 << 20  # bytes; the kernel gives less where net.core.rmem_max says so
_PORT_TRIES = 20  # a port that is free for UDP can be taken for TCP

_ADVICE = "is not an address and port; write :53 for all addresses, or 192.0.2.1:53, or [2001:db8::1]:53"

_HINTS = {
    errno.EADDRINUSE: "the port is in use by another program",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "the address is not one of this machine",
}


class WorkerSockets(NamedTuple):
    """What one worker listens on."""

    udp: socket.socket
    tcp: socket.socket

    def close(self) -> None:
        """Close both."""
        self.udp.close()
        self.tcp.close()


def open_sockets(listen: str, workers: int) -> list[WorkerSockets]:
    """Open UDP and TCP sockets for each worker on `listen`: ":53", "127.0.0.1:0", "[fd00::1]:53".

    Without an address it is all addresses of this machine, of both families, or of the one that there is;
    "[::]" takes IPv4 too. Port 0 is a free port, the same for all of them. Raises ListenError, which names
    the address, the port and the protocol.
    """
    address, port = _parse(listen)
    if port:
        return _open_all(address, port, workers)
    for tries_left in reversed(range(_PORT_TRIES)):
        with _bound(socket.SOCK_DGRAM, address, 0) as probe:
            port = probe.getsockname()[1]
        try:
            return _open_all(address, port, workers)
        except ListenError:
            if not tries_left:
                raise
    raise AssertionError("unreachable")


def open_listener(listen: str) -> socket.socket:
    """Open a listening TCP socket that is nobody else's. Raises ListenError, as `open_sockets` does."""
    address, port = _parse(listen)
    sock = _bound(socket.SOCK_STREAM, address, port)
    sock.listen(BACKLOG)
    return sock


def _parse(listen: str) -> tuple[IPv4Address | IPv6Address, int]:
    host, _, port = listen.rpartition(":")
    try:
        number = int(port)
        if not host and listen.startswith(":"):
            host = "[::]" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104  # that is what is asked
        address = ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError as error:
        raise ListenError(f"{listen!r} {_ADVICE}") from error
    if (address.version == 6) is not host.startswith("[") or not 0 <= number <= 65535:
        raise ListenError(f"{listen!r} {_ADVICE}")
    return address, number


def _open_all(address: IPv4Address | IPv6Address, port: int, workers: int) -> list[WorkerSockets]:
    # With SO_REUSEPORT a second server of the same user would share the port, and the clients, unnoticed.
    _bound(socket.SOCK_DGRAM, address, port).close()
    _bound(socket.SOCK_STREAM, address, port).close()
    opened: list[socket.socket] = []
    try:
        for _ in range(workers):
            opened.append(_bound(socket.SOCK_DGRAM, address, port, is_shared=True))
            opened.append(_bound(socket.SOCK_STREAM, address, port, is_shared=True))
            opened[-1].listen(BACKLOG)
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    return [WorkerSockets(*pair) for pair in zip(opened[::2], opened[1::2], strict=True)]


def _bound(
    kind: socket.SocketKind, address: IPv4Address | IPv6Address, port: int, *, is_shared: bool = False
) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    protocol = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
    try:
        sock = socket.socket(family, kind)
        try:
            if family is socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            if kind is socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections may linger
            else:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            if is_shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((str(address), port))
            if kind is socket.SOCK_DGRAM:
                tell_addresses(sock)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, error.strerror)
        raise ListenError(f"can't listen on {address} port {port} ({protocol}): {hint}") from error
    return sock
