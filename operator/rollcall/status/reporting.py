"""What the API server is told: status, Events, missing ServiceInstances. After the fact, never in the way."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from rollcall.directory import Directory, ServiceChange
from rollcall.kube.client import KubeClient
from rollcall.model import Key, Service
from rollcall.propagation.published import Publications
from rollcall.propagation.report import TargetReport
from rollcall.propagation.target_states import TargetStates
from rollcall.publish.config_maps import FileReport
from rollcall.publish.selection import FileSelection
from rollcall.zone import Commit, Zones

from .alarms import Alarms
from .creation import InstanceCreator
from .events import EventRecorder
from .file_status import file_status
from .kinds import Kind
from .release_status import next_step_look
from .service_status import service_status
from .status_writer import StatusWriter
from .zone_status import zone_status

_API_SERVER = Key("default", "kubernetes")
"""Every cluster's own Service for its API server: without a selector for good, and nobody's to mend."""


class Reporting:
    """Marks objects whose status may have changed, and says what it is when it is written.

    `clock` gives the time in Unix seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        directory: Directory,
        zones: Zones,
        selection: FileSelection,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._directory = directory
        self._zones = zones
        self._selection = selection
        self._publications = Publications()
        self.targets = TargetStates()
        self._changed_at: dict[Key, float] = {}
        self._reports: dict[Key, FileReport] = {}
        self._events = EventRecorder(client, self._service_uid, instance=socket.gethostname())
        self._status = StatusWriter(client, self._compute, self._events.record)
        self._steps = Alarms(partial(self._status.mark, Kind.SERVICE_INSTANCE))
        self._creator = InstanceCreator(client, self._wanted)

    @property
    def waiting(self) -> int:
        """How many objects have a status that is still to be written."""
        return self._status.waiting

    async def run(self) -> None:
        """Write until cancelled. Begin when everything has synced."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._status.run())
            group.create_task(self._events.run())
            group.create_task(self._creator.run())

    def changed(self, changes: Mapping[Key, ServiceChange], commit: Commit) -> None:
        """Take in what changed in the directory, and what of it was committed."""
        for key, change in changes.items():
            if change.eligible:
                self._changed_at[key] = self._clock()
            if change.whole:
                self._creator.mark(key)
                if self._directory.get(key) is None:
                    self._changed_at.pop(key, None)
                    self._steps.look_at(key, None, 0)
        for key in changes.keys() | commit.services:
            self._status.mark(Kind.SERVICE_INSTANCE, key)
        for name in commit.zones:
            self._status.mark(Kind.DISCOVERY_ZONE, Key("", name))

    def published(self, version: int, commit: Commit) -> None:
        """Take in that a commit went to the DNS workers as a version of the feed."""
        self._publications.committed(version, commit)

    def served(self, version: int) -> None:
        """Take in that every DNS worker answers a version of the feed."""
        arrival = self._publications.served(version, self._clock())
        # A worker may be slower than the status that followed the commit, which said the version before.
        for name in arrival.zones:
            self._status.mark(Kind.DISCOVERY_ZONE, Key("", name))
        if arrival.is_first:
            self.zones_changed()

    def zones_changed(self) -> None:
        """Look at everything anew: which zones select a service is part of its status."""
        for name in self._zones.names():
            self._status.mark(Kind.DISCOVERY_ZONE, Key("", name))
        self._mark_services(entry.key for entry in self._directory)

    def target_reported(self, report: TargetReport) -> None:
        """Take in how far a domain has got at a target."""
        if self.targets.take(report, self._clock()):
            self._status.mark(Kind.DISCOVERY_ZONE, Key("", report.zone))

    def file_changed(self, key: Key) -> None:
        """Take in that a DiscoveryFile came, went or changed."""
        if self._selection.get(key) is None:
            self._reports.pop(key, None)
        self._status.mark(Kind.DISCOVERY_FILE, key)
        self._mark_services(self._selection.services(key))

    def file_written(self, key: Key, report: FileReport) -> None:
        """Take in what became of a file's ConfigMaps."""
        self._reports[key] = report
        self._status.mark(Kind.DISCOVERY_FILE, key)

    def _mark_services(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._status.mark(Kind.SERVICE_INSTANCE, key)
            self._creator.mark(key)

    def _compute(self, kind: Kind, key: Key, current: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """Return the uid of an object and the status that it should have; None where we know none."""
        now = self._clock()
        if kind is Kind.SERVICE_INSTANCE:
            entry = self._directory.get(key)
            if entry is None or entry.resource is None:
                return None
            changed_at = self._changed_at.get(key)
            status = service_status(
                entry, self._zones, self._publications, current, changed_at=changed_at, now=now
            )
            self._steps.look_at(key, next_step_look(entry, status), now)
            return entry.resource.uid, status
        if kind is Kind.DISCOVERY_ZONE:
            zone = self._zones.wanted(key.name)
            if zone is None:
                return None
            return zone.uid, zone_status(
                zone, self._zones, self._publications, self.targets.of(key.name), current, now=now
            )
        file = self._selection.get(key)
        if file is None:
            return None
        denied = self._selection.denied_namespaces(file)
        report = self._reports.get(key)
        return file.uid, file_status(file, report, current, denied_namespaces=denied, now=now)

    def _wanted(self, key: Key) -> Service | None:
        """Return the Service that is to have a ServiceInstance and has none."""
        entry = self._directory.get(key)
        if entry is None or entry.resource is not None or key == _API_SERVER:
            return None
        return entry.service if self._zones.selecting(key) or self._selection.selects(key) else None

    def _service_uid(self, key: Key) -> str | None:
        entry = self._directory.get(key)
        return entry.service.uid if entry and entry.service else None
