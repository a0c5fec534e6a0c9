"""The control process: puts the parts together. Data flows one way.

    sources                                             outputs, in their order
    pods, Services, ServiceInstances ─▶ directory       ┌▶ feed ────────▶ DNS workers
    EndpointSlices, roll-outs ────────▶    │            ├▶ latency ─────▶ metrics
                                           ▼            ├▶ tracker
    DiscoveryZones ───────────────────▶  zones ─▶ version ▶ targets ────▶ other servers     ┐
                                           │            ├▶ secondaries ─▶ transfer process  ├ the leader's
    Secrets ──▶ targets, secondaries       ▼            ├▶ files ───────▶ HTTP, ConfigMaps  │
    DiscoveryFiles ──▶ files            serials         ├▶ reporting ───▶ status, Events    ┘
                                                        └▶ snapshots ───▶ disk

    DNS workers, targets, secondaries ─▶ how far they are ─▶ tracker ─▶ listeners:
                                                        latency, reporting, drains (HTTP), publication gate

    ConfigMaps with our label ─▶ ConfigMapWatch ─▶ ConfigMaps: what others do to one is put right
    Lease ─▶ leadership: the previous leader's serials ─▶ zones, and then the duties of the leader

From the receipt of an event to the write on the workers' sockets there is no await and no I/O: `_flow` below.
All else follows from there, later and elsewhere. Another output is a class with the verbs of `Output`, and a
line in the list of outputs; where it runs, also one among the tasks or the leader's duties.
"""

import asyncio
import atexit
import gc
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, Never

from prometheus_client import CollectorRegistry

from .config import Config
from .directory import Directory, ServiceChange
from .feed.feed import Feed
from .http import limits
from .http.connections import Connections
from .http.drained import DrainWaits
from .http.server import serving
from .kube import errors
from .kube.client import KubeClient, MetadataClient
from .kube.credentials import Credentials
from .leadership.leadership import Duty, Leadership
from .logs import configure
from .metrics import FamilyCollector, Latency, LoopLag
from .model import DiscoveryFile, DiscoveryZone, Key
from .model.metric import MetricFamily
from .processes import EX_CONFIG, LEAVE, end_with, giving_signs
from .propagation.drains import Drains
from .propagation.gate import PublicationGate
from .propagation.tracker import Tracker
from .publish.collector import FileCollector
from .publish.config_maps import ConfigMapWatch, FilePublisher
from .publish.file_store import FileStore
from .publish.secondaries_feed import SecondariesFeed
from .publish.selection import FileSelection
from .publish.targets import Targets
from .sources.cluster import ClusterSource
from .sources.configuration import Configuration
from .sources.endpoints import EndpointSource
from .sources.secrets import Secrets
from .sources.workloads import RolloutSource
from .state.serials import SerialReservations
from .state.snapshots import Snapshots
from .status.gate_writer import GateWriter
from .status.reporting import Reporting
from .watch.metrics import families as reflector_families
from .zone import Installation, Output, PublishedVersion, Zones
from .zone.known_serials import KnownSerial

log = logging.getLogger(__name__)

BACKLOG_SLICE = 20
"""Services of a new or changed zone that are worked off before live events get their turn: about 2 ms."""


class App:
    """The control process. `run` returns at SIGTERM; `LEAVE` comes before it where there is time."""

    def __init__(
        self,
        config: Config,
        client: KubeClient,
        leases: KubeClient,
        credentials: Credentials,
        http_listener: socket.socket,
    ) -> None:
        self._config = config
        self._listener = http_listener
        # What is known, and how far it has got.
        self._serials = SerialReservations(config.serials_path, config.owner)
        self._directory = Directory(
            publication_gate=config.publication_gate, services_per_pod=config.services_per_pod
        )
        installation = Installation(config.identity, config.namespace, config.zone_selector)
        self._zones = Zones(self._directory, installation, self._serials.load())
        self._tracker = Tracker(self._directory, self._zones, config.dns_workers, time.time)
        self._leadership = Leadership(config, client, leases, self._zones, self._hand_out)
        # Where it comes from.
        self._cluster = ClusterSource(
            client,
            config.namespace,
            self._directory,
            on_pod=self._tracker.on_pod,
            on_pod_removed=self._tracker.on_pod_removed,
            on_change=self._flow,
        )
        self._rollouts = RolloutSource(client, config.namespace, self._directory, self._flow)
        self._endpoints = EndpointSource(
            client, config.namespace, self._directory, self._wants_endpoints, self._flow
        )
        self._secrets = Secrets(client, config.operator_namespace, self._on_secrets)
        self._configuration = Configuration(
            client, credentials, self._on_zone, self._on_file, namespace=config.namespace or None
        )
        # Where it goes.
        self._store = FileStore()
        self._selection = FileSelection(
            self._directory,
            cross_namespace=config.cross_namespace_files,
            per_namespace=config.files_per_namespace,
        )
        self._snapshots = Snapshots(
            config.snapshot_path, config.files_path, config.owner, self._zones, self._store
        )
        self._files = FileCollector(self._selection, self._store, self._snapshots.on_files_collected)
        self._reporting = Reporting(
            client,
            self._directory,
            self._zones,
            self._selection,
            self._tracker,
            self._on_taken,
            grace_seconds=config.generate_after_seconds,
        )
        self._config_maps = FilePublisher(client, self._store, self._reporting.on_file_report)
        self._config_map_watch = ConfigMapWatch(
            MetadataClient(client), config.namespace, self._config_maps.on_config_map
        )
        self._feed = Feed(config.feed_path, self._zones.full_deltas, self._tracker)
        self._targets = Targets(
            self._zones, config.identity, self._secrets, self._leadership.elector, self._tracker.on_report
        )
        self._secondaries = SecondariesFeed(
            config.transfer_feed_path if config.transfers else None,
            self._zones,
            self._secrets,
            self._tracker.on_report,
            self._resume,
        )
        self._registry = CollectorRegistry()
        self._latency = Latency(self._registry)
        self._loop_lag = LoopLag()
        self._outputs: tuple[Output, ...] = (
            self._feed,  # first: nobody else is in a hurry
            self._latency,
            self._tracker,
            self._targets,
            self._secondaries,
            self._files,
            self._reporting,
            self._snapshots,
        )
        # Who waits for it to get there.
        drains = Drains(self._directory, self._tracker, lambda: self._leadership.elector.leading)
        self._drain_waits = DrainWaits(drains)
        self._connections = Connections(limits.of_this_process())
        gate = PublicationGate(self._directory, self._tracker)
        self._gate_writer = GateWriter(client, gate)
        self._tracker.listeners = (self._latency, self._reporting, drains, self._drain_waits)
        if config.publication_gate:
            self._tracker.listeners += (gate, self._gate_writer)
        self._synced = False
        self._version = 0
        self._backlog = asyncio.Event()
        self._complete = asyncio.Event()
        self._leaving = asyncio.Event()

    # --- the flow --------------------------------------------------------------------------------------

    def _flow(self, received_ns: int) -> None:
        """Take what changed in the directory to the outputs, at once."""
        if not self._synced:
            return
        self._rollouts.watch_followed()
        changes = self._directory.take_changes()
        self._endpoints.watch_wanted(key for key, change in changes.items() if change.whole)
        self._zones.place(changes)
        self._publish(changes, received_ns)

    def _publish(self, changes: Mapping[Key, ServiceChange], received_ns: int) -> None:
        """Close a version and hand it out."""
        now = int(time.time())
        commit = self._zones.commit(now)
        if commit.deltas:
            self._version += 1
            self._serials.reserve(self._zones.contents(), now)  # before anybody sees them
        version = PublishedVersion(self._version, changes, commit, received_ns)
        for output in self._outputs:
            output.on_published(version)

    def _hand_out(self) -> None:
        """Hand out what changed in zones without a change in the directory."""
        self._publish({}, time.monotonic_ns())

    def _resume(self, apex: bytes, serial: int) -> None:
        """Go beyond a serial that a secondary has."""
        self._zones.resume(apex, serial)
        self._hand_out()

    def _on_taken(self, serials: Mapping[bytes, KnownSerial]) -> None:
        """Go on from the serials of the installation that had a zone before us."""
        for apex, (serial, digest) in serials.items():
            self._zones.resume(apex, serial, digest)
        self._hand_out()

    # --- zones and files -------------------------------------------------------------------------------

    def _on_zone(self, key: Key, zone: DiscoveryZone | None) -> None:
        try:
            if zone is None:
                self._zones.remove_zone(key.name)
            else:
                self._zones.apply_zone(zone)
        except Exception:
            log.exception("DiscoveryZone %s can't be taken in, its last state stays: %r", key.name, zone)
        self._reporting.on_zone(key)
        self._backlog.set()

    def _on_file(self, key: Key, file: DiscoveryFile | None) -> None:
        self._files.apply_file(key, file)
        self._watch_wanted()
        self._reporting.on_file(key)

    def _on_secrets(self) -> None:
        self._targets.on_secrets_changed()
        if self._synced:  # before, zones are missing: a catalog without them would have secondaries drop them
            self._secondaries.configure()

    def _watch_wanted(self) -> None:
        """Have EndpointSlices watched where a service needs them, after a change of what is selected."""
        self._endpoints.watch_wanted(self._directory.asking_slices)

    def _wants_endpoints(self, key: Key) -> bool:
        """Whether anybody wants to know the instances of a service."""
        entry = self._directory.get(key)
        if entry is None:
            return False
        return bool(entry.resource or self._zones.selecting(key)) or self._selection.asks_for(entry)

    async def _publish_everything(self) -> None:
        """Place all services in all zones, a slice at a time, and hand that out as the first version."""
        for key, change in self._directory.take_changes().items():
            self._zones.place({key: change})
            self._files.reselect({key: change})
            await asyncio.sleep(0)
        while self._zones.place_backlog(BACKLOG_SLICE):  # noqa: ASYNC110  # gives way, waits for nothing
            await asyncio.sleep(0)
        self._synced = True
        self._flow(time.monotonic_ns())
        for output in self._outputs:
            output.start(self._version)
        self._tell_zones_changed()
        self._complete.set()
        gc.collect()
        gc.freeze()  # what is known now lives long: a full collection of it would be a pause of 30 ms

    async def _place_backlog(self) -> Never:
        """Place services in new and changed zones, a slice at a time, after live changes."""
        await self._publish_everything()
        while True:
            await self._backlog.wait()
            self._backlog.clear()
            received_ns = time.monotonic_ns()
            more = True
            while more:
                more = self._zones.place_backlog(BACKLOG_SLICE)
                self._publish({}, received_ns)
                await asyncio.sleep(0)
            self._tell_zones_changed()

    def _tell_zones_changed(self) -> None:
        self._watch_wanted()
        for output in self._outputs:
            output.on_zones_changed()

    # --- tasks -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until SIGTERM."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(LEAVE, self._leaving.set)
        self._registry.register(FamilyCollector(self._families()))
        await self._snapshots.restore()
        async with (
            serving(
                self._listener,
                self._connections,
                self._registry,
                self._store,
                self._drain_waits,
                self._why_not_ready,
            ),
            asyncio.TaskGroup() as group,
        ):
            tasks = [group.create_task(task, name=name) for name, task in self._tasks().items()]
            await stop.wait()
            for task in tasks:
                task.cancel()
        if self._synced:
            await self._snapshots.write()
            self._serials.close(self._zones.contents())

    def _tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "configuration": self._configuration.run(),
            "feed": self._feed.run(),
            "sync": self._sync(),
            "lag": self._loop_lag.run(),
            "secrets": self._secrets.run(),
            "transfers": self._secondaries.run(),
            "roll-outs": self._rollouts.run(),
            "endpoints": self._endpoints.run(),
            **{str(reflector.resource): reflector.run() for reflector in self._cluster.reflectors},
        }

    async def _sync(self) -> None:
        """Wait until everything is known, then publish for the first time, and go on."""
        await self._cluster.synced()
        await self._configuration.synced.wait()
        self._watch_wanted()
        await self._endpoints.synced()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._place_backlog())
            group.create_task(self._serials.run(self._zones.contents))
            group.create_task(self._snapshots.run())
            await self._complete.wait()
            group.create_task(self._files.run())
            campaign = group.create_task(self._leadership.run(*self._duties()))
            await self._leaving.wait()
            campaign.cancel()  # lets the Lease go: another replica writes while this one still answers

    def _duties(self) -> Iterator[Duty]:
        """Yield what the leader alone does."""
        yield self._secondaries.lead
        yield self._reporting.run
        yield self._config_maps.run
        yield self._config_map_watch.run
        yield self._targets.run
        if self._config.publication_gate:
            yield self._gate_writer.run

    # --- what others ask -------------------------------------------------------------------------------

    def _families(self) -> Iterator[MetricFamily]:
        """Yield every figure that the parts hold."""
        sources = (self._cluster, self._rollouts, self._endpoints, self._config_map_watch)
        yield from reflector_families(lambda: [each for source in sources for each in source.reflectors])
        yield from self._configuration.families()
        yield from self._tracker.families()
        yield from self._feed.families()
        yield from self._targets.families()
        yield from self._secondaries.families()
        yield from self._leadership.families()
        yield from self._reporting.families()
        yield from self._snapshots.families()
        yield from self._loop_lag.families()
        yield from self._connections.families()
        for family in self._gate_writer.families():  # listed without the gate as well, with no values
            yield family if self._config.publication_gate else family._replace(values=tuple)

    def _why_not_ready(self) -> str:
        """Return why no queries are to be sent here, "" where they are."""
        if self._leaving.is_set():
            return "it ends: queries are answered for a while yet, send no new ones"
        if self._synced:
            return self._tracker.workers.why_not_fed()
        if self._snapshots.has_answers:
            return self._tracker.workers.why_not_connected()
        waiting = self._cluster.waiting() or self._endpoints.waiting()
        waiting = waiting or {"zones and files": self._configuration.trouble}
        troubles = dict.fromkeys(str(each) for each in waiting.values() if each is not None)
        return ": ".join((f"waiting for the first list of {', '.join(waiting)}", *troubles))


async def _run(config: Config, listener: socket.socket) -> None:
    with giving_signs():
        credentials = Credentials(config.kubeconfig, config.context)
        try:
            await credentials.access()
        except errors.CredentialsError as error:
            log.error("%s", error)
            sys.exit(EX_CONFIG)
        async with KubeClient(credentials) as client, KubeClient(credentials) as leases:
            await App(config, client, leases, credentials, listener).run()


def main(arguments: list[str]) -> None:
    """Run the control process: its configuration, the descriptor of the HTTP socket, the supervisor's pid."""
    text, descriptor, parent = arguments
    config = Config.decode(text)
    configure(config.log_format, config.log_level, "control")
    end_with(int(parent))
    # kopf's thread and renderings hold the interpreter; by default they are asked to let go after 5 ms.
    sys.setswitchinterval(0.0005)
    # The `kubernetes` package keeps certificates and keys in files: also where we are killed they don't stay.
    tempfile.tempdir = str(config.runtime_dir)
    atexit.register(_leave)  # first, so that it is called last: others remove their temporary files
    try:
        asyncio.run(_run(config, socket.socket(fileno=int(descriptor))))
    except BaseException:
        atexit.unregister(_leave)
        raise


def _leave() -> None:
    """End the process after an orderly end, in place of the interpreter.

    That would tear down, under its hands, what kopf still holds where it was left behind in its thread, and
    print a traceback of each coroutine.
    """
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
