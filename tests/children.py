"""Children of the supervisor that answer from a feed, and a control process's end of it, in a test."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rollcall.feed.feed import Feed
from rollcall.feed.frames import SecondaryState, Stats, TransferStats
from rollcall.feed.observer import Observer
from rollcall.serve.sockets import WorkerSockets
from rollcall.zone.changes import ZoneDelta
from waiting import SECONDS, News, until

SOURCE = Path(__file__).parents[1] / "operator"


class Control(Observer):
    """The control process's end of the feed: what children said, and waiting for it."""

    def __init__(self) -> None:
        self.versions: dict[int, int] = {}
        self.stats: dict[int, Stats] = {}
        self.workers: set[int] = set()
        self._news = News(lambda: f"{self.versions} {self.stats}")
        self.until = self._news.until

    def on_acknowledged(self, worker: int, version: int, at: float) -> None:
        self.versions[worker] = version
        self._news.tell()

    def on_stats(self, worker: int, stats: Stats) -> None:
        self.stats[worker] = stats
        self._news.tell()

    def on_connected(self, worker: int, is_connected: bool) -> None:
        (self.workers.add if is_connected else self.workers.discard)(worker)
        self._news.tell()

    def on_secondary(self, state: SecondaryState) -> None:
        raise AssertionError(f"a DNS worker transfers nothing: {state}")

    def on_transfer_stats(self, stats: TransferStats) -> None:
        raise AssertionError(f"a DNS worker transfers nothing: {stats}")

    async def until_answered(self, version: int, *workers: int) -> None:
        """Wait until these children answer this version or a later one."""
        await self.until(lambda: all(self.versions.get(worker, -1) >= version for worker in workers or (0,)))


@contextlib.asynccontextmanager
async def feeding(
    path: Path, state: Callable[[], Iterable[ZoneDelta]], control: Control
) -> AsyncIterator[Feed]:
    """Run a feed that gives this state to whoever connects."""
    feed = Feed(path, state, control)
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - a test may wait that long
    async with asyncio.TaskGroup() as group:
        running = group.create_task(feed.run())
        try:
            await until(path.is_socket, "the socket of the feed")
            yield feed
        finally:
            running.cancel()


@dataclass
class ChildProcess(ABC):
    """A child that can be killed and started again on the same sockets, as the supervisor does."""

    folder: Path
    sockets: WorkerSockets
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def port(self) -> int:
        """The port of both sockets."""
        port: int = self.sockets.udp.getsockname()[1]
        return port

    @property
    def feed_path(self) -> Path:
        """Where it looks for the feed."""
        return self.folder / "feed"

    @property
    def log_path(self) -> Path:
        """Where it logs."""
        return self.folder / "log"

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self.log_path.read_text()

    @property
    def pid(self) -> int:
        """The number of the running process."""
        assert self.process is not None
        return self.process.pid

    @abstractmethod
    def command(self, udp: int, tcp: int) -> list[str]:
        """Return the arguments to the interpreter, for these descriptors."""

    def start(self) -> None:
        """Start the process."""
        descriptors = self.sockets.udp.fileno(), self.sockets.tcp.fileno()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command(*descriptors)],
                pass_fds=descriptors,
                cwd=SOURCE,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the process to end; the result is its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(SECONDS)
        self.process = None
        return status

    def close(self) -> None:
        """End what is left of it."""
        if self.process is not None:
            self.end(signal.SIGKILL)
        self.sockets.close()
