"""What a DNS worker makes of the feed: a whole state is read beside the one in use."""

from rollcall.feed.frames import TransferSettings
from rollcall.zone.changes import ZoneDelta

from .answers import Answers
from .table import Table


class Loader:
    """A sink of the feed (`feed.follower.Sink`) that answers come from."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._loading = Table()

    def reset(self) -> None:
        """Begin a new table; answers still come from the one in use."""
        self._loading = Table()

    def load(self, delta: ZoneDelta) -> None:
        """Add to the new table. Raises DeltaError."""
        self._loading.apply_delta(delta)

    def commit(self) -> None:
        """Answer from the new table."""
        self._answers.replace_table(self._loading)
        self._loading = Table()

    def apply_delta(self, delta: ZoneDelta) -> None:
        """Change the table in use. Raises DeltaError."""
        self._answers.apply_delta(delta)

    def configure(self, settings: TransferSettings) -> None:
        """Do nothing: they are for transfers."""
