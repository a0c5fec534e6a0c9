"""A feed and real worker processes, for as long as a test runs."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rollcall.feed.feed import Feed
from rollcall.feed.frames import SecondaryState, Stats, TransferStats
from rollcall.serve.sockets import WorkerSockets, open_sockets
from rollcall.serve.worker import command
from rollcall.zone.changes import ZoneDelta

DEADLINE_SECONDS = 20.0
"""How long anything may take on a busy machine; a test that waits this long has failed."""

SOURCE = Path(__file__).parents[2] / "operator"


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds that nothing tells about."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.002)


class Control:
    """The control process's end of the feed: what workers said, and waiting for it."""

    def __init__(self) -> None:
        self.versions: dict[int, int] = {}
        self.stats: dict[int, Stats] = {}
        self.workers: set[int] = set()
        self._changed = asyncio.Condition()
        self._notifying: set[asyncio.Task[None]] = set()

    def acknowledged(self, worker: int, version: int, at: float) -> None:
        self.versions[worker] = version
        self._notify()

    def counted(self, worker: int, stats: Stats) -> None:
        self.stats[worker] = stats
        self._notify()

    def connected(self, worker: int, is_connected: bool) -> None:
        (self.workers.add if is_connected else self.workers.discard)(worker)
        self._notify()

    def transferred(self, frame: SecondaryState | TransferStats) -> None:
        raise AssertionError(f"a DNS worker transfers nothing: {frame}")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is looked at whenever a worker has said something."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(condition)

    async def until_answered(self, version: int, *workers: int) -> None:
        """Wait until these workers answer this version or a later one."""
        await self.until(lambda: all(self.versions.get(worker, -1) >= version for worker in workers or (0,)))

    def _notify(self) -> None:
        async def notify() -> None:
            async with self._changed:
                self._changed.notify_all()

        task = asyncio.get_running_loop().create_task(notify())
        self._notifying.add(task)
        task.add_done_callback(self._notifying.discard)


@contextlib.asynccontextmanager
async def feeding(
    path: Path, state: Iterable[ZoneDelta] | Callable[[], Iterable[ZoneDelta]]
) -> AsyncIterator[tuple[Feed, Control]]:
    """Run a feed that gives this state to whoever connects."""
    control = Control()
    feed = Feed(path, state if callable(state) else lambda: state, control)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(feed.run())
        try:
            await eventually(path.is_socket)
            yield feed, control
        finally:
            running.cancel()


@dataclass
class WorkerProcess:
    """A worker that can be killed and started again on the same sockets, as the supervisor does."""

    folder: Path
    sockets: WorkerSockets
    number: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def port(self) -> int:
        """The port of both sockets."""
        port: int = self.sockets.udp.getsockname()[1]
        return port

    @property
    def feed_path(self) -> Path:
        """Where the worker looks for the feed."""
        return self.folder / "feed"

    @property
    def snapshot_path(self) -> Path:
        """Where the worker looks for a snapshot."""
        return self.folder / "snapshot"

    @property
    def log(self) -> str:
        """What the worker has logged so far."""
        return (self.folder / f"log-{self.number}").read_text()

    @property
    def pid(self) -> int:
        """The number of the running process."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start the process."""
        descriptors = self.sockets.udp.fileno(), self.sockets.tcp.fileno()
        arguments = command(self.number, *descriptors, self.feed_path, self.snapshot_path)
        with (self.folder / f"log-{self.number}").open("ab") as log:
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

    def resident_kilobytes(self) -> int:
        """Return how much memory the process has in use."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@contextlib.contextmanager
def worker_processes(
    folder: Path, number: int = 1, listen: str = "127.0.0.1:0"
) -> Iterator[list[WorkerProcess]]:
    """Open sockets for workers, to be started by the test, and end what is left of them."""
    pairs = open_sockets(listen, number)
    workers = [WorkerProcess(folder, pair, index) for index, pair in enumerate(pairs)]
    try:
        yield workers
    finally:
        for worker in workers:
            if worker.process is not None:
                worker.end(signal.SIGKILL)
            worker.sockets.close()
