"""The control process: puts the parts together. Data flows one way.

    reflectors ──▶ directory ──▶ zones ──▶ feed ──▶ DNS workers, transfer process
    configuration (kopf) ───────▶ │  ├───▶ targets ──▶ updates of other servers      ┐
                                  │  └───▶ files ──▶ HTTP, ConfigMaps               ├ the leader's
                                  └──────▶ status, Events                           ┘

From the receipt of an event to the write on the workers' sockets there is no await and no I/O: `_flow` below.
All else follows from there, later and elsewhere.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any

from .config import Config
from .directory import Directory, ServiceChange
from .drained import Drains
from .feed.feed import Feed
from .feed.frames import SecondaryState, Stats, TransferStats
from .gatekeeper import Gatekeeper
from .history import History
from .http import serving
from .logs import configure
from .metrics import Metrics, Readings
from .model import DiscoveryFile, DiscoveryZone, Key, Pod
from .presence import Presence
from .processes import EX_CONFIG, end_with
from .programming import Programming
from .publish.configmaps import FilePublisher
from .publish.file_store import FileStore
from .publish.report import TargetReport
from .publish.selection import FileSelection
from .readings import readings
from .reporting import Reporting
from .resources import Configuration, handed_out_serials
from .resources.elector import Elector, Lead, holder_identity
from .resources.lease import lease_name
from .resources.secrets import Secrets
from .resources.sole_writer import SoleWriter
from .snapshots import Snapshots
from .targets import Targets, target_keys
from .transfers import AHEAD, Transfers
from .watch import errors
from .watch.client import KubeClient
from .watch.credentials import Credentials
from .watch.reflector import Batch, Reflector
from .watch.resource import PODS, SERVICE_INSTANCES, SERVICES
from .zone import Commit, Zones

log = logging.getLogger(__name__)

BACKLOG_SLICE = 20
"""Services of a new or changed zone that are worked off before live events get their turn: about 2 ms."""

FILES_REST_SECONDS = 0.02
"""Between two collections of what files hold: the first change passes at once, a burst as one."""

LAG_TICK_SECONDS = 1.0

SERIALS_RETRY_SECONDS = 1.0

RESERVE_EVERY = 3600
"""Seconds between looks at the reserved serials, so that an idle zone's next one is reserved as well."""


class App:
    """The control process. `run` returns at SIGTERM."""

    def __init__(
        self, config: Config, client: KubeClient, credentials: Credentials, http_listener: socket.socket
    ) -> None:
        self._config = config
        self._client = client
        self._listener = http_listener
        self.metrics = Metrics()
        self.directory = Directory(publication_gate=config.publication_gate)
        self.history = History(config.serials_path)
        self.zones = Zones(self.directory, config.identity, self.history.load())
        self.programming = Programming(self.metrics)
        self.worker_stats: dict[int, Stats] = {}
        self.feed = Feed(config.feed_path, self.zones.whole, self)
        self.store = FileStore()
        self.selection = FileSelection(self.directory, cross_namespace=config.cross_namespace_files)
        self.reporting = Reporting(client, self.directory, self.zones, self.selection)
        self.secrets = Secrets(client, config.operator_namespace, self._on_secrets)
        self.elector = _elector(config, client, self._lead)
        self.presence = Presence()
        self.drains = Drains(self.directory, self.presence, lambda: self.elector.leading)
        self.gatekeeper = (
            Gatekeeper(client, self.directory, self.presence) if config.publication_gate else None
        )
        self.targets = Targets(
            self.zones,
            config.identity,
            self.secrets,
            self.elector,
            self._target_reported,
            self.metrics.count_update,
        )
        self.transfers = Transfers(
            config.transfer_feed_path if config.transfers else None,
            self.zones,
            self.secrets,
            self._target_reported,
            self._resume,
        )
        self.publisher = FilePublisher(client, self.store, self.reporting.file_written)
        self.snapshots = Snapshots(
            config.snapshot_path, config.files_path, self.zones, self.store, self.metrics
        )
        namespace = config.namespace or None
        known = self.directory
        take_pods = partial(self._take, self._apply_pod, self._remove_pod)
        take_services = partial(self._take, known.apply_service, known.remove_service)
        take_resources = partial(self._take, known.apply_resource, known.remove_resource)
        self.reflectors: tuple[Reflector[Any], ...] = (
            Reflector(client, PODS, take_pods, namespace=namespace),
            Reflector(client, SERVICES, take_services, namespace=namespace),
            Reflector(client, SERVICE_INSTANCES, take_resources, namespace=namespace),
        )
        self.configuration = Configuration(
            client, credentials, self._on_zone, self._on_file, namespace=namespace
        )
        self.synced = False
        self._version = 0
        self._backlog = asyncio.Event()
        self._dirty_files: set[Key] = set()
        self._files_changed = asyncio.Event()
        self._complete = asyncio.Event()

    # --- events in -------------------------------------------------------------------------------------

    def _take(self, apply: Callable[[Any], None], remove: Callable[[Key], None], batch: Batch[Any]) -> None:
        """Take a batch of events into the directory; an object that breaks it is named, and nothing else."""
        for change in batch.changes:
            try:
                if change.new is None:
                    remove(change.key)
                else:
                    apply(change.new)
            except Exception:
                log.exception("%s can't be taken in, its last state stays: %r", change.key, change.new)
        self._flow(batch.received_ns)

    def _apply_pod(self, pod: Pod) -> None:
        self.presence.added(pod.key)
        self.directory.apply_pod(pod)
        if self.gatekeeper is not None:
            self.gatekeeper.apply_pod(pod)

    def _remove_pod(self, key: Key) -> None:
        self.presence.removed(key)
        self.directory.remove_pod(key)
        if self.gatekeeper is not None:
            self.gatekeeper.remove_pod(key)

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
        if file is None:
            self.selection.remove_file(key)
            self.store.remove(key)
        else:
            self.selection.apply_file(file)
            self._mark_files({key})
        self.reporting.file_changed(key)

    # --- the flow --------------------------------------------------------------------------------------

    def _flow(self, received_ns: int) -> None:
        """Take what changed in the directory to the DNS workers, at once."""
        if not self.synced:
            return
        changes = self.directory.take()
        self.zones.apply(changes)
        commit = self._commit(received_ns)
        self._mark_files(self.selection.apply(changes))
        self.reporting.changed(changes, commit)
        self._note_turned(changes, commit)

    def _commit(self, received_ns: int) -> Commit:
        """Close a version and hand it out."""
        now = int(time.time())
        commit = self.zones.commit(now)
        if commit.deltas:
            self.history.reserve(self.zones.contents(), now)
            self._version += 1
            self.feed.publish(self._version, commit.deltas)
            self.programming.published(self._version, received_ns)
            self.targets.publish(commit.deltas)
            self.transfers.publish(self._version, commit.deltas)
            self.reporting.published(self._version, commit)
            self.metrics.commits.inc()
            self.snapshots.changed()
        return commit

    def _note_turned(self, changes: Mapping[Key, ServiceChange], commit: Commit) -> None:
        """Note which pods came into the answers or left them with a commit."""
        pods = {pod for change in changes.values() for pod in change.turned}
        if pods:
            serials = {delta.apex: delta.serial for delta in commit.deltas if not delta.gone}
            services = [key for key, change in changes.items() if change.turned]
            ttl = self.zones.largest_ttl(services, commit.zones)
            self.presence.turned(pods, self._version, serials, ttl, time.monotonic())
            if self.gatekeeper is not None:
                self.gatekeeper.turned(pods)
            self._presence_changed()

    def _presence_changed(self) -> None:
        """Have those look who wait for pods to come into the answers or to leave them."""
        self.drains.changed()
        if self.gatekeeper is not None:
            self.gatekeeper.changed()

    def _mark_files(self, keys: Iterable[Key]) -> None:
        self._dirty_files.update(keys)
        if self._dirty_files:
            self._files_changed.set()

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
            "lag": self._measure_lag(),
            "secrets": self.secrets.run(),
            "keys": self._tell_first_keys(),
            "transfers": self.transfers.run(),
            **{str(reflector.resource): reflector.run() for reflector in self.reflectors},
        }

    async def _sync(self) -> None:
        """Wait until everything is known, then publish for the first time, and go on."""
        for reflector in self.reflectors:
            await reflector.synced.wait()
        await self.configuration.synced.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._work_off_backlog())
            group.create_task(self._collect_files())
            group.create_task(self._reserve_serials())
            group.create_task(self.snapshots.run())
            await self._complete.wait()
            group.create_task(self.elector.run())

    async def _lead(self, _: int) -> None:
        """Do what one replica alone may do, until that is another one."""
        await self._take_over_serials()
        self.transfers.lead(True)
        self.reporting.zones_changed()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.publisher.run())
                group.create_task(self.reporting.run())
                group.create_task(self.targets.run())
                if self.gatekeeper is not None:
                    group.create_task(self.gatekeeper.run())
        finally:
            self.transfers.lead(False)

    async def _take_over_serials(self) -> None:
        """Go on from the serials that the last leader has said that it handed out."""
        while True:
            try:
                handed_out = await handed_out_serials(self._client)
                break
            except errors.KubeError as error:
                log.warning("serials of the last leader are unknown, trying again: %s", error)
                await asyncio.sleep(SERIALS_RETRY_SECONDS)
        for apex, (serial, digest) in handed_out.items():
            self.zones.resume(apex, serial, digest)
        self.reporting.changed({}, self._commit(time.monotonic_ns()))

    def _resume(self, apex: bytes, serial: int) -> None:
        """Go beyond a serial that a secondary has."""
        self.zones.resume(apex, serial)
        self.reporting.changed({}, self._commit(time.monotonic_ns()))

    async def _work_off_backlog(self) -> None:
        """Place services in new and changed zones, a slice at a time, after live changes."""
        for key, change in self.directory.take().items():
            self.zones.apply({key: change})
            self.selection.apply({key: change})
            await asyncio.sleep(0)
        while self.zones.step(BACKLOG_SLICE):  # noqa: ASYNC110  # gives way, waits for nothing
            await asyncio.sleep(0)
        self.synced = True
        self._flow(time.monotonic_ns())
        self.feed.publish(self._version, ())  # opens the feed also where there is no zone
        self.transfers.publish(self._version, ())
        self._start_presence()
        for file in self.selection:
            self._tell_store(file)
        self.store.set_synced()
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
                more = self.zones.step(BACKLOG_SLICE)
                self.reporting.changed({}, self._commit(received_ns))
                await asyncio.sleep(0)
            self._zones_changed()

    def _start_presence(self) -> None:
        serials = {content.apex: content.serial for content in self.zones.contents()}
        ttl = self.zones.largest_ttl((entry.key for entry in self.directory), self.zones.names())
        self.presence.start(self._version, serials, ttl)
        self.drains.synced = True

    def _zones_changed(self) -> None:
        """Take in that DiscoveryZones came, went or changed, and that those that stay are complete."""
        targets: set[tuple[bytes, str]] = set()
        for name in self.zones.names():
            zone, served = self.zones.wanted(name), self.zones.get(name)
            domains = [content.apex for content in served.contents()] if served else []
            keys = target_keys(zone, domains) if zone else set()
            targets |= keys
            self.reporting.targets.keep(name, keys)
        self.presence.configure(targets)
        self._presence_changed()
        self.targets.configured()
        self.transfers.configured()
        self.reporting.zones_changed()

    async def _tell_first_keys(self) -> None:
        """Say that Secrets are known now, also where there are none."""
        await self.secrets.reflector.synced.wait()
        self._on_secrets()

    def _on_secrets(self) -> None:
        self.targets.keys_changed()
        if self.synced:  # before, zones are missing: a catalog without them would have secondaries drop them
            self.transfers.configured()

    async def _collect_files(self) -> None:
        """Tell the store what files hold, each time that it changes."""
        while True:
            await self._files_changed.wait()
            self._files_changed.clear()
            dirty, self._dirty_files = self._dirty_files, set()
            for key in dirty:
                self._tell_store(key)
            self.snapshots.changed()
            await asyncio.sleep(FILES_REST_SECONDS)

    def _tell_store(self, key: Key) -> None:
        if (file := self.selection.get(key)) is not None:
            self.store.update(file, self.selection.members(key))

    async def _reserve_serials(self) -> None:
        while True:
            await asyncio.sleep(RESERVE_EVERY)
            self.history.reserve(self.zones.contents(), int(time.time()))

    async def _measure_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_TICK_SECONDS
            await asyncio.sleep(LAG_TICK_SECONDS)
            self.metrics.loop_lag.set(loop.time() - due)

    # --- what others tell us, and ask ------------------------------------------------------------------

    def acknowledged(self, worker: int, version: int, at: float) -> None:
        """Take in that a DNS worker answers a version (feed)."""
        served = self.programming.acknowledged(worker, version, at)
        self.reporting.served(served)
        if self.programming.fed_workers == self._config.dns_workers:  # else one of them is starting
            self.presence.served(served)
            self._presence_changed()

    def _target_reported(self, report: TargetReport) -> None:
        """Take in how far a domain has got at a target."""
        self.reporting.target_reported(report)
        # One that is ahead got its serial from somebody else, and not our records with it.
        self.presence.reported(report.domain, report.target, 0 if report.reason == AHEAD else report.serial)
        self._presence_changed()

    def connected(self, worker: int, is_connected: bool) -> None:
        """Take in that a DNS worker came or went (feed)."""
        self.programming.connected(worker, is_connected)

    def counted(self, worker: int, stats: Stats) -> None:
        """Take in the counters of a DNS worker (feed)."""
        self.worker_stats[worker] = stats

    def transferred(self, frame: SecondaryState | TransferStats) -> None:
        """Do nothing: DNS workers transfer nothing."""

    def why_not_ready(self) -> str:
        """Return why DNS isn't being answered, "" where it is."""
        wanted = self._config.dns_workers
        if self.synced:
            fed = self.programming.fed_workers
            return "" if fed == wanted else f"{fed} of {wanted} DNS workers have the current state"
        if self._config.snapshot_path.exists():
            connected = self.programming.workers
            return "" if connected == wanted else f"{connected} of {wanted} DNS workers run"
        waiting = [str(each.resource) for each in self.reflectors if not each.synced.is_set()]
        return f"waiting for the first list of {', '.join(waiting) or 'zones and files'}"


def _elector(config: Config, client: KubeClient, lead: Lead) -> Elector | SoleWriter:
    if not config.leader_elect:
        return SoleWriter(lead)
    return Elector(client, config.operator_namespace, lease_name(config.identity), holder_identity(), lead)


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
    asyncio.run(_run(config, socket.socket(fileno=int(descriptor))))


if __name__ == "__main__":
    main(sys.argv[1:])
