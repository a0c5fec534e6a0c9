"""The control process's side: tells every child the state, then each change, in order.

No state is sent before the first `publish`: until then it is unknown, which is not the same as empty, and
children go on with what they have.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rollcall.model.metric import MetricFamily
from rollcall.zone import Output, PublishedVersion, ZoneDelta

from .errors import FrameError
from .frames import (
    Ack,
    CommitFrame,
    Decoder,
    Delta,
    Hello,
    Reset,
    SecondaryState,
    Stats,
    ToControl,
    ToWorker,
    TransferSettings,
    encode,
    pieces,
)
from .metrics import families
from .observer import Observer

log = logging.getLogger(__name__)

MAX_BACKLOG = 32 << 20
"""Bytes that may wait for a worker that doesn't read; it is then cut off, and starts over with the state."""

_SYNC_SECONDS = 30.0  # to take one piece of the state
_READ_SIZE = 1 << 14


class Feed(Output):
    """A server on a unix socket.

    `full_state` gives the whole state, of at least the version last published. It is called, and read to its
    end, in one turn of the event loop whenever a worker needs the state.
    """

    def __init__(self, path: Path, full_state: Callable[[], Iterable[ZoneDelta]], observer: Observer) -> None:
        self._path = path
        self._full_state = full_state
        self._observer = observer
        self._version = 0
        self._published = asyncio.Event()
        self._settings: TransferSettings | None = None
        self._links: set[_Link] = set()
        self._counters: dict[int, Stats] = {}

    async def run(self) -> None:
        """Serve workers until cancelled. Raises OSError where the socket can't be made."""
        async with asyncio.TaskGroup() as group:
            server = await asyncio.start_unix_server(
                lambda reader, writer: group.create_task(self._serve(reader, writer)), self._path
            )
            try:
                self._path.chmod(0o600)
                await asyncio.get_running_loop().create_future()  # until cancelled
            finally:
                server.close()

    def start(self, version: int) -> None:
        """Open the feed, also where there is no zone."""
        self.publish(version, ())

    def on_published(self, version: PublishedVersion) -> None:
        """Send a version that shows in a zone."""
        if version.deltas:
            self.publish(version.number, version.deltas)

    def publish(self, version: int, zones: Iterable[ZoneDelta]) -> None:
        """Send changes to every worker, before this returns as far as the sockets take them.

        Versions rise. The first call opens the feed; `zones` may then be empty.
        """
        self._version = version
        self._published.set()
        frame = encode(Delta(version, tuple(zones)))
        for link in self._links:
            link.send_change(frame)

    def families(self) -> Iterator[MetricFamily]:
        """Describe what the workers have counted since each began."""
        return families(self._counters)

    def configure(self, settings: TransferSettings) -> None:
        """Tell every child these settings, and those that come later before anything else."""
        self._settings = settings
        frame = encode(settings)
        for link in self._links:
            link.send_settings(frame)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                syncing = group.create_task(self._sync(link))
                await self._listen(link, reader)
                syncing.cancel()  # the worker has gone
        except* (OSError, TimeoutError, FrameError) as group_error:
            log.warning("the feed to worker %s ends: %s", link.worker, group_error.exceptions[0])
        except* Exception:
            log.exception("the feed to worker %s broke", link.worker)
        finally:
            self._links.discard(link)
            writer.transport.abort()
            if link.worker is not None:
                self._observer.on_connected(link.worker, False)

    async def _listen(self, link: "_Link", reader: asyncio.StreamReader) -> None:
        decoder = Decoder[ToControl](ToControl)
        while chunk := await reader.read(_READ_SIZE):
            for frame in decoder.feed(chunk):
                if isinstance(frame, Hello):
                    if self._settings is not None:
                        link.send_settings(encode(self._settings))
                    link.introduce(frame.worker)
                    self._observer.on_connected(frame.worker, True)
                elif link.worker is None:
                    raise FrameError("a worker spoke before its Hello")
                elif isinstance(frame, Ack):
                    self._observer.on_acknowledged(link.worker, frame.version, frame.at)
                elif isinstance(frame, Stats):
                    self._counters[link.worker] = frame
                    self._observer.on_stats(link.worker, frame)
                elif isinstance(frame, SecondaryState):
                    self._observer.on_secondary(frame)
                else:
                    self._observer.on_transfer_stats(frame)

    async def _sync(self, link: "_Link") -> None:
        await link.introduced.wait()
        await self._published.wait()
        # In one turn: the state, and from which version on changes are for this worker too.
        version, zones = self._version, tuple(self._full_state())
        link.hold_changes()
        await link.send(Reset())
        for zone in pieces(zones):
            await link.send(Delta(version, (zone,)))
        await link.send(CommitFrame(version))
        link.release_changes()


class _Link:
    """The connection to one worker, which first gets the state and then changes."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.worker: int | None = None
        self.introduced = asyncio.Event()
        self._writer = writer
        self._held: list[bytes] | None = None  # changes newer than the state that is being sent
        self._held_bytes = 0
        self._is_synced = False

    def introduce(self, worker: int) -> None:
        """Note the number of the worker."""
        self.worker = worker
        self.introduced.set()

    def hold_changes(self) -> None:
        """Keep changes back, from now on, until the state has been sent."""
        self._held = []

    def release_changes(self) -> None:
        """Send what was kept back, and each further change at once."""
        held, self._held = self._held or [], None
        self._is_synced = True
        self._writer.writelines(held)

    async def send(self, frame: ToWorker) -> None:
        """Send a part of the state. Raises TimeoutError where the worker doesn't read."""
        async with asyncio.timeout(_SYNC_SECONDS):
            self._writer.write(encode(frame))
            await self._writer.drain()
            await asyncio.sleep(0)  # a socket with room lets drain return at once; others need their turn

    def send_settings(self, frame: bytes) -> None:
        """Send settings, between whatever else is being sent."""
        self._writer.write(frame)

    def send_change(self, frame: bytes) -> None:
        """Send a change, or keep it back; a worker whose state is still to be taken needs neither."""
        if self._is_synced:
            self._writer.write(frame)
            backlog = self._writer.transport.get_write_buffer_size()
        elif self._held is not None:
            self._held.append(frame)
            self._held_bytes += len(frame)
            backlog = self._held_bytes
        else:
            return
        if backlog > MAX_BACKLOG:
            log.warning("worker %s is %d bytes behind: cut off, to start over", self.worker, backlog)
            self._writer.transport.abort()
