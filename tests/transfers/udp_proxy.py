"""A UDP proxy in front of a DNS server, which loses messages of an opcode on command."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import dns.message
import dns.opcode


class UdpProxy(asyncio.DatagramProtocol):
    """Clients send to `port` of 127.0.0.1. `seen` are requests by opcode, `lost` those that went no further.

    `answers` are the rcodes of the responses by opcode.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._losing: Counter[dns.opcode.Opcode] = Counter()
        self._clients: dict[bytes, Any] = {}
        self.seen: Counter[dns.opcode.Opcode] = Counter()
        self.lost: Counter[dns.opcode.Opcode] = Counter()
        self.notifies: list[dns.message.Message] = []
        self.port = 0

    def lose(self, opcode: dns.opcode.Opcode, times: int) -> None:
        """Lose the next requests with this opcode."""
        self._losing[opcode] = times

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # asyncio's own class for it is no DatagramTransport before 3.12
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if addr[1] == self._server:
            self._transport.sendto(data, self._clients[data[:2]])
            return
        opcode = dns.opcode.from_flags(int.from_bytes(data[2:4], "big"))
        self.seen[opcode] += 1
        if opcode == dns.opcode.NOTIFY:
            self.notifies.append(dns.message.from_wire(data, keyring=False))
        if self._losing[opcode]:
            self._losing[opcode] -= 1
            self.lost[opcode] += 1
            return
        self._clients[data[:2]] = addr
        self._transport.sendto(data, ("127.0.0.1", self._server))


@contextlib.asynccontextmanager
async def udp_proxy(port: int) -> AsyncIterator[UdpProxy]:
    """Run a proxy in front of a server on this machine."""
    transport, proxy = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: UdpProxy(port), ("127.0.0.1", 0)
    )
    try:
        yield proxy
    finally:
        transport.close()
