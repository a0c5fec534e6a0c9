"""Our side of the witness."""

import multiprocessing
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bench.releases import witness
from bench.releases.timeline import Record
from bench.releases.witness import LOST_NS, Armed, Stop, Watch
from controlplane import ControlPlaneError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_SPAWN = multiprocessing.get_context("spawn")
_SLACK_SECONDS = 20.0


class Witnessing:
    """A process that watches what it is told to; a context manager."""

    def __init__(self) -> None:
        self._connection: Connection
        self._connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=witness.main, args=(theirs,), name="witness", daemon=True)
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

    def begin(self, watch: Watch) -> None:
        """Start a watch, and return when every socket has had an answer."""
        self._connection.send(watch)
        assert isinstance(self._next(), Armed)

    def end(self) -> Record:
        """Stop it; return what was seen."""
        self._connection.send(Stop())
        record = self._next()
        assert isinstance(record, Record)
        return record

    def _next(self) -> Armed | Record:
        try:
            if self._connection.poll(LOST_NS / 1e9 + _SLACK_SECONDS):
                message: Armed | Record = self._connection.recv()
                return message
        except (EOFError, ConnectionError):
            pass  # the witness is gone: said below
        raise ControlPlaneError(f"the witness ended or hangs: its exit code is {self._process.exitcode}")
