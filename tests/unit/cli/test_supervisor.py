"""The supervisor and children of it that hang, end, or can't be started: real processes, and signals."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from waiting import eventually

CHILD = """
import asyncio, signal, sys, time
from pathlib import Path
from rollcall.processes import giving_signs

def circle(): # in the event loop, for ever
    while True: pass

async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, circle)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sys.exit)
    with giving_signs():
        Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
        await asyncio.sleep(3600)

asyncio.run(main())
"""

SUPERVISOR = """
import asyncio, logging, sys
from rollcall.cli import child, supervisor
logging.basicConfig(format="%(message)s")
child.FIRST_RESTART_SECONDS = child.START_RETRY_SECONDS = 0.01
program, *files = sys.argv[1:]
children = [
    child.Child(file.rpartition("/")[2], (sys.executable, "-c", program, file), (), 2.0, 0.1)
    for file in files
]
sys.exit(asyncio.run(supervisor.supervise(children[0], children[1:], 0.0)))
"""

NAMES = ("control", "worker-0", "worker-1")


class Supervised:
    """A supervisor with three children, each of which writes its pid into a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log_path = folder / "log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISOR, CHILD, *(str(folder / name) for name in NAMES)], stderr=log
            )

    def pid(self, name: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            pid = int((self._folder / name).read_text())
            if str(pid) in self._children():
                return pid
        return 0

    def pids(self) -> dict[str, int]:
        return {name: self.pid(name) for name in NAMES}

    def wait_replaced(self, name: str, pid: int) -> None:
        eventually(lambda: self.pid(name) not in (0, pid), lambda: f"another {name}:\n{self.log}")

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def _children(self) -> list[str]:
        pid = self.process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@contextlib.contextmanager
def supervised(folder: Path) -> Iterator[Supervised]:
    running = Supervised(folder)
    try:
        eventually(lambda: all(running.pids().values()), lambda: f"three children:\n{running.log}")
        yield running
        running.process.terminate()
        assert running.process.wait(60) == 0
        assert "Traceback" not in running.log
    finally:
        running.process.kill()
        running.process.wait()


def test_a_child_that_hangs_is_replaced_and_the_others_go_on(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        for name, number in zip(NAMES, (signal.SIGSTOP, signal.SIGSTOP, signal.SIGUSR2), strict=True):
            before = running.pids()
            os.kill(before[name], number)
            running.wait_replaced(name, before[name])
            after = running.pids()
            assert {each for each in NAMES if after[each] != before[each]} == {name}
            assert f"{name} process hangs" in running.log


def test_a_child_that_cannot_be_started_is_tried_again_and_the_others_go_on(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        before = running.pids()
        supervisor = running.process.pid
        limits = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (3, limits[1]))  # that much is in use
        os.kill(before["worker-0"], signal.SIGKILL)
        eventually(lambda: "can't be started: " in running.log, "the reason")
        assert "Too many open files" in running.log
        os.kill(before["worker-1"], signal.SIGKILL)
        eventually(lambda: "worker-1 process can't be started" in running.log, "the other one's too")
        assert running.pid("control") == before["control"]
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, limits)
        for name in NAMES[1:]:
            running.wait_replaced(name, before[name])
        assert running.log.count("can't be started") == 2, "said once a child"


def test_a_machine_that_stood_still_loses_nobody(tmp_path: Path) -> None:
    with supervised(tmp_path) as running:
        before = running.pids()
        everybody = running.process.pid, *before.values()
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        for pid in reversed(everybody):
            os.kill(pid, signal.SIGCONT)
        os.kill(before["worker-0"], signal.SIGKILL)
        running.wait_replaced("worker-0", before["worker-0"])
        assert running.pid("worker-1") == before["worker-1"]
        assert "hangs" not in running.log


def test_a_process_that_nobody_listens_to_ends(tmp_path: Path) -> None:
    """The supervisor can fail to start a process after it exists."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "pid")],
        pass_fds=[writer],
        env=os.environ | {"ROLLCALL_SIGNS_FD": str(writer)},
    ) as child:
        os.close(writer)
        os.close(reader)
        assert child.wait(60) == 0
