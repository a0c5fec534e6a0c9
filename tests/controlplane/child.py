"""One server that we run as a child: started, paused, stopped and looked at by process id."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeAlias

from controlplane.errors import PortTaken, StartFailed

_LAUNCH = Path(__file__).with_name("launch.py")
_POLL_SECONDS = 0.05
_BIND_FAILED = ("address already in use", "Address already in use")
_TAIL_LINES = 4

GO_MEMORY = {"GOGC": os.environ.get("GOGC", "400")}
"""Environment of Go programs: a quarter of their CPU time went to freeing memory that they could have."""

_Process: TypeAlias = "subprocess.Popen[bytes]"


class Child:
    """A running program with its log file.

    It is in a session of its own, so that a Ctrl-C in the terminal reaches only us, and the order
    of the stops stays ours.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._offset = log.stat().st_size if log.exists() else 0
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid())]
        self._process = _spawn([*launch, *map(str, command)], log, {**os.environ, **(environment or {})})

    @property
    def pid(self) -> int:
        """The process id, which is the program's own."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there; a paused one is."""
        return self._process.poll() is None

    def output(self) -> str:
        """Return what this process has written so far, not what its predecessors wrote."""
        with self.log.open("rb") as file:
            file.seek(self._offset)
            return file.read().decode(errors="replace")

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Wait for a condition.

        Raises PortTaken when the program ended because it could not bind, StartFailed when it
        ended for another reason or took too long.
        """
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if not self.running:
                raise self._failure()
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"{self.name} was not ready in {timeout_seconds:.0f} s: {self._tail()} (log: {self.log})"
                )
            time.sleep(_POLL_SECONDS)
        if not self.running:
            raise self._failure()

    def pause(self) -> None:
        """Stop its execution without ending it (SIGSTOP): its connections stay open and silent.

        It returns when all threads have stopped: the kernel takes its time with that on a busy machine.
        """
        self._process.send_signal(signal.SIGSTOP)
        # What ended instead is left for poll(), which would otherwise not learn how.
        told = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if told is not None and told.si_code == os.CLD_STOPPED:
            os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Let a paused process go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self, grace_seconds: float = 10.0) -> None:
        """End it: SIGTERM, and SIGKILL after the grace; at once with a grace of 0."""
        if grace_seconds and self.running:
            self._process.terminate()
            self.resume()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        if self.running:
            self._process.kill()
        self._process.wait()

    def _failure(self) -> StartFailed:
        output = self.output()
        if any(sign in output for sign in _BIND_FAILED):
            return PortTaken(f"{self.name} could not bind its port: somebody else took it")
        code = self._process.returncode
        return StartFailed(f"{self.name} ended with {code}: {self._tail()} (log: {self.log})")

    def _tail(self) -> str:
        lines = [line.strip() for line in self.output().splitlines() if line.strip()]
        return " / ".join(lines[-_TAIL_LINES:]) or "it wrote nothing"


class _Starter:
    """The one thread that starts children, and lives as long as this process.

    The kernel sends the signal that launch.py asks for when the *thread* that forked ends, and a
    caller's thread may be a short-lived one.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True, name="child-starter")
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread is there; not in a forked copy of the process."""
        return self._thread.is_alive()

    def start(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> _Process:
        """Start a process in a session of its own; raises StartFailed."""
        future: Future[_Process] = Future()

        def job() -> None:
            try:
                with log.open("ab") as sink:
                    future.set_result(
                        subprocess.Popen(
                            command,
                            env=environment,
                            stdin=subprocess.DEVNULL,
                            stdout=sink,
                            stderr=subprocess.STDOUT,
                            start_new_session=True,
                        )
                    )
            except OSError as error:
                future.set_exception(StartFailed(f"{command[0]} did not start: {error}"))

        self._jobs.put(job)
        try:
            return future.result()
        except KeyboardInterrupt:  # nobody would know of it, to end it
            process = future.result()
            process.kill()
            process.wait()
            raise

    def _work(self) -> None:
        while True:
            self._jobs.get()()


_starter: _Starter | None = None
_starter_lock = threading.Lock()


def _spawn(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> _Process:
    global _starter
    with _starter_lock:
        if _starter is None or not _starter.alive:
            _starter = _Starter()
    return _starter.start(command, log, environment)
