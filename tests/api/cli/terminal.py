"""A command on a terminal of its own, as a person has it in front of them."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator

from api.cli.conftest import COMMAND, SECONDS, environment
from controlplane import ControlPlane


class Terminal:
    """What a running command shows."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read_until(self, text: str) -> None:
        """Read until there is a text in what is shown."""
        seen, deadline = b"", time.monotonic() + SECONDS
        while text.encode() not in seen:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self._descriptor], [], [], left)[0], f"no {text!r} in {seen.decode()}"
            data = os.read(self._descriptor, 1 << 16)
            assert data, f"no {text!r} in {seen.decode()}"
            seen += data

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
def on_terminal(cluster: ControlPlane, *arguments: str) -> Iterator[Terminal]:
    """Run a command until the end of the block, where Ctrl-C ends it, and it ends well."""
    ours, theirs = pty.openpty()
    try:
        watching = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(cluster, TERM="xterm", COLUMNS="120", LINES="30"),
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
