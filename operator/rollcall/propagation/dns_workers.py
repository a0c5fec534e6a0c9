"""The DNS workers as the control process hears of them: how far they are, and what they have counted."""

from rollcall.feed.frames import Stats
from rollcall.feed.observer import Observer
from rollcall.metrics import Metrics
from rollcall.status.reporting import Reporting

from .programming import Programming
from .turns import Turns


class DnsWorkers(Observer):
    """Hears what the DNS workers say over the feed. `wanted` is how many of them there are to be."""

    def __init__(self, wanted: int, metrics: Metrics, reporting: Reporting, turns: Turns) -> None:
        self.programming = Programming(metrics)
        self.stats: dict[int, Stats] = {}
        self._wanted = wanted
        self._reporting = reporting
        self._turns = turns

    def on_acknowledged(self, worker: int, version: int, at: float) -> None:
        """Note what is answered everywhere, once a worker answers a version."""
        served = self.programming.acknowledged(worker, version, at)
        self._reporting.served(served)
        if not self.why_not_fed():  # else one of them is starting
            self._turns.served(served)

    def on_connected(self, worker: int, is_connected: bool) -> None:
        """Note that a worker came or went."""
        self.programming.connected(worker, is_connected)

    def on_stats(self, worker: int, stats: Stats) -> None:
        """Keep the counters of a worker."""
        self.stats[worker] = stats

    def why_not_fed(self) -> str:
        """Return why not all of them answer from what this process told them, "" where they do."""
        fed = self.programming.fed_workers
        return "" if fed == self._wanted else f"{fed} of {self._wanted} DNS workers have the current state"

    def why_not_connected(self) -> str:
        """Return why not all of them answer at all, be it from a snapshot; "" where they do."""
        connected = self.programming.workers
        return "" if connected == self._wanted else f"{connected} of {self._wanted} DNS workers run"
