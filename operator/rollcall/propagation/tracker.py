"""Since when a pod is in or out of the answers everywhere: at our own DNS workers and at every target. Pure.

A pod that comes into the answers or leaves them is given the step that did it: the version of the feed, and
the serials of the zones that changed with it. Whether everybody has a step is looked at when it is asked,
so that the way of a change costs no more than an entry in a dict.
"""

from collections.abc import Iterable, Mapping

from rollcall.model import Key
from rollcall.zone.serial import is_newer

MAX_GONE = 10_000
"""Of so many pods that are gone it is known when they left; older ones are forgotten."""


class Step:
    """A change of the answers. `ttl` (seconds) is the largest of the records in it.

    `since` (in seconds of a monotonic clock) is when everybody was first seen to have it, None before.
    """

    __slots__ = ("serials", "since", "ttl", "version")

    def __init__(self, version: int, serials: Mapping[bytes, int], ttl: int) -> None:
        self.version = version
        self.serials = serials
        self.ttl = ttl
        self.since: float | None = None


class Presence:
    """The last step of each pod, and how far workers and targets are."""

    def __init__(self) -> None:
        self._first = Step(0, {}, 0)
        self._steps: dict[Key, Step] = {}
        self._gone: dict[Key, None] = {}
        self._served = -1
        self._targets: dict[bytes, dict[str, int]] = {}

    # --- what happens ----------------------------------------------------------------------------------

    def start(self, version: int, serials: Mapping[bytes, int], ttl: int) -> None:
        """Take in the first version: since that, those are in or out that nothing happened to."""
        self._first = Step(version, serials, ttl)

    def turned(
        self, pods: Iterable[Key], version: int, serials: Mapping[bytes, int], ttl: int, now: float
    ) -> Step:
        """Take in that pods came into the answers or left them. `serials` are those of the zones, by apex."""
        step = Step(version, serials, ttl)
        for pod in pods:
            before = self._steps.get(pod)
            if before is None or self.since(before, now) is not None:
                self._steps[pod] = step
            else:  # what it did before counts as well: it may have been in other zones
                both = {**before.serials, **serials}
                self._steps[pod] = Step(version, both, max(before.ttl, ttl))
        return step

    def removed(self, pod: Key) -> None:
        """Take in that a pod is gone. Its step is kept for a while."""
        self._gone.pop(pod, None)
        self._gone[pod] = None
        self._steps.setdefault(pod, self._first)
        if len(self._gone) > MAX_GONE:
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            self._steps.pop(oldest, None)

    def added(self, pod: Key) -> None:
        """Take in that a pod is there (again)."""
        self._gone.pop(pod, None)

    def served(self, version: int) -> None:
        """Take in that every DNS worker answers a version of the feed, and all before it."""
        self._served = max(self._served, version)

    def reported(self, apex: bytes, target: str, serial: int) -> None:
        """Take in the version of a domain that a target has; 0 says nothing."""
        targets = self._targets.get(apex)
        if serial and targets is not None and target in targets:
            targets[target] = serial

    def configure(self, wanted: Iterable[tuple[bytes, str]]) -> None:
        """Take in which targets there are, of all domains: (apex, name of the target)."""
        targets: dict[bytes, dict[str, int]] = {}
        for apex, target in wanted:
            targets.setdefault(apex, {})[target] = self._targets.get(apex, {}).get(target, 0)
        self._targets = targets

    # --- what is asked ---------------------------------------------------------------------------------

    def is_gone(self, pod: Key) -> bool:
        """Whether a pod was there and is no more."""
        return pod in self._gone

    def step(self, pod: Key) -> Step:
        """Return what last happened to a pod."""
        return self._steps.get(pod, self._first)

    def since(self, step: Step, now: float) -> float | None:
        """Return since when everybody has a step, None where somebody has not."""
        if step.since is None and self._served >= step.version and not self.behind(step):
            step.since = now
        return step.since

    def behind(self, step: Step) -> list[str]:
        """Return the targets that have not got a step yet, our own workers left out."""
        return [
            target
            for apex, serial in step.serials.items()
            for target, has in self._targets.get(apex, {}).items()
            if not has or is_newer(serial, has)
        ]

    def has_targets(self, step: Step) -> bool:
        """Whether a step goes to anybody but our own workers."""
        return any(self._targets.get(apex) for apex in step.serials)
