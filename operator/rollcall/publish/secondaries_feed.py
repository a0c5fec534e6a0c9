"""The control process's side of zone transfers: feeds the transfer process, and hears from it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Never

from rollcall.feed.feed import Feed
from rollcall.feed.frames import SecondaryState, TransferSettings, TransferStats, TransferZone
from rollcall.feed.observer import Observer
from rollcall.model import KeyRing, Problem, Transfer
from rollcall.model.metric import MetricFamily
from rollcall.propagation.report import AHEAD, BEHIND, CURRENT, TargetReport
from rollcall.zone import Output, PublishedVersion, Zones

from .targets import Keys

OFF = "TransferOff"
_OFF_MESSAGE = (
    "This replica serves no transfers: start Rollcall with --transfer-listen (transfer.enabled in the chart)."
)


class SecondariesFeed(Output, Observer):
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
        self._feed = Feed(path, zones.full_deltas, self) if path is not None else None
        self._stats = TransferStats()
        self._zones = zones
        self._keys = keys
        self._report = report
        self._resume = resume
        self._leading = False
        self._settings: TransferSettings | None = None
        self._owners: dict[bytes, str] = {}
        self._problems: dict[str, Problem] = {}  # by Secret
        self._secrets: dict[tuple[bytes, str], str] = {}  # of a secondary, by apex and name

    async def run(self) -> None:
        """Feed the transfer process until cancelled. Raises OSError where the socket can't be made."""
        if self._feed is not None:
            await self._feed.run()

    async def lead(self) -> Never:
        """Have transfers served here until cancelled; before and after, that is another replica's."""
        self._leading = True
        self.configure()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._leading = False
            self.configure()
        raise AssertionError("it waits for ever")

    def start(self, version: int) -> None:
        """Open the feed, also where there is no zone."""
        if self._feed is not None:
            self._feed.start(version)

    def on_published(self, version: PublishedVersion) -> None:
        """Send a version to the transfer process."""
        if self._feed is not None:
            self._feed.on_published(version)

    def on_zones_changed(self) -> None:
        """Say anew who may transfer what."""
        self.configure()

    def configure(self) -> None:
        """Say who may transfer what, by the DiscoveryZones and the Secrets as they are."""
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
                if self._feed is None and self._leading:
                    self._report_off(served.zone.name, content.apex, transfer)
        rings = {name: self._keys.ring(name) for name in set(secrets.values()) if name}
        keys = {name: ring for name, ring in rings.items() if isinstance(ring, KeyRing)}
        self._problems = {name: ring for name, ring in rings.items() if isinstance(ring, Problem)}
        self._secrets = secrets
        settings = TransferSettings(self._leading, tuple(zones), keys)
        self._owners = owners
        if self._feed is not None and settings != self._settings:
            self._settings = settings
            self._feed.configure(settings)

    def on_transfer_stats(self, stats: TransferStats) -> None:
        """Keep the counters of the transfer process (feed)."""
        self._stats = stats

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

    def families(self) -> Iterator[MetricFamily]:
        """Describe what the transfer process has counted."""
        yield MetricFamily(
            "rollcall_transfers_total",
            "Transfers served: axfr, ixfr, and current where the secondary had the newest version.",
            ("kind",),
            lambda: [((kind,), number) for kind, number in self._stats.transfers.items()],
            is_counter=True,
        )
        yield MetricFamily(
            "rollcall_transfers_refused_total",
            "Requests at the transfer port that were refused.",
            ("reason",),
            lambda: [((reason,), number) for reason, number in self._stats.refused.items()],
            is_counter=True,
        )
        yield MetricFamily(
            "rollcall_notifies_total",
            "NOTIFY messages, by what became of them.",
            ("outcome",),
            lambda: [((outcome,), number) for outcome, number in self._stats.notifies.items()],
            is_counter=True,
        )
