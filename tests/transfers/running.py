"""A feed and a real transfer process, for as long as a test runs."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rollcall.feed.feed import Feed
from rollcall.feed.frames import SecondaryState, Settings, TransferStats, TransferZone
from rollcall.model import KeyRing, Secondary, Transfer, TsigKey, parse_key
from rollcall.publish.transfer.process import command
from rollcall.serve.sockets import WorkerSockets, open_sockets
from rollcall.zone.changes import ZoneDelta
from serving.running import DEADLINE_SECONDS, SOURCE, Control, eventually
from transfers.source import ZoneSource

SECRET = "secondaries"
KEY_TEXT = "hmac-sha256:rollcall:cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU="
OTHER_TEXT = "hmac-sha256:other:b3RoZXIga2V5IG9mIHNvbWVib2R5IGVsc2UsIG5vdCBvdXJz"


class TransferControl(Control):
    """The control process's end of the feed."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[tuple[bytes, str], SecondaryState] = {}
        self.transfers = TransferStats()

    def transferred(self, frame: SecondaryState | TransferStats) -> None:
        if isinstance(frame, TransferStats):
            self.transfers = frame
        else:
            self.states[frame.apex, frame.name] = frame
        self._notify()


@dataclass
class TransferProcess:
    """A transfer process that can be killed and started again on the same sockets."""

    folder: Path
    sockets: WorkerSockets
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def port(self) -> int:
        """The port of both sockets."""
        port: int = self.sockets.udp.getsockname()[1]
        return port

    @property
    def where(self) -> tuple[str, int]:
        """Address and port for clients on this machine."""
        return "127.0.0.1", self.port

    @property
    def feed_path(self) -> Path:
        """Where it looks for the feed."""
        return self.folder / "feed"

    @property
    def journals(self) -> Path:
        """Where it keeps journals."""
        return self.folder / "state" / "transfer"

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "log").read_text()

    def start(self, log_level: str = "debug") -> None:
        """Start the process."""
        descriptors = self.sockets.udp.fileno(), self.sockets.tcp.fileno()
        arguments = command(*descriptors, self.feed_path, self.folder / "state", log_level=log_level)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                pass_fds=descriptors,
                cwd=SOURCE,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the process to end; the result is its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(DEADLINE_SECONDS)
        self.process = None
        return status


@contextlib.contextmanager
def transfer_process(folder: Path, listen: str = "127.0.0.1:0") -> Iterator[TransferProcess]:
    """Start a transfer process, and end what is left of it; it must not have met a defect of its own."""
    (sockets,) = open_sockets(listen, 1)
    running = TransferProcess(folder, sockets)
    running.start()
    try:
        yield running
        assert "Traceback" not in running.log, running.log
    finally:
        if running.process is not None:
            running.end(signal.SIGKILL)
        sockets.close()


class Primary:
    """A control process with a few zones, of which it says each change."""

    def __init__(self, feed: Feed, control: TransferControl, sources: Iterable[ZoneSource]) -> None:
        self.feed = feed
        self.control = control
        self.sources = list(sources)
        self.version = 0

    async def start(self, settings: Settings) -> None:
        """Say the settings and the state, and wait until they are taken."""
        self.feed.set(settings)
        await self.publish()

    async def publish(self, *deltas: ZoneDelta) -> None:
        """Say changes, and wait until they are served."""
        self.version += 1
        self.feed.publish(self.version, deltas)
        await self.control.until_answered(self.version)


@contextlib.asynccontextmanager
async def primary(path: Path, *sources: ZoneSource) -> AsyncIterator[Primary]:
    """Run a feed of these zones."""
    control = TransferControl()
    feed = Feed(path, lambda: [source.whole() for source in sources], control)
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - a test may wait that long
    async with asyncio.TaskGroup() as group:
        running = group.create_task(feed.run())
        try:
            await eventually(path.is_socket)
            yield Primary(feed, control, sources)
        finally:
            running.cancel()


def settings(
    *sources: ZoneSource,
    secondaries: Iterable[tuple[str, int]] = (),
    ring: KeyRing | None = None,
    allow_unsigned: Iterable[str] = (),
    leading: bool = True,
    catalog: str = "",
) -> Settings:
    """Let secondaries at these addresses and ports transfer these zones with the key, others unsigned."""
    places = list(secondaries) or [("127.0.0.1", unused_port())]
    transfer = Transfer(
        tuple(Secondary(f"secondary-{index}", *place, SECRET) for index, place in enumerate(places)),
        tuple(allow_unsigned),
        catalog,
    )
    return Settings(
        leading,
        tuple(TransferZone(source.apex, transfer) for source in sources),
        {SECRET: ring or KeyRing(key())},
    )


def key(text: str = KEY_TEXT) -> TsigKey:
    """Return a key as the settings hold it."""
    return parse_key(text)


def unused_port() -> int:
    """Return a UDP port where nobody is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
