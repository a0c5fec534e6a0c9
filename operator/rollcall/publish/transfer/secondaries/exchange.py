"""Requests to other servers over UDP, and the responses that belong to them.

A response belongs to a request where id, address, opcode and question are the same (RFC 5452 section 9.1);
anything else is dropped. Ids are random. One socket an address family serves every request.
"""

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple, Self

from rollcall.dnswire.errors import MalformedMessage
from rollcall.dnswire.message import Message, Question, read

from ..peer import peer_address

log = logging.getLogger(__name__)

BATCH = 64
"""Responses that are read in one turn of the event loop."""

_MAX_RESPONSE = 4096


class ServerAddress(NamedTuple):
    """Where another server is: an IPv4 or IPv6 address, and a port."""

    address: str
    port: int

    @classmethod
    def of(cls, address: str, port: int) -> Self:
        """Return the endpoint in its canonical text. Raises ValueError where `address` is not one."""
        return cls(str(ip_address(address)), port)

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Waiting(NamedTuple):
    """What a request waits for; `on_answer` is called once, with the octets and what they say."""

    endpoint: ServerAddress
    ident: int
    opcode: int
    question: Question
    on_answer: Callable[[bytes, Message], None]


class Exchange:
    """Sends requests and gives responses to those who wait for them. Use it within one event loop.

    `shared` is a bound non-blocking socket that somebody else reads: a response that comes in there goes to
    `on_response`. Requests leave by it where its address family allows, by sockets of our own where it
    doesn't.
    """

    def __init__(self, shared: socket.socket | None = None) -> None:
        self._shared = shared
        self._own: dict[socket.AddressFamily, socket.socket] = {}
        self._waiting: dict[tuple[ServerAddress, int], Waiting] = {}

    def expect(
        self,
        endpoint: ServerAddress,
        opcode: int,
        question: Question,
        on_answer: Callable[[bytes, Message], None],
    ) -> Waiting:
        """Choose an id for a request, and wait for its response until it comes or `forget` is called."""
        while (endpoint, ident := secrets.randbits(16)) in self._waiting:
            pass
        waiting = Waiting(endpoint, ident, opcode, question, on_answer)
        self._waiting[endpoint, ident] = waiting
        return waiting

    def forget(self, waiting: Waiting) -> None:
        """Stop waiting."""
        if self._waiting.get((waiting.endpoint, waiting.ident)) is waiting:
            del self._waiting[waiting.endpoint, waiting.ident]

    def send(self, wire: bytes, endpoint: ServerAddress) -> None:
        """Send a request. Raises OSError where there is no way to the address at all."""
        is_ipv4 = ip_address(endpoint.address).version == 4
        shared = self._shared
        if shared is not None and shared.family is socket.AF_INET6 and is_ipv4 and _takes_ipv4(shared):
            shared.sendto(wire, (f"::ffff:{endpoint.address}", endpoint.port))
            return
        family = socket.AF_INET if is_ipv4 else socket.AF_INET6
        sock = shared if shared is not None and shared.family is family else self._of(family)
        sock.sendto(wire, endpoint)

    def on_response(self, wire: bytes, source: Any) -> None:
        """Give a response, which came to the shared socket, to whoever waits for it."""
        endpoint = _endpoint(source)
        waiting = self._waiting.get((endpoint, int.from_bytes(wire[:2], "big")))
        if waiting is None:
            return
        try:
            message = read(wire)
        except MalformedMessage as error:
            log.debug("a response of %s is dropped: %s", endpoint, error)
            return
        # A server that cannot parse a request may leave the question out (RFC 1035 section 4.1.1).
        is_same = message.questions == (waiting.question,) or (not message.questions and message.rcode)
        if not message.is_response or message.opcode != waiting.opcode or not is_same:
            return
        del self._waiting[endpoint, waiting.ident]
        waiting.on_answer(wire, message)

    def close(self) -> None:
        """Close the sockets of our own."""
        loop = asyncio.get_running_loop()
        for sock in self._own.values():
            loop.remove_reader(sock)
            sock.close()
        self._own.clear()

    def _of(self, family: socket.AddressFamily) -> socket.socket:
        sock = self._own.get(family)
        if sock is None:
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.setblocking(False)
            try:
                sock.bind(("", 0))
            except BaseException:
                sock.close()
                raise
            self._own[family] = sock
            asyncio.get_running_loop().add_reader(sock, self._read, sock)
        return sock

    def _read(self, sock: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                wire, source = sock.recvfrom(_MAX_RESPONSE)
            except BlockingIOError:
                break
            except OSError as error:  # of the network below us: the request will be sent again
                log.debug("receiving failed: %s", error)
                break
            self.on_response(wire, source)


def _takes_ipv4(sock: socket.socket) -> bool:
    return not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def _endpoint(source: Any) -> ServerAddress:
    return ServerAddress(str(peer_address(source[0])), source[1])
