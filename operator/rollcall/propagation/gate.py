"""The publication gate: which pods are to be told that they are in the answers. Pure.

A pod with the readiness gate `rollcall.dev/published` is answered as soon as all its other conditions hold,
and becomes ready when its condition of that type is True: once it is in the answers everywhere. The condition
is taken back when it leaves them. `status/gate_writer.py` writes it.
"""

from collections.abc import Set

from rollcall.directory import Directory
from rollcall.model import Key, Pod

from .listener import Listener
from .tracker import Tracker


class PublicationGate(Listener):
    """Knows the pods that declare the gate, and what the condition of each is to say."""

    def __init__(self, directory: Directory, tracker: Tracker) -> None:
        self._directory = directory
        self._tracker = tracker
        self._pods: dict[Key, Pod] = {}
        self._unpublished: set[Key] = set()
        self._undecided: set[Key] = set()

    # --- what happens ----------------------------------------------------------------------------------

    def on_pod(self, pod: Pod) -> None:
        """Note a pod, or its new state."""
        if pod.gate is not None:
            self._pods[pod.key] = pod
            self._undecided.add(pod.key)
            if pod.gate.published:
                self._unpublished.discard(pod.key)
            else:
                self._unpublished.add(pod.key)

    def on_pod_removed(self, key: Key) -> None:
        """Forget a pod."""
        self._pods.pop(key, None)
        self._undecided.discard(key)
        self._unpublished.discard(key)

    def on_turned(self, pods: Set[Key]) -> None:
        """Have the pods looked at that came into the answers or left them."""
        if self._pods:
            self._undecided |= pods & self._pods.keys()

    def reconsider_all(self) -> None:
        """Have every pod looked at: another replica may have written, or not have written, before us."""
        self._undecided.update(self._pods)

    # --- what is asked ---------------------------------------------------------------------------------

    @property
    def undecided(self) -> Set[Key]:
        """The pods of which it has to be looked up, now or later, what their condition is to say."""
        return self._undecided

    def count_waiting(self, now: float) -> int:
        """Return how many pods are ready but for the gate: answered already, or with nobody to wait for.

        `now` is in seconds of a monotonic clock, here and below.
        """
        return sum(self.wanted(self._pods[key], now) is not False for key in self._unpublished)

    def decide(self, key: Key, now: float) -> bool:
        """Return whether the condition of a pod is to be written. What isn't known yet stays undecided."""
        pod = self._pods.get(key)
        wanted = None if pod is None else self.wanted(pod, now)
        if wanted is not None:
            self._undecided.discard(key)
        return _differs(pod, wanted)

    def due(self, key: Key, now: float) -> tuple[Pod, bool] | None:
        """Return a pod and what its condition is to say, None where that isn't to be written (any more)."""
        pod = self._pods.get(key)
        wanted = None if pod is None else self.wanted(pod, now)
        return (pod, wanted) if pod is not None and wanted is not None and _differs(pod, wanted) else None

    def wanted(self, pod: Pod, now: float) -> bool | None:
        """Return what the condition is to say; None where it is to stay as it is for the time being.

        A pod that no service selects, or that no zone has, waits for nobody. One that has been published
        stays so while it is in the answers, whatever targets or zones are added. One that a release holds
        back is in those of its version, which are enough, unless a roll-out is about to switch to it.
        """
        instances = self._directory.instances_of(pod.key)
        if not instances:
            return None if instances is None else not pod.has_ended
        if not any(instance.available for instance in instances):
            return False
        if pod.gate is not None and pod.gate.published:
            return True
        if self._directory.awaits_switch(pod.key):
            return None
        return True if self._tracker.arrived_at(self._tracker.turn_of(pod.key), now) is not None else None


def _differs(pod: Pod | None, wanted: bool | None) -> bool:
    """Whether the condition of a pod says something else. One that it hasn't got yet is as good as False."""
    if pod is None or pod.gate is None or wanted is None:
        return False
    return wanted is not bool(pod.gate.published)
