"""What the API server is told: status, Events, missing ServiceInstances. After the fact, never in the way."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from rollcall.directory import Directory
from rollcall.dnswire.names import is_at_or_below
from rollcall.kube.client import KubeClient
from rollcall.model import FileStatus, InstanceStatus, Key, OwnedStatus, Service, Status, ZoneStatus
from rollcall.model.metric import MetricFamily, single
from rollcall.propagation.answered import Arrival
from rollcall.propagation.listener import Listener
from rollcall.propagation.report import BEHIND
from rollcall.propagation.targets import TargetNews
from rollcall.propagation.tracker import Tracker
from rollcall.publish.config_maps import FileReport
from rollcall.publish.selection import FileSelection
from rollcall.zone import Output, PublishedVersion, Zones
from rollcall.zone.known_serials import KnownSerial, known_serials
from rollcall.zone.served import ServedZone

from .alarms import Alarms
from .creation import InstanceCreator
from .events import EventRecorder
from .file_status import file_status
from .keeping import InstanceKeeper
from .kinds import Kind, ObjectRef
from .release_status import steps_due_at
from .service_status import service_status
from .spread import Spread
from .status_writer import StatusWriter, Written
from .transitions import Transition
from .zone_status import zone_status

log = logging.getLogger(__name__)


class Reporting(Output, Listener):
    """Marks objects whose status may have changed, and says what it is when it is written.

    `on_taken` is told the serials that were handed out, by apex, of a zone that we have taken.
    `grace_seconds` is how long a Service is without a ServiceInstance before one is made, and one that was
    made without its Service before it is deleted. `unix_time` is a clock, in seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        directory: Directory,
        zones: Zones,
        selection: FileSelection,
        tracker: Tracker,
        on_taken: Callable[[Mapping[bytes, KnownSerial]], None],
        *,
        grace_seconds: float,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._unix_time = unix_time
        self._directory = directory
        self._zones = zones
        self._selection = selection
        self._tracker = tracker
        self._on_taken = on_taken
        self._leads = False
        self._kept_off: dict[str, str] = {}  # what was told of zones of others, by uid
        self._changed_at: dict[Key, float] = {}
        self._reports: dict[Key, FileReport] = {}
        self._awaiting: dict[tuple[str, str], set[Key]] = {}  # by zone and target
        self._events = EventRecorder(client, self._service_uid, instance=socket.gethostname())
        self._status = StatusWriter(client, self._compute, self._on_written)
        self._steps = Alarms(partial(self._status.mark, Kind.SERVICE_INSTANCE))
        self._spread = Spread(partial(self._status.mark, Kind.SERVICE_INSTANCE))
        self._creator = InstanceCreator(client, self._wanted, grace_seconds)
        self._keeper = InstanceKeeper(client, directory.get, grace_seconds)

    async def run(self) -> None:
        """Write until cancelled. Begin when everything has synced, and only as the leader."""
        self._leads = True
        self.on_zones_changed()  # another replica may have written what is there
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._status.run())
                group.create_task(self._events.run())
                group.create_task(self._creator.run())
                group.create_task(self._keeper.run())
        finally:
            self._leads = False

    def on_published(self, version: PublishedVersion) -> None:
        """Mark what a version concerns."""
        for key, change in version.changes.items():
            if change.eligible:
                self._changed_at[key] = self._unix_time()
            if change.whole:
                self._creator.mark(key)
                self._keeper.mark(key)
                if self._directory.get(key) is None:
                    self._changed_at.pop(key, None)
                    self._steps.set_alarm(key, None, 0)
        for key in version.changes.keys() | version.commit.services:
            self._status.mark(Kind.SERVICE_INSTANCE, key)
        self._mark_zones(version.commit.zones)

    def on_arrival(self, arrival: Arrival, at: float) -> None:
        """Mark the zones of which a newer version is answered.

        A worker may be slower than the status that followed the commit, which named the previous version.
        """
        self._mark_zones(arrival.zones)
        if arrival.is_first:
            self.on_zones_changed()

    def on_zones_changed(self) -> None:
        """Mark everything: which zones select a service is part of its status."""
        self._awaiting.clear()
        self._mark_zones(self._zones.names())
        self._mark_services(entry.key for entry in self._directory)
        if self._leads:
            self._tell_kept_off()

    def on_zone(self, key: Key) -> None:
        """Mark a DiscoveryZone that somebody has written: its owner may be another one now."""
        self._status.on_changed(Kind.DISCOVERY_ZONE, key)

    def on_target_news(self, news: TargetNews) -> None:
        """Mark a zone whose target has said something new, and the services for which it is news.

        That is: those that were on their way there, and those that a trouble has come or gone of.
        """
        zone = news.report.zone
        self._mark_zones((zone,))
        if news.has_arrived:
            for key in self._awaiting.pop((zone, news.report.target), ()):
                self._status.mark(Kind.SERVICE_INSTANCE, key)
        if news.concerned != frozenset() and (served := self._zones.get(zone)) is not None:
            self._spread.mark(_concerned(served, news))

    def on_file(self, key: Key) -> None:
        """Mark a DiscoveryFile that came, went or changed, and the services in it."""
        if self._selection.get(key) is None:
            self._reports.pop(key, None)
        self._status.mark(Kind.DISCOVERY_FILE, key)
        self._mark_services(self._selection.services(key))

    def on_file_report(self, key: Key, report: FileReport) -> None:
        """Note what became of a file's ConfigMaps."""
        self._reports[key] = report
        self._status.mark(Kind.DISCOVERY_FILE, key)

    def families(self) -> Iterator[MetricFamily]:
        """Describe what is still to be done here."""
        yield single(
            "rollcall_status_waiting",
            "Objects whose status is still to be written.",
            lambda: self._status.waiting,
        )

    def _mark_zones(self, names: Iterable[str]) -> None:
        for name in names:
            self._status.mark(Kind.DISCOVERY_ZONE, Key("", name))

    def _mark_services(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._status.mark(Kind.SERVICE_INSTANCE, key)
            self._creator.mark(key)
            self._keeper.mark(key)

    def _tell_kept_off(self) -> None:
        """Tell once of each zone that is another installation's, where its own status can't."""
        told: dict[str, str] = {}
        for zone, problem in self._zones.refused():
            if self._zones.installation.why_off(zone) is None:
                continue
            told[zone.uid] = problem.message
            if self._kept_off.get(zone.uid) != problem.message:
                log.warning("%s: %s", problem.reason, problem.message)
                ref = ObjectRef(Kind.DISCOVERY_ZONE, Key("", zone.name))
                self._events.tell(ref, zone.uid, Transition("Warning", problem.reason, problem.message))
        self._kept_off = told

    def _on_written(self, written: Written) -> None:
        self._events.record(written)
        before, after = written.before, written.after
        if not isinstance(before, ZoneStatus) or not isinstance(after, OwnedStatus):
            return
        zone = self._zones.wanted(written.ref.key.name)
        is_taken = before.owner != after.owner == self._zones.installation.identity
        if is_taken and zone is not None:
            self._on_taken(known_serials(zone.spec.domain, before))

    def _compute(self, key: Key, current: Status) -> tuple[str, Status] | None:
        """Return the uid of an object and the status that it should have; None where we know none."""
        now = self._unix_time()
        match current:
            case InstanceStatus():
                entry = self._directory.get(key)
                if entry is None or entry.resource is None:
                    return None
                if self._zones.reporter(key) not in (None, self._zones.installation.identity):
                    return None
                status = service_status(
                    entry,
                    self._zones,
                    self._tracker.answered,
                    self._tracker.targets,
                    current,
                    changed_at=self._changed_at.get(key),
                    now=now,
                )
                for each in status.publications:
                    if each.reason == BEHIND:
                        self._awaiting.setdefault((each.zone, each.target), set()).add(key)
                self._steps.set_alarm(key, steps_due_at(entry, status.release), now)
                return entry.resource.uid, status
            case ZoneStatus():
                zone = self._zones.wanted(key.name)
                if zone is None:
                    return None
                served = self._zones.get(key.name)
                targets = self._tracker.targets.of(each.apex for each in served.contents()) if served else []
                computed = zone_status(zone, self._zones, self._tracker.answered, targets, current, now=now)
                return (zone.uid, computed) if computed is not None else None
            case FileStatus():
                file = self._selection.get(key)
                if file is None:
                    return None
                denied = self._selection.denied_namespaces(file)
                report = self._reports.get(key)
                return file.uid, file_status(file, report, current, denied_namespaces=denied, now=now)
        raise AssertionError(f"{type(current).__name__} is not the status of any kind")

    def _wanted(self, key: Key) -> Service | None:
        """Return the Service that is to have a ServiceInstance and has none.

        One that can't have instances (an ExternalName, one without a selector) is not a mistake: it gets none
        until it can.
        """
        entry = self._directory.get(key)
        if entry is None or entry.resource is not None or entry.problem is not None:
            return None
        return entry.service if self._zones.selecting(key) or self._selection.selects(key) else None

    def _service_uid(self, key: Key) -> str | None:
        entry = self._directory.get(key)
        return entry.service.uid if entry and entry.service else None


def _concerned(served: ServedZone, news: TargetNews) -> Iterable[Key]:
    """Return the services of a zone that a target has said something new of."""
    if news.concerned is None:
        return served.placed
    found: set[Key] = set()
    for name in news.concerned:
        if (key := served.service_at(name)) is not None:
            found.add(key)
        elif is_at_or_below(name, served.domain):  # above services, not one's own; pointers are nobody's
            return served.placed
    return sorted(found)
