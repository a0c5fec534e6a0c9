"""Queries over TCP (RFC 7766): pipelined, with limits on clients, on time and on memory.

A client gets a time to say its next whole query, counted from the last one that was answered, so that neither
silence nor an octet a second nor empty messages hold a connection; the same time to take its responses when
they pile up. Nothing more is read from it until it has.

What clients pipeline is answered in turns, some queries of each, 64 of all in one turn of the event loop, as
over UDP: however many of them there are, the others wait for a millisecond.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from rollcall.crowd import Crowd
from rollcall.dnswire.header import HEADER_SIZE
from rollcall.feed.frames import Stats

from .failures import FailureLog
from .networks import network_of
from .query import MAX_QUERY
from .responder import Respond, failure
from .sockets import BACKLOG

BATCH = 64
AT_ONCE = 4
"""Queries of a client that are answered when they come in: more than clients ask that don't pipeline."""

A_TURN = 16
"""Queries of a client that are answered when it has its turn; more if few clients wait for one."""

READ_SIZE = 1 << 14
"""Octets that are read at a time, into one buffer for all connections: some batches of usual queries."""

ACCEPTS = 16
"""Connections that are accepted in one turn of the event loop: a millisecond or two of work."""

_KERNEL_BUFFER = 1 << 16  # the kernel's own default grows to megabytes, for a client that doesn't read
_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What TCP clients of one worker may use.

    `clients` connections there are in all; `rollcall.crowd` says who goes for one more. RFC 7766 section
    6.2.3 asks for seconds of idleness, and leaves it open to allow less when slots are scarce: then nobody
    stays longer than `lifetime_seconds`, however busy. When `write_buffer` octets wait for a client, some
    dozens of usual answers, nothing more is read from it or answered: so a client holds twice as many and one
    more answer, which is at most 64 KiB, and 20 KiB of queries.
    """

    clients: int = 512
    idle_seconds: float = 10.0
    lifetime_seconds: float = 60.0
    write_buffer: int = 1 << 14


class Server:
    """What all connections of a worker share."""

    def __init__(self, respond: Respond, stats: Stats, failures: FailureLog, limits: Limits) -> None:
        self.respond = respond
        self.stats = stats
        self.failures = failures
        self.limits = limits
        self.crowd: Crowd[_Connection] = Crowd(limits.clients)
        self.received = memoryview(bytearray(READ_SIZE))
        self._waiting: deque[_Connection] = deque()
        self._is_turn_near = False

    def queue(self, connection: "_Connection") -> None:
        """Give a connection a turn, after those that wait already."""
        self._waiting.append(connection)
        if not self._is_turn_near:
            self._is_turn_near = True
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        left = BATCH
        while self._waiting and left > 0:
            share = max(left // len(self._waiting), min(left, A_TURN))
            left -= max(self._waiting.popleft().on_turn(share), 1)
        self._is_turn_near = bool(self._waiting)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._take_turns)

    def connect(self) -> asyncio.BufferedProtocol:
        """Return the protocol of one more connection."""
        return _Connection(self)


class _Connection(asyncio.BufferedProtocol):
    """One client. `since` is when a query of its was last answered."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._skipped = 0  # octets of a query, longer than any should be, that are still to come
        self._ended = False  # the client has said its last byte, but may still listen
        self._blocked = False  # the client doesn't take its responses
        self._waits = False  # for a turn, as it has more queries
        self._peer: Any = None
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._began = self.since = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        server = self._server
        self._peer = transport.get_extra_info("peername")
        if not self._peer:  # it has gone already
            transport.abort()
            return
        server.stats.tcp_clients += 1
        victim = server.crowd.enter(self, network_of(self._peer[0]))
        if victim is not None:
            server.stats.tcp_evicted += 1
            server.stats.tcp_clients -= 1
            victim.abort()
        transport.set_write_buffer_limits(high=server.limits.write_buffer)
        self._check_time()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._server.crowd.leave(self):
            self._server.stats.tcp_clients -= 1
        if self._timer is not None:
            self._timer.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._server.received

    def buffer_updated(self, nbytes: int) -> None:
        received = self._server.received[:nbytes]
        if self._skipped:
            received = received[self._skipped :]
            self._skipped = max(self._skipped - nbytes, 0)
        self._buffer += received
        if not self._blocked and not self._waits:
            self._answer(AT_ONCE)

    def eof_received(self) -> bool:
        self._ended = True
        # False closes the connection once what was written has been sent.
        return self._blocked or self._waits

    def pause_writing(self) -> None:
        self._blocked = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._blocked = False
        self.since = self._loop.time()
        self._answer(AT_ONCE)

    def on_turn(self, most: int) -> int:
        """Answer some of the queries that wait; return how many."""
        self._waits = False
        return self._answer(most)

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _answer(self, most: int) -> int:
        """Answer the queries that have come in whole, up to so many; return how many."""
        if self._transport.is_closing():
            return 0
        responses = []
        octets = taken = 0
        while taken < most and octets < self._server.limits.write_buffer:
            query = self._next_query()
            if query is None:
                break
            taken += 1
            response = self._respond(query)
            if response is not None:
                responses.append(len(response).to_bytes(_LENGTH, "big") + response)
                octets += len(response)
        else:
            self._waits = True
        if responses:
            self._server.stats.tcp_responses += len(responses)
            self.since = self._loop.time()
            self._transport.write(b"".join(responses))  # may call pause_writing at once
        if self._blocked:
            self._waits = False  # resume_writing goes on
        elif self._waits:
            self._transport.pause_reading()
            self._server.queue(self)
        elif self._ended:
            self._transport.close()
        else:
            self._transport.resume_reading()
        return taken

    def _next_query(self) -> bytes | None:
        """Take the next query out of what has come in, if it is there as a whole."""
        buffer = self._buffer
        if len(buffer) < _LENGTH:
            return None
        end = _LENGTH + (buffer[0] << 8 | buffer[1])
        if end > _LENGTH + MAX_QUERY:
            return self._next_long_query(end)
        if len(buffer) < end:
            return None
        query = bytes(buffer[_LENGTH:end])
        del buffer[:end]
        return query

    def _next_long_query(self, end: int) -> bytes | None:
        """Take what is read of a query that is longer than any should be; the rest is skipped."""
        buffer = self._buffer
        if len(buffer) < _LENGTH + MAX_QUERY:
            return None
        query = bytes(buffer[_LENGTH : _LENGTH + MAX_QUERY])
        self._skipped = max(end - len(buffer), 0)
        del buffer[:end]
        return query

    def _respond(self, query: bytes) -> bytes | None:
        server = self._server
        try:
            return server.respond(query, self._peer)
        except Exception:  # no bug of ours may end a connection; the log names the client and the query
            server.failures.record(f"{self._peer[0]} (TCP)", query)
            return failure(query) if len(query) >= HEADER_SIZE else None

    def _check_time(self) -> None:
        """See whether time is up, now and when it may be next: a new timer for each query would cost more."""
        limits, now = self._server.limits, self._loop.time()
        deadline = self.since + limits.idle_seconds
        if now >= deadline:
            self._server.stats.tcp_expired += 1
            self._transport.abort()
            return
        if (
            now >= self._began + limits.lifetime_seconds
            and self._server.crowd.is_dense
            and not self._transport.is_closing()
        ):
            self._server.stats.tcp_expired += 1
            self._transport.close()  # once what was written has been sent
        self._timer = self._loop.call_at(deadline, self._check_time)


@contextlib.asynccontextmanager
async def serving(
    sock: socket.socket, respond: Respond, stats: Stats, failures: FailureLog, limits: Limits = Limits()
) -> AsyncIterator[None]:
    """Answer on a listening socket, which stays open, for as long as the context does."""
    server = Server(respond, stats, failures, limits)
    for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):  # connections inherit them
        sock.setsockopt(socket.SOL_SOCKET, buffer, _KERNEL_BUFFER)
    # The listener closes its socket in the end; the supervisor has the same one open and goes on listening.
    listener = await asyncio.get_running_loop().create_server(server.connect, sock=sock, backlog=ACCEPTS)
    sock.listen(BACKLOG)  # asyncio takes one number for what waits and for what it accepts at a time
    try:
        yield
    finally:
        listener.close()
        for connection in tuple(server.crowd):
            connection.abort()
