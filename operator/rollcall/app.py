"""The control process: puts the parts together. Data flows one way.

    reflectors ──▶ directory ──▶ zones ──▶ feed ──▶ DNS workers, transfer process
    configuration (kopf) ───────▶ │  ├───▶ targets ──▶ updates of other servers      ┐
                                  │  └───▶ files ──▶ HTTP, ConfigMaps               ├ the leader's
                                  └──────▶ status, Events                           ┘

From the receipt of an event to the write on the workers' sockets there is no await and no I/O: `_flow` below.
All else follows from there, later and elsewhere.
"""

import asyncio
import atexit
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Coroutine
from typing import Any

from .config import Config
from .directory import Directory
from .feed.feed import Feed
from .http.server import serving
from .kube import errors
from .kube.client import KubeClient
from .kube.credentials import Credentials
from .lag import measure_lag
from .leadership.leadership import Leadership
from .logs import configure
from .metrics import Metrics, Readings
from .model import DiscoveryFile, DiscoveryZone, Key
from .processes import EX_CONFIG, end_with
from .propagation.dns_workers import DnsWorkers
from .propagation.drains import Drains
from .propagation.gate import Gatekeeper
from .propagation.report import TargetReport
from .propagation.tracker import Presence
from .propagation.turns import Turns
from .publish.collector import Files
from .publish.config_maps import FilePublisher
from .publish.file_store import FileStore
from .publish.secondaries_feed import Transfers
from .publish.selection import FileSelection
from .publish.targets import Targets, target_keys
from .readings import readings
from .sources.cluster import ClusterSource
from .sources.configuration import Configuration
from .sources.secrets import Secrets
from .sources.workloads import RolloutSource
from .state.serials import SerialReservations
from .state.snapshots import Snapshots
from .status.reporting import Reporting
from .zone import Commit, Zones

log = logging.getLogger(__name__)

BACKLOG_SLICE = 20
"""Services of a new or changed zone that are worked off before live events get their turn: about 2 ms."""


class App:
    """The control process. `run` returns at SIGTERM."""

    def __init__(
        self, config: Config, client: KubeClient, credentials: Credentials, http_listener: socket.socket
    ) -> None:
        self._config = config
        self._listener = http_listener
        self.metrics = Metrics()
        self.directory = Directory(publication_gate=config.publication_gate)
        self.history = SerialReservations(config.serials_path)
        self.zones = Zones(self.directory, config.identity, self.history.load())
        self.store = FileStore()
        self.snapshots = Snapshots(
            config.snapshot_path, config.files_path, self.zones, self.store, self.metrics
        )
        selection = FileSelection(self.directory, cross_namespace=config.cross_namespace_files)
        self.files = Files(selection, self.store, self.snapshots.on_change)
        self.reporting = Reporting(client, self.directory, self.zones, selection)
        self.publisher = FilePublisher(client, self.store, self.reporting.file_written)
        self.secrets = Secrets(client, config.operator_namespace, self._on_secrets)
        feed = config.transfer_feed_path if config.transfers else None
        self.transfers = Transfers(feed, self.zones, self.secrets, self._target_reported, self._resume)
        self.leadership = Leadership(
            config, client, self.zones, self._hand_out, self.transfers, self.reporting
        )
        self.targets = Targets(
            self.zones,
            config.identity,
            self.secrets,
            self.leadership.elector,
            self._target_reported,
            self.metrics.count_update,
        )
        presence = Presence()
        self.drains = Drains(self.directory, presence, lambda: self.leadership.elector.leading)
        self.gatekeeper = Gatekeeper(client, self.directory, presence) if config.publication_gate else None
        self.turns = Turns(self.directory, self.zones, presence, self.drains, self.gatekeeper)
        self.dns_workers = DnsWorkers(config.dns_workers, self.metrics, self.reporting, self.turns)
        self.feed = Feed(config.feed_path, self.zones.full_deltas, self.dns_workers)
        self.intake = ClusterSource(
            client,
            config.namespace,
            self.directory,
            on_pod=self.turns.apply_pod,
            on_pod_removed=self.turns.remove_pod,
            on_change=self._flow,
        )
        self.following = RolloutSource(client, config.namespace, self.directory, self._flow)
        self.configuration = Configuration(
            client, credentials, self._on_zone, self._on_file, namespace=config.namespace or None
        )
        self.synced = False
        self._version = 0
        self._backlog = asyncio.Event()
        self._complete = asyncio.Event()

    # --- events in -------------------------------------------------------------------------------------

    def _on_zone(self, key: Key, zone: DiscoveryZone | None) -> None:
        try:
            if zone is None:
                self.zones.remove_zone(key.name)
            else:
                self.zones.apply_zone(zone)
        except Exception:
            log.exception("DiscoveryZone %s can't be taken in, its last state stays: %r", key.name, zone)
        self._backlog.set()

    def _on_file(self, key: Key, file: DiscoveryFile | None) -> None:
        self.files.apply_file(key, file)
        self.reporting.file_changed(key)

    # --- the flow --------------------------------------------------------------------------------------

    def _flow(self, received_ns: int) -> None:
        """Take what changed in the directory to the DNS workers, at once."""
        if not self.synced:
            return
        self.following.watch_followed()
        changes = self.directory.take_changes()
        self.zones.place(changes)
        commit = self._commit(received_ns)
        self.files.apply(changes)
        self.reporting.changed(changes, commit)
        self.turns.published(self._version, changes, commit)

    def _commit(self, received_ns: int) -> Commit:
        """Close a version and hand it out."""
        now = int(time.time())
        commit = self.zones.commit(now)
        if commit.deltas:
            self.history.reserve(self.zones.contents(), now)
            self._version += 1
            self.feed.publish(self._version, commit.deltas)
            self.dns_workers.programming.published(self._version, received_ns)
            self.targets.publish(commit.deltas)
            self.transfers.publish(self._version, commit.deltas)
            self.reporting.published(self._version, commit)
            self.metrics.commits.inc()
            self.snapshots.on_change()
        return commit

    def _hand_out(self) -> None:
        """Hand out what changed in zones without a change in the directory."""
        self.reporting.changed({}, self._commit(time.monotonic_ns()))

    # --- tasks -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until SIGTERM."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        self.metrics.registry.register(Readings(readings(self)))
        self.snapshots.restore_files()
        async with (
            serving(self._listener, self.metrics.registry, self.store, self.drains, self.why_not_ready),
            asyncio.TaskGroup() as group,
        ):
            tasks = [group.create_task(task, name=name) for name, task in self._tasks().items()]
            await stop.wait()
            for task in tasks:
                task.cancel()
        if self.synced:
            await self.snapshots.write()
            self.history.close(self.zones.contents())

    def _tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "configuration": self.configuration.run(),
            "feed": self.feed.run(),
            "sync": self._sync(),
            "lag": measure_lag(self.metrics.loop_lag.set),
            "secrets": self.secrets.run(),
            "transfers": self.transfers.run(),
            "following": self.following.run(),
            **{str(reflector.resource): reflector.run() for reflector in self.intake.reflectors},
        }

    async def _sync(self) -> None:
        """Wait until everything is known, then publish for the first time, and go on."""
        await self.intake.synced()
        await self.configuration.synced.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._work_off_backlog())
            group.create_task(self.history.run(self.zones.contents))
            group.create_task(self.snapshots.run())
            await self._complete.wait()
            group.create_task(self.files.run())
            group.create_task(
                self.leadership.run(self.publisher, self.reporting, self.targets, self.gatekeeper)
            )

    def _resume(self, apex: bytes, serial: int) -> None:
        """Go beyond a serial that a secondary has."""
        self.zones.resume(apex, serial)
        self._hand_out()

    async def _work_off_backlog(self) -> None:
        """Place services in new and changed zones, a slice at a time, after live changes."""
        for key, change in self.directory.take_changes().items():
            self.zones.place({key: change})
            self.files.apply({key: change})
            await asyncio.sleep(0)
        while self.zones.place_backlog(BACKLOG_SLICE):  # noqa: ASYNC110  # gives way, waits for nothing
            await asyncio.sleep(0)
        self.synced = True
        self._flow(time.monotonic_ns())
        self.feed.publish(self._version, ())  # opens the feed also where there is no zone
        self.transfers.publish(self._version, ())
        self.turns.start(self._version)
        self.files.publish_first()
        self._zones_changed()
        self._complete.set()
        gc.collect()
        gc.freeze()  # what is known now lives long: a full collection of it would be a pause of 30 ms
        while True:
            await self._backlog.wait()
            self._backlog.clear()
            received_ns = time.monotonic_ns()
            more = True
            while more:
                more = self.zones.place_backlog(BACKLOG_SLICE)
                self.reporting.changed({}, self._commit(received_ns))
                await asyncio.sleep(0)
            self._zones_changed()

    def _zones_changed(self) -> None:
        """Take in that DiscoveryZones came, went or changed, and that those that stay are complete."""
        wanted = target_keys(self.zones)
        for name, keys in wanted.items():
            self.reporting.targets.keep(name, keys)
        self.turns.configure(set().union(*wanted.values()))
        self.targets.configured()
        self.transfers.configured()
        self.reporting.zones_changed()

    def _on_secrets(self) -> None:
        self.targets.on_secrets_changed()
        if self.synced:  # before, zones are missing: a catalog without them would have secondaries drop them
            self.transfers.configured()

    # --- what others tell us, and ask ------------------------------------------------------------------

    def _target_reported(self, report: TargetReport) -> None:
        """Take in how far a domain has got at a target."""
        self.reporting.target_reported(report)
        self.turns.reported(report)

    def why_not_ready(self) -> str:
        """Return why DNS isn't being answered, "" where it is."""
        if self.synced:
            return self.dns_workers.why_not_fed()
        if self._config.snapshot_path.exists():
            return self.dns_workers.why_not_connected()
        return f"waiting for the first list of {', '.join(self.intake.waiting()) or 'zones and files'}"


async def _run(config: Config, listener: socket.socket) -> None:
    credentials = Credentials(config.kubeconfig, config.context)
    try:
        await credentials.access()
    except errors.CredentialsError as error:
        log.error("%s", error)
        sys.exit(EX_CONFIG)
    async with KubeClient(credentials) as client:
        await App(config, client, credentials, listener).run()


def main(arguments: list[str]) -> None:
    """Run the control process: its configuration, the descriptor of the HTTP socket, the supervisor's pid."""
    text, descriptor, parent = arguments
    config = Config.decode(text)
    configure(config.log_format, config.log_level, "control")
    end_with(int(parent))
    # kopf's thread and renderings hold the interpreter; by default they are asked to let go after 5 ms.
    sys.setswitchinterval(0.0005)
    atexit.register(_leave)  # first, so that it is called last: others remove their temporary files
    try:
        asyncio.run(_run(config, socket.socket(fileno=int(descriptor))))
    except BaseException:
        atexit.unregister(_leave)
        raise


def _leave() -> None:
    """End the process after an orderly end, in place of the interpreter.

    That would take apart, under its hands, what kopf still holds where it was left behind in its thread, and
    print a traceback of each coroutine.
    """
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
