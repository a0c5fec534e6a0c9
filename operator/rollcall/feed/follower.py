"""A child's side of the feed: follows it, and keeps what it has when it breaks."""

import asyncio
import contextlib
import gc
import logging
import time
from pathlib import Path
from typing import Protocol

from rollcall.kube.backoff import Backoff
from rollcall.zone.changes import ZoneDelta

from .errors import DeltaError, FrameError
from .frames import Ack, CommitFrame, Decoder, Hello, Reset, ToControl, ToWorker, TransferSettings, encode

log = logging.getLogger(__name__)

_BUFFER_SIZE = 1 << 16  # what is applied at most in one turn of the event loop: a few milliseconds' worth
_RECONNECT_SECONDS = (0.05, 1.0)
QUIET_SECONDS = 10.0
"""How long a control process, which starts beside its children, may take to listen before that is said."""


class Sink(Protocol):
    """What a child makes of the feed. Called in the follower's event loop."""

    def reset(self) -> None:
        """Begin with nothing: a whole state follows. Until its end the previous one holds."""

    def load(self, delta: ZoneDelta) -> None:
        """Add a part of the whole state. Raises DeltaError."""

    def commit(self) -> None:
        """Go over to the whole state, which is complete."""

    def apply_delta(self, delta: ZoneDelta) -> None:
        """Apply a change to the state. Raises DeltaError."""

    def configure(self, settings: TransferSettings) -> None:
        """Replace the settings; they also come before each whole state."""


class Follower:
    """Keeps a child connected to the control process for as long as `run` runs.

    `number` is the one that the child introduces itself with.
    """

    def __init__(self, path: Path, number: int, sink: Sink) -> None:
        self._path = path
        self._number = number
        self._sink = sink
        self._protocol: _Protocol | None = None
        self._settled = asyncio.Event()

    async def run(self) -> None:
        """Connect, follow, and connect again, until cancelled."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(*_RECONNECT_SECONDS)
        said = ""
        alone_since = loop.time()
        while True:
            protocol = _Protocol(self._number, self._sink, self._settled)
            reason = await self._follow(protocol)
            self._settled.set()
            if protocol.is_synced:
                backoff.reset()
                said = ""
                alone_since = loop.time()
            is_starting = not protocol.was_connected and loop.time() - alone_since < QUIET_SECONDS
            if reason != said and not is_starting:  # an outage of hours is not said every second
                said = reason
                log.info("no feed from %s (%s): what is known stays, trying again", self._path, reason)
            await asyncio.sleep(backoff.next_seconds())

    async def _follow(self, protocol: "_Protocol") -> str:
        """Stay connected for as long as it lasts; the result is why it ended."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_unix_connection(lambda: protocol, str(self._path))
        except OSError as error:
            return error.strerror or str(error)
        self._protocol = protocol
        try:
            return await protocol.closed
        finally:
            self._protocol = None
            protocol.abort()

    async def settle(self, seconds: float) -> None:
        """Wait for the state for so many seconds at most, and not at all where nobody is there to send it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._settled.wait()

    def report(self, frame: ToControl) -> bool:
        """Send counters or states, if there is anyone to send them to."""
        if self._protocol is None:
            return False
        self._protocol.send(frame)
        return True


class _Protocol(asyncio.BufferedProtocol):
    """One connection. Applies what comes in the turn in which it comes."""

    def __init__(self, number: int, sink: Sink, settled: asyncio.Event) -> None:
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.was_connected = False
        self.is_synced = False
        self._number = number
        self._sink = sink
        self._settled = settled
        self._is_loading = False
        self._buffer = memoryview(bytearray(_BUFFER_SIZE))
        self._decoder = Decoder[ToWorker](ToWorker)
        self._transport: asyncio.Transport

    def send(self, frame: ToControl) -> None:
        """Send a frame, at once where the socket takes it."""
        self._transport.write(encode(frame))

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.was_connected = True
        self.send(Hello(self._number))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(str(exc or "the other end closed it"))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        try:
            for frame in self._decoder.feed(self._buffer[:nbytes]):
                self._handle(frame)
        except (DeltaError, FrameError) as error:
            log.error("the feed is broken: %s; starting over with the whole state", error)
            self._transport.abort()

    def _handle(self, frame: ToWorker) -> None:
        if isinstance(frame, TransferSettings):
            self._sink.configure(frame)
        elif isinstance(frame, Reset):
            self._is_loading = True
            self._sink.reset()
        elif isinstance(frame, CommitFrame):
            if not self._is_loading:
                raise FrameError("a CommitFrame came without its Reset")
            self._is_loading = False
            self._sink.commit()
            self.is_synced = True
            self._settled.set()
            self._acknowledge(frame.version)
            gc.freeze()  # a state lives long: the collector need not walk it again and again
        elif self._is_loading:
            for zone in frame.zones:
                self._sink.load(zone)
        elif self.is_synced:
            for zone in frame.zones:
                self._sink.apply_delta(zone)
            self._acknowledge(frame.version)
        else:
            raise FrameError("a Delta came before any state")

    def _acknowledge(self, version: int) -> None:
        self.send(Ack(version, time.monotonic()))
