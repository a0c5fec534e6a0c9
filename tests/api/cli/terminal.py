"""A command on a terminal of its own, as a person has it in front of them."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

from api.cli.conftest import COMMAND, SECONDS, environment
from controlplane import ControlPlane


class Terminal:
    """What a running command shows."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unread = b""

    def read_until(self, text: str) -> None:
        """Read until a text has been shown, after the one that was waited for before."""
        deadline = time.monotonic() + SECONDS
        while text.encode() not in self._unread:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self._descriptor], [], [], left)[0], self._lacks(text)
            data = os.read(self._descriptor, 1 << 16)
            assert data, self._lacks(text)
            self._unread += data
        self._unread = self._unread.partition(text.encode())[2]

    def _lacks(self, text: str) -> str:
        return f"no {text!r} in {self._unread.decode(errors='replace')}"

    def drain(self, process: "subprocess.Popen[bytes]") -> int:
        """Take what it still writes until it has ended: a full terminal would hold it for ever."""
        deadline = time.monotonic() + SECONDS
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
            if select.select([self._descriptor], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):  # the other end is closed
                    os.read(self._descriptor, 1 << 16)
        return process.returncode


@contextlib.contextmanager
def shown(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a command until the end of the block, where Ctrl-C ends it, and it ends well."""
    ours, theirs = pty.openpty()
    try:
        watching = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environment, "TERM": "xterm", "COLUMNS": "120", "LINES": "30"},
            start_new_session=True,
        )
        os.close(theirs)
        terminal = Terminal(ours)
        with watching:
            try:
                yield terminal
            finally:
                watching.send_signal(signal.SIGINT)
                code = terminal.drain(watching)
            assert code == 0
    finally:
        os.close(ours)


def on_terminal(cluster: ControlPlane, *arguments: str) -> contextlib.AbstractContextManager[Terminal]:
    """Run a command of ours as `shown` does."""
    return shown([*COMMAND, *arguments], environment(cluster))
