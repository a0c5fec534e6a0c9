"""The connections of the HTTP pages: how they come in, and when they have to go.

aiohttp bounds neither their number nor the time that a client takes for its request or for the response. And
asyncio, where a process has no descriptor left, tries to accept a hundred times in each turn, logs each
failure, and makes a timer for each. So they are accepted here, a few in each turn of the event loop, so that
what Rollcall is about has its turn between.
"""

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from rollcall.model.metric import MetricFamily, single

from .limits import HttpLimits, origin
from .slots import Activity, Slots

log = logging.getLogger(__name__)

ACCEPTED_A_TURN = 4
"""Few, as each comes with a request: in a storm of them a change has its turn between."""

ACCEPT_PAUSE_SECONDS = 0.2
SWEEP_SECONDS = 1.0
SAID_SECONDS = 60.0
"""So often at most it is said that there are no descriptors."""

_LINGERING_SECONDS = 1.0
"""For a body that no page asks for."""


class Connections:
    """The connections of one server. `accepting` and `middleware` are for one application."""

    def __init__(self, limits: HttpLimits) -> None:
        self.limits = limits
        self._slots = Slots[_Connection](limits)
        self._closed: Counter[str] = Counter()
        self._said_at = float("-inf")

    @contextlib.asynccontextmanager
    async def accepting(self, listener: socket.socket, server: web.Server) -> AsyncIterator[None]:
        """Accept connections for as long as the block runs."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        with contextlib.suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.limits.socket_buffer)
        async with asyncio.TaskGroup() as group:

            def accept() -> None:
                for _ in range(ACCEPTED_A_TURN):
                    try:
                        sock, peer = listener.accept()
                    except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                        return
                    except OSError as error:
                        self._on_exhausted(error)
                        loop.remove_reader(listener)
                        timers["accept"] = loop.call_later(ACCEPT_PAUSE_SECONDS, begin)
                        return
                    group.create_task(self._adopt(sock, peer, server))

            def begin() -> None:
                loop.add_reader(listener, accept)

            def sweep() -> None:
                for connection in self._slots.take_expired(loop.time()):
                    self._close(connection, "expired")
                timers["sweep"] = loop.call_later(SWEEP_SECONDS, sweep)

            timers: dict[str, asyncio.TimerHandle] = {}
            begin()
            sweep()
            try:
                yield
            finally:
                loop.remove_reader(listener)
                for timer in timers.values():
                    timer.cancel()

    async def _adopt(self, sock: socket.socket, peer: Any, server: web.Server) -> None:
        address = origin(peer[0]) if isinstance(peer, tuple) else ""
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Connection(self, server, address), sock
            )
        except OSError:  # it has gone again
            sock.close()

    def _on_exhausted(self, error: OSError) -> None:
        """Make room where the process has no descriptor left, and say so."""
        connection = self._slots.least_missed()
        if connection is not None:
            self._slots.leave(connection)
            self._close(connection, "evicted")
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= SAID_SECONDS:
            self._said_at = now
            log.error("no connection can be accepted: %s; trying again", error.strerror or error)

    # --- told by a connection --------------------------------------------------------------------------

    def on_made(self, connection: "_Connection", address: str) -> None:
        """Give a connection its slot."""
        gone = self._slots.admit(connection, address, asyncio.get_running_loop().time())
        if gone is not None:
            self._close(gone, "evicted")

    def on_octets(self, connection: "_Connection") -> None:
        """Note that a client says something."""
        self._slots.on_octets(connection, asyncio.get_running_loop().time())

    def on_lost(self, connection: "_Connection") -> None:
        """Note that a connection is no more."""
        self._slots.leave(connection)

    def on_malformed(self) -> None:
        """Note what is not a valid request."""
        self._closed["malformed"] += 1

    def _close(self, connection: "_Connection", why: str) -> None:
        self._closed[why] += 1
        connection.abort()

    # --- of the application ----------------------------------------------------------------------------

    @property
    def middleware(self) -> Any:
        """The middleware that notes what a connection is at, and sees its response sent in time."""

        @web.middleware
        async def bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = request.protocol
            assert isinstance(connection, _Connection)
            self._set_activity(connection, Activity.BUSY)
            try:
                response = await handler(request)
                await self._send(connection, request, response)
            except web.HTTPException as refusal:
                await self._send(connection, request, refusal)
                raise
            finally:
                self._set_activity(connection, Activity.RESTING)
            return response

        return bounded

    async def _send(
        self, connection: "_Connection", request: web.Request, response: web.StreamResponse
    ) -> None:
        """Send a response; a client that takes it too slowly is cut off."""
        self._set_activity(connection, Activity.SENDING)
        body = response.body if isinstance(response, web.Response) else None
        size = getattr(body, "size", None) or (len(body) if isinstance(body, bytes | bytearray) else 0)
        try:
            async with asyncio.timeout(self.limits.seconds_to_send(size)):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            self._slots.leave(connection)
            self._close(connection, "slow")
        except ConnectionError:
            pass  # aiohttp finds that out, too

    def _set_activity(self, connection: "_Connection", activity: Activity) -> None:
        self._slots.set_activity(connection, activity, asyncio.get_running_loop().time())

    # --- figures ---------------------------------------------------------------------------------------

    def families(self) -> Iterator[MetricFamily]:
        """Describe what is known here."""
        yield single("rollcall_http_connections", "Open HTTP connections.", lambda: len(self._slots))
        yield MetricFamily(
            "rollcall_http_closed_total",
            "HTTP connections that were closed before their clients did: evicted for a newcomer, expired in"
            " silence or in the middle of a request, slow to take a response, malformed.",
            ("reason",),
            lambda: [((why,), self._closed[why]) for why in ("evicted", "expired", "slow", "malformed")],
            is_counter=True,
        )


class _Connection(web.RequestHandler):
    """One client."""

    __slots__ = ("_address", "_client", "_connections")

    def __init__(self, connections: Connections, server: web.Server, address: str) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=_Quiet(connections),  # type: ignore[arg-type]  # it has what aiohttp calls
            access_log=None,  # type: ignore[arg-type]  # None is what the documentation says
            lingering_time=_LINGERING_SECONDS,
        )
        self._connections = connections
        self._address = address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._client = transport  # aiohttp forgets its own when it begins to close
        transport.set_write_buffer_limits(high=0)  # until all is taken, the next piece waits
        self._connections.on_made(self, self._address)

    def data_received(self, data: bytes) -> None:
        self._connections.on_octets(self)
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.on_lost(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Cut the connection, whatever is still to be sent."""
        self._client.abort()


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """A logger for aiohttp that makes no traceback of what a client has said."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(log, {})
        self._connections = connections

    def exception(self, msg: object, *args: object, **more: Any) -> None:
        """Log what is our fault; what is not a valid request is counted."""
        if isinstance(more.get("exc_info"), HttpProcessingError):
            self._connections.on_malformed()
        else:
            super().exception(msg, *args, **more)

    def debug(self, msg: object, *args: object, **more: Any) -> None:
        """Count what is not HTTP at all, which aiohttp calls by this name."""
        if isinstance(more.get("exc_info"), HttpProcessingError):
            self._connections.on_malformed()
        else:
            super().debug(msg, *args, **more)
