"""The turns of pods, into the answers and out of them, and those who wait for them.

These are the requests of preStop hooks (`drained.py`) and the publication gate (`gatekeeper.py`). A turn is
over when every DNS worker and every target has it (`presence.py`).
"""

import time
from collections.abc import Iterable, Mapping

from rollcall.directory import Directory, ServiceChange
from rollcall.model import Key, Pod
from rollcall.propagation.report import AHEAD
from rollcall.zone import Commit, Zones

from .drains import Drains
from .gate import Gatekeeper
from .report import TargetReport
from .tracker import Presence


class Turns:
    """Notes the turns of pods, and has those look who wait. `gatekeeper` is None where the gate is off."""

    def __init__(
        self,
        directory: Directory,
        zones: Zones,
        presence: Presence,
        drains: Drains,
        gatekeeper: Gatekeeper | None,
    ) -> None:
        self._directory = directory
        self._zones = zones
        self._presence = presence
        self._drains = drains
        self._gatekeeper = gatekeeper

    def start(self, version: int) -> None:
        """Take in that everything is known, and is published as a version of the feed."""
        serials = {content.apex: content.serial for content in self._zones.contents()}
        ttl = self._zones.largest_ttl((entry.key for entry in self._directory), self._zones.names())
        self._presence.start(version, serials, ttl)
        self._drains.synced = True

    def apply_pod(self, pod: Pod) -> None:
        """Take in a pod, or its new state."""
        self._presence.added(pod.key)
        if self._gatekeeper is not None:
            self._gatekeeper.apply_pod(pod)

    def remove_pod(self, key: Key) -> None:
        """Take in that a pod is gone."""
        self._presence.removed(key)
        if self._gatekeeper is not None:
            self._gatekeeper.remove_pod(key)

    def published(self, version: int, changes: Mapping[Key, ServiceChange], commit: Commit) -> None:
        """Note which pods came into the answers or left them with a commit."""
        pods = {pod for change in changes.values() for pod in change.turned}
        if pods:
            serials = {delta.apex: delta.serial for delta in commit.deltas if not delta.gone}
            services = [key for key, change in changes.items() if change.turned]
            ttl = self._zones.largest_ttl(services, commit.zones)
            self._presence.turned(pods, version, serials, ttl, time.monotonic())
            if self._gatekeeper is not None:
                self._gatekeeper.turned(pods)
            self._look()
        elif changes and self._gatekeeper is not None:
            self._gatekeeper.changed()  # a pod that another one waits for may have been given up

    def served(self, version: int) -> None:
        """Take in that every DNS worker answers a version of the feed."""
        self._presence.served(version)
        self._look()

    def reported(self, report: TargetReport) -> None:
        """Take in how far a domain has got at a target."""
        # One that is ahead got its serial from somebody else, and not our records with it.
        serial = 0 if report.reason == AHEAD else report.serial
        self._presence.reported(report.domain, report.target, serial)
        self._look()

    def configure(self, targets: Iterable[tuple[bytes, str]]) -> None:
        """Take in which targets there are, of all domains: (apex, name of the target)."""
        self._presence.configure(targets)
        self._look()

    def _look(self) -> None:
        self._drains.changed()
        if self._gatekeeper is not None:
            self._gatekeeper.changed()
