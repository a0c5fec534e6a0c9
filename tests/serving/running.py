"""A feed and real worker processes, for as long as a test runs."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import children
import waiting
from children import ChildProcess, Control
from owners import OWNER
from rollcall.feed.feed import Feed
from rollcall.serve.sockets import open_sockets
from rollcall.serve.worker import command
from rollcall.zone.changes import ZoneDelta


@contextlib.asynccontextmanager
async def feeding(
    path: Path, state: Iterable[ZoneDelta] | Callable[[], Iterable[ZoneDelta]]
) -> AsyncIterator[tuple[Feed, Control]]:
    """Run a feed that gives this state to whoever connects."""
    control = Control()
    async with children.feeding(path, state if callable(state) else lambda: state, control) as feed:
        yield feed, control


@dataclass
class WorkerProcess(ChildProcess):
    """A DNS worker."""

    number: int = 0

    @property
    def snapshot_path(self) -> Path:
        """Where the worker looks for a snapshot."""
        return self.folder / "snapshot"

    @property
    def cookie_secrets_path(self) -> Path:
        """Where the test may put the secrets of cookies for its workers."""
        return self.folder / "cookie-secrets"

    @property
    def log_path(self) -> Path:
        """Where it logs."""
        return self.folder / f"log-{self.number}"

    def command(self, udp: int, tcp: int) -> list[str]:
        """Return the arguments to the interpreter, for these descriptors."""
        secrets = self.cookie_secrets_path if self.cookie_secrets_path.exists() else None
        return command(
            self.number, udp, tcp, self.feed_path, self.snapshot_path, OWNER, cookie_secrets=secrets
        )

    def resident_kilobytes(self) -> int:
        """Return how much memory the process has in use."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024


class PatientWorker(WorkerProcess):
    """One that waits for the state for as long as a busy machine takes, before it answers what waits."""

    def command(self, udp: int, tcp: int) -> list[str]:
        """Return the arguments to the interpreter, for these descriptors."""
        _, module, *options = super().command(udp, tcp)
        program = (
            "from rollcall.feed import child\n"
            f"child.SETTLE_SECONDS = {waiting.SECONDS}\n"
            f"from {module} import main\n"
            "main()\n"
        )
        return ["-c", program, *options]


@contextlib.contextmanager
def worker_processes(
    folder: Path, number: int = 1, listen: str = "127.0.0.1:0", kind: type[WorkerProcess] = WorkerProcess
) -> Iterator[list[WorkerProcess]]:
    """Open sockets for workers, to be started by the test, and end what is left of them."""
    pairs = open_sockets(listen, number)
    workers = [kind(folder, pair, index) for index, pair in enumerate(pairs)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()
