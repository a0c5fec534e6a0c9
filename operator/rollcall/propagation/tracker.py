"""How far each change has got: at every DNS worker, and at every target. Pure.

A change goes out as a version of the feed, and with a serial in each zone that shows it. It has arrived when
every DNS worker has acknowledged that version and every target of those zones has reported that serial, or
later ones. All that is known of this is here: since when a change is everywhere, who is behind, how long it
took. Those who wait for it are listeners: the publication gate, the drains, the statuses, the metrics.

Whether a pod's turn has arrived is looked up when it is asked, so that the way of a change costs no more than
an entry in a dict.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rollcall.directory import Directory
from rollcall.feed.observer import Observer
from rollcall.model import Key, Pod
from rollcall.model.metric import MetricFamily, single
from rollcall.zone import Output, PublishedVersion, Zones

from .answered import AnsweredVersions
from .metrics import target_families, worker_families, zone_families
from .pod_turns import PodTurns, Turn
from .report import TargetReport
from .targets import TargetStates, wanted_targets
from .workers import WorkerVersions

if TYPE_CHECKING:
    from .listener import Listener


class Tracker(Output, Observer):
    """Knows how far each change has got. `workers` is how many DNS workers there are to be.

    `unix_time` is a clock, in seconds. `listeners` is filled before the first event.
    """

    def __init__(
        self, directory: Directory, zones: Zones, workers: int, unix_time: Callable[[], float]
    ) -> None:
        self.listeners: tuple[Listener, ...] = ()
        self.workers = WorkerVersions(workers)
        self.answered = AnsweredVersions()
        self.targets = TargetStates()
        self._turns = PodTurns()
        self._directory = directory
        self._zones = zones
        self._unix_time = unix_time
        self._version = 0
        self._everywhere = -1  # the version that all workers that are wanted answer

    # --- what goes out ---------------------------------------------------------------------------------

    def start(self, version: int) -> None:
        """Take everything as published with this version: the turn of all that nothing happens to."""
        serials = {content.apex: content.serial for content in self._zones.contents()}
        services = (entry.key for entry in self._directory)
        self._turns.start(Turn(version, serials, self._zones.largest_ttl(services, self._zones.names())))
        for listener in self.listeners:
            listener.on_start()

    def on_published(self, version: PublishedVersion) -> None:
        """Note what is on its way, and which pods turn with it."""
        self._version = version.number
        if version.deltas:
            received_ns = version.received_ns if self.workers.connected else None
            self.answered.on_committed(version.number, version.commit, received_ns)
        if not version.changes:
            return
        pods = {pod for change in version.changes.values() for pod in change.turned}
        if pods:
            self._turn(pods, version)
        for listener in self.listeners:
            if pods:
                listener.on_turned(pods)
            listener.on_changes()

    def _turn(self, pods: set[Key], version: PublishedVersion) -> None:
        serials = {delta.apex: delta.serial for delta in version.deltas if not delta.gone}
        services = [key for key, change in version.changes.items() if change.turned]
        turn = Turn(version.number, serials, self._zones.largest_ttl(services, version.commit.zones))
        now = version.received_ns / 1e9
        for pod in pods:
            previous = self._turns.since_start(pod)
            is_underway = previous is not None and self.arrived_at(previous, now) is None
            self._turns.set(pod, turn.after(previous) if previous is not None and is_underway else turn)

    def on_zones_changed(self) -> None:
        """Follow the targets that DiscoveryZones ask for now."""
        self.targets.keep(wanted_targets(self._zones))
        self._tell_progress()

    # --- how far it gets -------------------------------------------------------------------------------

    def on_connected(self, worker: int, is_connected: bool) -> None:
        """Note that a DNS worker came, or went: nobody waits for that one any more."""
        self.workers.on_connected(worker, is_connected)
        if not self.workers.connected:
            self.answered.stop_timing()

    def on_acknowledged(self, worker: int, version: int, at: float) -> None:
        """Note that a DNS worker answers a version since `at` (time.monotonic)."""
        slowest = self.workers.on_acknowledged(worker, version)
        arrival = self.answered.on_answered(slowest, self._unix_time())
        for listener in self.listeners:
            listener.on_arrival(arrival, at)
        if not self.workers.why_not_fed():  # else one of them is starting
            self._everywhere = max(self._everywhere, slowest)
            self._tell_progress()

    def on_report(self, report: TargetReport) -> None:
        """Note how far a domain has got at a target."""
        if news := self.targets.on_report(report, self._unix_time()):
            for listener in self.listeners:
                listener.on_target_news(news)
        self._tell_progress()

    def on_pod(self, pod: Pod) -> None:
        """Note a pod, or its new state."""
        self._turns.on_pod(pod.key)
        for listener in self.listeners:
            listener.on_pod(pod)

    def on_pod_removed(self, key: Key) -> None:
        """Note that a pod is gone."""
        self._turns.on_pod_removed(key)
        for listener in self.listeners:
            listener.on_pod_removed(key)

    def _tell_progress(self) -> None:
        for listener in self.listeners:
            listener.on_progress()

    def families(self) -> Iterator[MetricFamily]:
        """Describe what is known here."""
        yield single(
            "rollcall_zone_commits_total",
            "Versions handed to the DNS workers.",
            lambda: self._version,
            is_counter=True,
        )
        yield from zone_families(self._directory, self._zones)
        yield from worker_families(self.workers)
        yield from target_families(self.targets, self._unix_time)

    # --- what is asked ---------------------------------------------------------------------------------

    def turn_of(self, pod: Key) -> Turn:
        """Return the last turn of a pod."""
        return self._turns.of(pod)

    def has_left(self, pod: Key) -> bool:
        """Whether a pod was there and is no longer."""
        return self._turns.has_left(pod)

    def arrived_at(self, turn: Turn, now: float) -> float | None:
        """Return since when everybody has a turn, None where somebody has not.

        `now` and what is returned are in seconds of a monotonic clock.
        """
        if turn.arrived_at is None and self._everywhere >= turn.version and not self.behind(turn):
            turn.arrived_at = now
        return turn.arrived_at

    def behind(self, turn: Turn) -> list[str]:
        """Return the targets that haven't got a turn yet, our own workers left out."""
        return [
            target
            for domain, serial in turn.serials.items()
            for target in self.targets.lacking(domain, serial)
        ]

    def has_targets(self, turn: Turn) -> bool:
        """Whether a turn goes to anybody but our own workers."""
        return self.targets.are_there(turn.serials)
