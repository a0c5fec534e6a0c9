"""A pod in a zone, and everybody who has to know when it leaves."""

import asyncio

from rollcall.directory import Directory
from rollcall.http.drained import DrainWaits
from rollcall.model import Key
from rollcall.propagation.drains import Drains
from rollcall.propagation.report import CURRENT, TargetReport
from rollcall.propagation.tracker import Tracker
from rollcall.zone import Commit, Installation, PublishedVersion, ZoneDelta, Zones
from unit.world import pod, service, zone

APEX = b"\x01a\x00"
WEB = Key("shop", "web-0")


class Draining:
    """A directory with one pod in a zone, whose changes take `ttl` seconds to leave caches."""

    def __init__(self) -> None:
        self.leads = True
        self.directory = Directory()
        self.zones = Zones(self.directory, Installation("test"))
        self.tracker = Tracker(self.directory, self.zones, 1, lambda: 0.0)
        self.tracker.on_connected(0, True)
        self.drains = Drains(self.directory, self.tracker, lambda: self.leads)
        self.waits = DrainWaits(self.drains)
        self.tracker.listeners = (self.drains, self.waits)
        self._version = 1
        self.directory.apply_service(service())
        self.directory.apply_pod(pod())
        self.directory.take_changes()
        self.tracker.start(1)

    def set_ttl(self, seconds: int) -> None:
        self.zones.apply_zone(zone(ttl_seconds=seconds))

    def want(self, *targets: str) -> None:
        self.tracker.targets.keep([(APEX, target) for target in targets])

    def delete(self) -> int:
        """Let the pod leave the answers; return the version without it."""
        self.directory.apply_pod(pod(deleting=True))
        self._version += 1
        commit = Commit((ZoneDelta(APEX, self._version),), zones=frozenset(self.zones.names()))
        now_ns = int(asyncio.get_running_loop().time() * 1e9)
        changes = self.directory.take_changes()
        self.tracker.on_published(PublishedVersion(self._version, changes, commit, now_ns))
        return self._version

    def serve(self, version: int) -> None:
        self.tracker.on_acknowledged(0, version, 0.0)

    def report(self, target: str, serial: int) -> None:
        self.tracker.on_report(TargetReport("main", APEX, target, serial, 0.0, CURRENT, "", True))
