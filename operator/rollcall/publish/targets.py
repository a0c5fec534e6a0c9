"""The zones at other servers: a worker for each domain at each target, while this replica leads.

A worker holds its own queue and back-off, so that one slow or broken target delays no other. What all workers
of a domain share is the zone as other servers get it, which follows each commit at the cost of the change.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Protocol

from rollcall.model import KeyRing, OctodnsTarget, Problem, WrittenTarget
from rollcall.model.metric import MetricFamily
from rollcall.propagation.report import TargetReport
from rollcall.propagation.targets import domains_for
from rollcall.zone import Output, PublishedVersion, Zones
from rollcall.zone.exported import ExportedZone, Version
from rollcall.zone.names import to_text

from .octodns import OctodnsWorker
from .update import Fence, UpdateWorker

log = logging.getLogger(__name__)

RESTART_SECONDS = 10.0
"""After a worker broke: a defect of ours, which must be neither the end nor a hot loop."""


BROKEN = "Broken"
"""The reason of a target whose worker broke."""


class Worker(Protocol):
    """What brings one domain to one target."""

    def on_version(self, version: Version) -> None:
        """Note a version that the zone has been brought to; without I/O, at the cost of the change."""

    def on_secrets_changed(self) -> None:
        """Look at the Secrets anew."""

    async def run(self) -> Any:
        """Publish until cancelled."""


class TargetKey(NamedTuple):
    """A domain (wire format) of a DiscoveryZone at one of its targets."""

    zone: str
    target: str
    domain: bytes


class Keys(Protocol):
    """The Secrets in the operator's namespace."""

    def ring(self, name: str) -> KeyRing | Problem:
        """Return the keys of a Secret, or what is wrong with it."""

    def data(self, name: str) -> Mapping[str, bytes] | None:
        """Return the entries of a Secret, None where there is no such Secret."""


class _Running(NamedTuple):
    spec: WrittenTarget
    exported: ExportedZone
    worker: Worker
    task: "asyncio.Task[None]"


class Targets(Output):
    """Keeps the workers that DiscoveryZones ask for; `report` is told how far each domain is."""

    def __init__(
        self,
        zones: Zones,
        identity: str,
        keys: Keys,
        fence: Fence,
        report: Callable[[TargetReport], None],
    ) -> None:
        self._zones = zones
        self._identity = identity
        self._keys = keys
        self._fence = fence
        self._report = report
        self._messages: Counter[tuple[str, str, str]] = Counter()  # by zone, target and outcome
        self._exported: dict[bytes, ExportedZone] = {}
        self._running: dict[TargetKey, _Running] = {}
        self._reached: dict[TargetKey, tuple[int, float]] = {}  # serial and time of what a target has
        self._rearrange = asyncio.Event()
        self._leads = False

    def on_zones_changed(self) -> None:
        """Look anew which workers are wanted."""
        self._rearrange.set()

    def on_secrets_changed(self) -> None:
        """Let each worker look at the Secrets anew."""
        for running in self._running.values():
            running.worker.on_secrets_changed()

    def on_published(self, version: PublishedVersion) -> None:
        """Bring the exported zones to a version, and have the workers follow."""
        if not self._leads:
            return
        for delta in version.deltas:
            exported = self._exported.get(delta.apex)
            if exported is None or delta.gone:
                self._rearrange.set()  # a domain has come or gone
                continue
            step = exported.advance(delta)
            for running in self._running.values():
                if running.exported is exported:
                    running.worker.on_version(step)

    async def run(self) -> None:
        """Publish until cancelled. Whoever runs this must be the leader."""
        self._leads = True
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._rearrange.clear()
                    self._arrange(group)
                    await self._rearrange.wait()
        finally:
            self._leads = False
            self._running.clear()
            self._exported.clear()
            self._reached.clear()

    def _arrange(self, group: asyncio.TaskGroup) -> None:
        """Start the workers that are wanted and don't run, end those that are not wanted any more."""
        wanted = dict(self._wanted())
        contents = {content.apex: content for content in self._zones.contents() if content.serial}
        for apex in self._exported.keys() - contents.keys():
            del self._exported[apex]
        for key, running in list(self._running.items()):
            if wanted.get(key) != running.spec or self._exported.get(key.domain) is not running.exported:
                running.task.cancel()
                del self._running[key]
                self._reached.pop(key, None)
        for key, spec in wanted.items():
            if key in self._running or key.domain not in contents:
                continue
            exported = self._exported.get(key.domain)
            if exported is None:
                exported = self._exported[key.domain] = ExportedZone(key.domain)
                exported.advance(contents[key.domain].full_delta())
            worker = self._make(key, spec, exported)
            name = f"{key.target} of DiscoveryZone {key.zone}, {to_text(key.domain)}"
            task = group.create_task(self._keep(name, key, worker), name=name)
            self._running[key] = _Running(spec, exported, worker, task)
        self._exported = {running.exported.apex: running.exported for running in self._running.values()}

    def _wanted(self) -> Iterator[tuple[TargetKey, WrittenTarget]]:
        for served in self._zones.served_zones():
            if served.building or not self._zones.is_owned(served.zone.name):
                continue
            own = [content.apex for content in served.contents()]
            for spec in served.zone.spec.written_targets:
                for domain in domains_for(spec.domains, own):
                    yield TargetKey(served.zone.name, spec.name, domain), spec

    def _make(self, key: TargetKey, spec: WrittenTarget, exported: ExportedZone) -> Worker:
        if isinstance(spec, OctodnsTarget):
            return OctodnsWorker(
                key.zone,
                spec,
                exported,
                self._identity,
                lambda: self._keys.data(spec.config_secret),
                partial(self._pass_on, key),
            )
        return UpdateWorker(
            key.zone,
            spec,
            exported,
            self._identity,
            lambda: self._keys.ring(spec.key_secret),
            self._fence,
            partial(self._pass_on, key),
            partial(self._count, key),
        )

    async def _keep(self, name: str, key: TargetKey, worker: Worker) -> None:
        try:
            await worker.run()
        except Exception:
            log.exception("%s broke, trying again in %.0f s", name, RESTART_SECONDS)
            message = f"Rollcall broke (see its log) and tries again in {RESTART_SECONDS:.0f} s."
            self._pass_on(key, TargetReport(key.zone, key.domain, key.target, 0, 0.0, BROKEN, message, False))
            await asyncio.sleep(RESTART_SECONDS)
            self._running.pop(key, None)
            self._rearrange.set()

    def _pass_on(self, key: TargetKey, report: TargetReport) -> None:
        """Pass a report on. One that follows after a worker broke doesn't know what the target has."""
        if report.serial:
            self._reached[key] = report.serial, report.at
        elif key in self._reached:
            serial, at = self._reached[key]
            report = replace(report, serial=serial, at=at)
        self._report(report)

    def _count(self, key: TargetKey, outcome: str) -> None:
        self._messages[key.zone, key.target, outcome] += 1

    def families(self) -> Iterator[MetricFamily]:
        """Describe what is counted here."""
        yield MetricFamily(
            "rollcall_update_messages_total",
            "Messages to servers that take updates, by what became of them.",
            ("zone", "target", "outcome"),
            self._messages.items,
            is_counter=True,
        )
