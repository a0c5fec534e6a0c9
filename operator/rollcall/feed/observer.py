"""Who hears what children say: the control process's part in the feed, without the sockets."""

from .frames import SecondaryState, Stats, TransferStats


class Observer:
    """Is told what children say, in the feed's event loop. Each listener overrides what it is there for."""

    def on_connected(self, worker: int, is_connected: bool) -> None:
        """Call when a child has come, or gone: it then answers from what it was told last."""

    def on_acknowledged(self, worker: int, version: int, at: float) -> None:
        """Call when a child answers this version, since `at` (time.monotonic of this machine)."""

    def on_stats(self, worker: int, stats: Stats) -> None:
        """Call with the counters of a DNS worker, which began at 0 when it started; the feed keeps them."""

    def on_secondary(self, state: SecondaryState) -> None:
        """Call when the transfer process has seen a secondary at another state."""

    def on_transfer_stats(self, stats: TransferStats) -> None:
        """Call with the counters of the transfer process."""
