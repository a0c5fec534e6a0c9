"""Queries over TCP (RFC 7766): pipelined, with limits on clients, on time and on memory.

A client gets a time to say its next whole query, counted from its last one, so that neither silence nor a
byte a second holds a connection; the same time to take its responses when they pile up. At most 64 queries
are answered in one turn of the event loop, as over UDP.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from socket import socket
from typing import Any

from rollcall.dnswire.header import HEADER_SIZE
from rollcall.feed.frames import Stats

from .failures import FailureLog
from .responder import Respond, failure

BATCH = 64
_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What TCP clients of one worker may use. RFC 7766 section 6.2.3 asks for seconds of idleness."""

    clients: int = 512
    clients_an_address: int = 64
    idle_seconds: float = 10.0
    write_buffer: int = 1 << 17


@dataclass(slots=True)
class _Server:
    """What all connections of a worker share."""

    respond: Respond
    stats: Stats
    failures: FailureLog
    limits: Limits
    connections: set["_Connection"] = field(default_factory=set)
    addresses: Counter[str] = field(default_factory=Counter)


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._ended = False  # the client has said its last byte, but may still listen
        self._blocked = False  # the client doesn't take its responses
        self._scheduled = False  # more queries are to be answered in the next turn
        self._address = ""
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        server, limits = self._server, self._server.limits
        peer: Any = transport.get_extra_info("peername")
        address = peer[0] if peer else ""
        if (
            len(server.connections) >= limits.clients
            or server.addresses[address] >= limits.clients_an_address
        ):
            server.stats.tcp_refused += 1
            transport.abort()
            return
        self._address = address
        server.connections.add(self)
        server.addresses[address] += 1
        server.stats.tcp_clients += 1
        transport.set_write_buffer_limits(high=limits.write_buffer)
        self._restart_timer()
        self._check_time()

    def connection_lost(self, exc: Exception | None) -> None:
        server = self._server
        if self not in server.connections:
            return
        server.connections.remove(self)
        server.stats.tcp_clients -= 1
        server.addresses[self._address] -= 1
        if not server.addresses[self._address]:
            del server.addresses[self._address]
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._blocked and not self._scheduled:
            self._answer()

    def eof_received(self) -> bool:
        self._ended = True
        # False closes the connection once what was written has been sent.
        return self._blocked or self._scheduled

    def pause_writing(self) -> None:
        self._blocked = True
        self._transport.pause_reading()
        self._restart_timer()

    def resume_writing(self) -> None:
        self._blocked = False
        self._restart_timer()
        self._answer()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _answer(self) -> None:
        """Answer the queries that have come in whole, up to a batch of them."""
        self._scheduled = False
        if self._transport.is_closing():
            return
        buffer = self._buffer
        responses = []
        at = 0
        for _ in range(BATCH):
            start = at + _LENGTH
            end = start + int.from_bytes(buffer[at:start], "big")
            if start > len(buffer) or end > len(buffer):
                break
            response = self._respond(bytes(buffer[start:end]))
            at = end
            if response is not None:
                responses.append(len(response).to_bytes(_LENGTH, "big") + response)
        else:
            self._scheduled = True
        if at:
            del buffer[:at]
            self._restart_timer()
        if responses:
            self._server.stats.tcp_responses += len(responses)
            self._transport.write(b"".join(responses))  # may call pause_writing at once
        if self._blocked:
            self._scheduled = False  # resume_writing goes on
        elif self._scheduled:
            self._transport.pause_reading()
            self._loop.call_soon(self._answer)
        elif self._ended:
            self._transport.close()
        else:
            self._transport.resume_reading()

    def _respond(self, query: bytes) -> bytes | None:
        server = self._server
        try:
            return server.respond(query)
        except Exception:  # no bug of ours may end a connection; the log names the client and the query
            server.failures.record(f"{self._address} (TCP)", query)
            return failure(query) if len(query) >= HEADER_SIZE else None

    def _restart_timer(self) -> None:
        """Note the time; `_check_time` looks later. A new timer for each query would cost more than it."""
        self._since = self._loop.time()

    def _check_time(self) -> None:
        deadline = self._since + self._server.limits.idle_seconds
        if self._loop.time() >= deadline:
            self._server.stats.tcp_expired += 1
            self._transport.abort()
        else:
            self._timer = self._loop.call_at(deadline, self._check_time)


@contextlib.asynccontextmanager
async def serving(
    sock: socket, respond: Respond, stats: Stats, failures: FailureLog, limits: Limits = Limits()
) -> AsyncIterator[None]:
    """Answer on a listening socket, which stays open, for as long as the context does."""
    server = _Server(respond, stats, failures, limits)
    # The listener closes its socket in the end; the supervisor has the same one open and goes on listening.
    listener = await asyncio.get_running_loop().create_server(
        lambda: _Connection(server), sock=sock, backlog=limits.clients
    )
    try:
        yield
    finally:
        listener.close()
        for connection in tuple(server.connections):
            connection.abort()
