"""Runs the demo as `make demo` does, in a temporary folder of its own, and finds what it leaves behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 300.0
_POLL_SECONDS = 0.05
_UNSET = ("KUBECONFIG_FOR_TESTS", "KEEP")


class Demo:
    """A demo that runs; its stdout and stderr are in one file, as on a terminal.

    A demo that a test leaves running is killed, and all of its servers with it.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        program: tuple[str, str] = ("-m", "demo"),
    ) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._log = folder / "demo.txt"
        chosen = {key: value for key, value in os.environ.items() if key not in _UNSET}
        chosen |= {"TMPDIR": str(self.temporary), **(environment or {})}
        with self._log.open("wb") as sink:
            self._process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                cwd=ROOT,
                env=chosen,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it has printed something."""
        deadline = time.monotonic() + SECONDS
        while text not in self.text:
            assert self._process.poll() is None, f"the demo has ended without {text!r}:\n{self.text}"
            assert time.monotonic() < deadline, f"no {text!r} in {SECONDS:.0f} s:\n{self.text}"
            time.sleep(_POLL_SECONDS)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Send it a signal, as Ctrl-C does."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        return self._process.wait(SECONDS)

    def wait_nothing_left(self) -> None:
        """Wait until nothing of it is left: what the kernel kills with it takes a moment to be gone."""
        eventually(lambda: not self.left_behind(), lambda: f"nothing left: {self.left_behind()}")

    def left_behind(self) -> list[str]:
        """Name what it left: files in its temporary folder, and processes that know of that folder."""
        files = [str(path) for path in self.temporary.iterdir()]
        processes = map(self._process_of_ours, Path("/proc").glob("[0-9]*"))
        return files + [text for text in processes if text]

    def _process_of_ours(self, entry: Path) -> str:
        try:
            known = str(self.temporary).encode() in (entry / "environ").read_bytes()
            return (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode() if known else ""
        except OSError:  # it has just ended, or belongs to somebody else
            return ""
