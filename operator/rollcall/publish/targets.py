"""The zones at other servers: a worker for each domain at each target, while this replica leads.

A worker holds its own queue and back-off, so that one slow or broken target delays no other. What all workers
of a domain share is the zone as other servers get it, which follows each commit at the cost of the change.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Protocol

from rollcall.model import DiscoveryZone, KeyRing, OctodnsTarget, Problem, UpdateTarget
from rollcall.propagation.report import TargetReport
from rollcall.zone import ZoneDelta, Zones
from rollcall.zone.exported import ExportedZone, Version
from rollcall.zone.names import from_text, to_text

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
    spec: UpdateTarget | OctodnsTarget
    published: ExportedZone
    worker: Worker
    task: "asyncio.Task[None]"


class Targets:
    """Keeps the workers that DiscoveryZones ask for. `count` takes zone, target and outcome of a message."""

    def __init__(
        self,
        zones: Zones,
        identity: str,
        keys: Keys,
        fence: Fence,
        report: Callable[[TargetReport], None],
        count: Callable[[str, str, str], None],
    ) -> None:
        self._zones = zones
        self._identity = identity
        self._keys = keys
        self._fence = fence
        self._report = report
        self._count = count
        self._published: dict[bytes, ExportedZone] = {}
        self._running: dict[TargetKey, _Running] = {}
        self._reached: dict[TargetKey, tuple[int, float]] = {}  # serial and time of what a target has
        self._changed = asyncio.Event()
        self._leads = False

    def configured(self) -> None:
        """Take in that DiscoveryZones changed."""
        self._changed.set()

    def on_secrets_changed(self) -> None:
        """Let each worker look at the Secrets anew."""
        for running in self._running.values():
            running.worker.on_secrets_changed()

    def publish(self, deltas: Iterable[ZoneDelta]) -> None:
        """Take in a commit."""
        if not self._leads:
            return
        for delta in deltas:
            published = self._published.get(delta.apex)
            if published is None or delta.gone:
                self._changed.set()  # a domain has come or gone
                continue
            version = published.advance(delta)
            for running in self._running.values():
                if running.published is published:
                    running.worker.on_version(version)

    async def run(self) -> None:
        """Publish until cancelled. Whoever runs this must be the leader."""
        self._leads = True
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._changed.clear()
                    self._arrange(group)
                    await self._changed.wait()
        finally:
            self._leads = False
            self._running.clear()
            self._published.clear()
            self._reached.clear()

    def _arrange(self, group: asyncio.TaskGroup) -> None:
        """Start the workers that are wanted and don't run, end those that are not wanted any more."""
        wanted = dict(self._wanted())
        contents = {content.apex: content for content in self._zones.contents() if content.serial}
        for apex in self._published.keys() - contents.keys():
            del self._published[apex]
        for key, running in list(self._running.items()):
            if wanted.get(key) != running.spec or self._published.get(key.domain) is not running.published:
                running.task.cancel()
                del self._running[key]
                self._reached.pop(key, None)
        for key, spec in wanted.items():
            if key in self._running or key.domain not in contents:
                continue
            published = self._published.get(key.domain)
            if published is None:
                published = self._published[key.domain] = ExportedZone(key.domain)
                published.advance(contents[key.domain].full_delta())
            worker = self._make(key, spec, published)
            name = f"{key.target} of DiscoveryZone {key.zone}, {to_text(key.domain)}"
            task = group.create_task(self._keep(name, key, worker), name=name)
            self._running[key] = _Running(spec, published, worker, task)
        self._published = {running.published.apex: running.published for running in self._running.values()}

    def _wanted(self) -> Iterator[tuple[TargetKey, UpdateTarget | OctodnsTarget]]:
        for served in self._zones.served_zones():
            if served.building:
                continue
            own = [content.apex for content in served.contents()]
            for spec in _specs(served.zone):
                for domain in domains_of(spec, own):
                    yield TargetKey(served.zone.name, spec.name, domain), spec

    def _make(self, key: TargetKey, spec: UpdateTarget | OctodnsTarget, published: ExportedZone) -> Worker:
        if isinstance(spec, OctodnsTarget):
            return OctodnsWorker(
                key.zone,
                spec,
                published,
                self._identity,
                lambda: self._keys.data(spec.config_secret),
                partial(self._take, key),
            )
        return UpdateWorker(
            key.zone,
            spec,
            published,
            self._identity,
            lambda: self._keys.ring(spec.key_secret),
            self._fence,
            partial(self._take, key),
            lambda outcome: self._count(key.zone, key.target, outcome),
        )

    async def _keep(self, name: str, key: TargetKey, worker: Worker) -> None:
        try:
            await worker.run()
        except Exception:
            log.exception("%s broke, trying again in %.0f s", name, RESTART_SECONDS)
            message = f"Rollcall broke (see its log) and tries again in {RESTART_SECONDS:.0f} s."
            self._take(key, TargetReport(key.zone, key.domain, key.target, 0, 0.0, BROKEN, message, False))
            await asyncio.sleep(RESTART_SECONDS)
            self._running.pop(key, None)
            self._changed.set()

    def _take(self, key: TargetKey, report: TargetReport) -> None:
        """Pass a report on. One that follows after a worker broke doesn't know what the target has."""
        if report.serial:
            self._reached[key] = report.serial, report.at
        elif key in self._reached:
            serial, at = self._reached[key]
            report = replace(report, serial=serial, at=at)
        self._report(report)


def _specs(zone: DiscoveryZone) -> tuple[UpdateTarget | OctodnsTarget, ...]:
    return (*zone.spec.updates, *zone.spec.octodns)


def domains_of(spec: UpdateTarget | OctodnsTarget, domains: Iterable[bytes]) -> list[bytes]:
    """Return which of the domains of a zone (wire format) go to a target: all, unless it names some."""
    named = {from_text(text) for text in spec.domains}
    return [domain for domain in domains if not named or domain in named]


def target_keys(zones: Zones) -> dict[str, set[tuple[bytes, str]]]:
    """Return (domain, target) of all that each zone goes to, secondaries included, but for our own server."""
    keys: dict[str, set[tuple[bytes, str]]] = {name: set() for name in zones.names()}
    for served in zones.served_zones():
        keys[served.zone.name] = _keys_of(served.zone, [content.apex for content in served.contents()])
    return keys


def _keys_of(zone: DiscoveryZone, domains: list[bytes]) -> set[tuple[bytes, str]]:
    keys = {(domain, spec.name) for spec in _specs(zone) for domain in domains_of(spec, domains)}
    if zone.spec.transfer is not None:
        keys |= {(domain, each.name) for each in zone.spec.transfer.secondaries for domain in domains}
    return keys
