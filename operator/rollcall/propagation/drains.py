"""Whether nobody is told of a pod any more: no DNS worker, no target, no cache. Pure."""

from collections.abc import Callable

import msgspec

from rollcall.directory import Directory
from rollcall.model import Key

from .listener import Listener
from .tracker import Tracker


class UnknownPod(Exception):
    """There is no such pod, and there was none."""


class TargetsUnknown(Exception):
    """How far the targets are is known to another replica only."""


class NotDrained(msgspec.Struct, frozen=True):
    """Why a pod isn't drained. `seconds` is how long it takes yet, None where that isn't known.

    `is_final`: there is nothing to wait for, as it is to be answered until it is gone. `is_underway`: others
    have yet to learn of its turn.
    """

    why: str
    seconds: float | None = None
    is_final: bool = False
    is_underway: bool = False


class Drains(Listener):
    """Knows of each pod what it has to wait for.

    `leads` says whether this replica is the one that writes to targets. `is_synced`: whether everything is
    known; nothing is to be asked before.
    """

    def __init__(self, directory: Directory, tracker: Tracker, leads: Callable[[], bool]) -> None:
        self.is_synced = False
        self._directory = directory
        self._tracker = tracker
        self._leads = leads

    def on_start(self) -> None:
        """Begin to know."""
        self.is_synced = True

    def check(self, pod: Key, now: float) -> NotDrained | None:
        """Return what a pod has to wait for, None where it is drained. `now` is in monotonic seconds.

        Raises:
            UnknownPod: there is no such pod.
            TargetsUnknown: ask another replica.
        """
        instances = self._directory.instances_of(pod)
        if instances is None and not self._tracker.has_left(pod):
            raise UnknownPod
        answered = [instance for instance in instances or () if instance.available]
        if any(instance.terminating for instance in answered):
            return NotDrained(
                "a service keeps it in the answers until it is gone (publishNotReadyAddresses): set"
                " spec.eligibility.terminating: withdraw in its ServiceInstance, or drain the pod",
                is_final=True,
            )
        if answered:
            return NotDrained("it is in the answers, as it is neither being deleted nor drained")
        turn = self._tracker.turn_of(pod)
        if turn.arrived_at is None and self._tracker.has_targets(turn) and not self._leads():
            raise TargetsUnknown
        since = self._tracker.arrived_at(turn, now)
        if since is None:
            behind = ", ".join(sorted(set(self._tracker.behind(turn)))) or "a DNS worker"
            return NotDrained(f"it is still answered by {behind}", is_underway=True)
        left = since + turn.ttl_seconds - now
        return NotDrained(f"caches may have it for {left:.1f} s more", left) if left > 0 else None
