"""Our side of the witness."""

from bench.companion import Companion
from bench.releases import witness
from bench.releases.timeline import Record
from bench.releases.witness import LOST_NS, Armed, Stop, Watch

_TIMEOUT_SECONDS = LOST_NS / 1e9 + 20.0


class Witnessing(Companion):
    """A process that watches what it is told to; a context manager."""

    def __init__(self) -> None:
        super().__init__("witness", witness.main)

    def begin(self, watch: Watch) -> None:
        """Start a watch, and return when every socket has had an answer."""
        self.tell(watch)
        assert isinstance(self.answer(_TIMEOUT_SECONDS), Armed)

    def end(self) -> Record:
        """Stop it; return what was seen."""
        self.tell(Stop())
        record = self.answer(_TIMEOUT_SECONDS)
        assert isinstance(record, Record)
        return record
