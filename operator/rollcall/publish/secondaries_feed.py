"""The control process's side of zone transfers: feeds the transfer process, and hears from it."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rollcall.feed.feed import Feed
from rollcall.feed.frames import SecondaryState, Settings, TransferStats, TransferZone
from rollcall.feed.observer import Observer
from rollcall.model import KeyRing, Problem, Transfer
from rollcall.propagation.report import AHEAD, BEHIND, CURRENT, TargetReport
from rollcall.zone import ZoneDelta, Zones

from .targets import Keys

OFF = "TransferOff"
_OFF_MESSAGE = (
    "This replica serves no transfers: start Rollcall with --transfer-listen (transfer.enabled in the chart)."
)


class Transfers(Observer):
    """Says who may transfer what, and reports how far the secondaries are.

    `path` is the unix socket of the feed; None where there is no transfer process. `resume` takes the apex
    and the serial of a zone of which a secondary is ahead.
    """

    def __init__(
        self,
        path: Path | None,
        zones: Zones,
        keys: Keys,
        report: Callable[[TargetReport], None],
        resume: Callable[[bytes, int], None],
    ) -> None:
        self.feed = Feed(path, zones.full_deltas, self) if path is not None else None
        self.stats = TransferStats()
        self._zones = zones
        self._keys = keys
        self._report = report
        self._resume = resume
        self._leading = False
        self._settings: Settings | None = None
        self._owners: dict[bytes, str] = {}
        self._problems: dict[str, Problem] = {}  # by Secret
        self._secrets: dict[tuple[bytes, str], str] = {}  # of a secondary, by apex and name

    async def run(self) -> None:
        """Feed the transfer process until cancelled. Raises OSError where the socket can't be made."""
        if self.feed is not None:
            await self.feed.run()

    def publish(self, version: int, deltas: Iterable[ZoneDelta]) -> None:
        """Send a commit; see `Feed.publish`."""
        if self.feed is not None:
            self.feed.publish(version, deltas)

    def lead(self, leading: bool) -> None:
        """Begin to serve transfers, or leave that to another replica."""
        self._leading = leading
        self.configured()

    def configured(self) -> None:
        """Take in that DiscoveryZones or Secrets changed."""
        zones: list[TransferZone] = []
        owners: dict[bytes, str] = {}
        secrets: dict[tuple[bytes, str], str] = {}
        for served in self._zones.served_zones():
            transfer = served.zone.spec.transfer
            if transfer is None:
                continue
            for content in served.contents():
                owners[content.apex] = served.zone.name
                for each in transfer.secondaries:
                    secrets[content.apex, each.name] = each.key_secret
                zones.append(TransferZone(content.apex, transfer))
                if self.feed is None and self._leading:
                    self._report_off(served.zone.name, content.apex, transfer)
        rings = {name: self._keys.ring(name) for name in set(secrets.values()) if name}
        keys = {name: ring for name, ring in rings.items() if isinstance(ring, KeyRing)}
        self._problems = {name: ring for name, ring in rings.items() if isinstance(ring, Problem)}
        self._secrets = secrets
        settings = Settings(self._leading, tuple(zones), keys)
        self._owners = owners
        if self.feed is not None and settings != self._settings:
            self._settings = settings
            self.feed.set(settings)

    def on_transfer_stats(self, stats: TransferStats) -> None:
        """Keep the counters of the transfer process (feed)."""
        self.stats = stats

    def on_secondary(self, state: SecondaryState) -> None:
        """Report how far a secondary is, and go beyond its serial where it is ahead (feed)."""
        zone = self._owners.get(state.apex)
        if zone is None or not self._leading:
            return
        if state.reason == AHEAD:
            self._resume(state.apex, state.serial)
        problem = self._problems.get(self._secrets.get((state.apex, state.name), ""))
        reason, message = (problem.reason, problem.message) if problem else (state.reason, state.message)
        healthy = reason in (CURRENT, BEHIND, AHEAD)
        self._report(
            TargetReport(zone, state.apex, state.name, state.serial, state.at, reason, message, healthy)
        )

    def _report_off(self, zone: str, apex: bytes, transfer: Transfer) -> None:
        for each in transfer.secondaries:
            self._report(TargetReport(zone, apex, each.name, 0, time.time(), OFF, _OFF_MESSAGE, False))
