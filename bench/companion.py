"""A process beside the measurement, on the other end of a pipe: what looks must not wait for what writes."""

import multiprocessing
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from controlplane import ControlPlaneError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SPAWN = multiprocessing.get_context("spawn")


class Companion:
    """Runs `main`, which gets its end of the pipe and then `arguments`; a context manager."""

    def __init__(self, name: str, main: Callable[..., None], *arguments: object) -> None:
        self._connection: Connection
        self._connection, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=main, args=(theirs, *arguments), name=name, daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.join()

    def tell(self, message: object) -> None:
        """Send it a message."""
        self._connection.send(message)

    def answer(self, timeout_seconds: float) -> Any:
        """Wait for its next message. Raises ControlPlaneError."""
        try:
            if self._connection.poll(timeout_seconds):
                return self._connection.recv()
        except (EOFError, ConnectionError):
            pass  # it is gone: said below
        raise ControlPlaneError(
            f"the {self._process.name} ended or hangs: its exit code is {self._process.exitcode}"
        )
