"""Whoever waits for a change to arrive. Pure."""

from collections.abc import Set

from rollcall.model import Key, Pod

from .answered import Arrival
from .targets import TargetNews


class Listener:
    """Is told by the tracker how far changes have got: each listener overrides what concerns it.

    Called in the event loop, often: note it, and look later.
    """

    def on_start(self) -> None:
        """Begin: everything is known, and published for the first time."""

    def on_pod(self, pod: Pod) -> None:
        """Note a pod, or its new state."""

    def on_pod_removed(self, key: Key) -> None:
        """Forget a pod."""

    def on_changes(self) -> None:
        """Note that services changed, whether or not a pod turned with it."""

    def on_turned(self, pods: Set[Key]) -> None:
        """Note that pods came into the answers or left them, be it by a change of their service."""

    def on_progress(self) -> None:
        """Note that a worker or a target has got on, or has been given up."""

    def on_arrival(self, arrival: Arrival, at: float) -> None:
        """Note what every DNS worker answers since `at` (in seconds of the machine's monotonic clock)."""

    def on_target_news(self, news: TargetNews) -> None:
        """Note what a target of a DiscoveryZone has said that is new."""
