"""The last turn of each pod, into the answers or out of them. Pure."""

from collections.abc import Mapping

from rollcall.model import Key

MAX_GONE = 10_000
"""Of so many pods that are gone it is known when they left; older ones are forgotten."""


class Turn:
    """A change of the answers: the version of the feed, and the serials of the zones that changed, by apex.

    `ttl_seconds` is the largest of the records in it. `arrived_at` (in seconds of a monotonic clock) is when
    everybody was first seen to have it, None before.
    """

    __slots__ = ("arrived_at", "serials", "ttl_seconds", "version")

    def __init__(self, version: int, serials: Mapping[bytes, int], ttl_seconds: int) -> None:
        self.version = version
        self.serials = serials
        self.ttl_seconds = ttl_seconds
        self.arrived_at: float | None = None

    def after(self, previous: "Turn") -> "Turn":
        """Return this turn and a previous one that has not arrived as one: that may be in other zones."""
        serials = {**previous.serials, **self.serials}
        return Turn(self.version, serials, max(previous.ttl_seconds, self.ttl_seconds))


class PodTurns:
    """The turns of pods. Those that nothing happened to since the start have the first one."""

    def __init__(self) -> None:
        self._first = Turn(0, {}, 0)
        self._turns: dict[Key, Turn] = {}
        self._gone: dict[Key, None] = {}

    def start(self, first: Turn) -> None:
        """Begin with the turn that published everything."""
        self._first = first

    def of(self, pod: Key) -> Turn:
        """Return the last turn of a pod."""
        return self._turns.get(pod, self._first)

    def since_start(self, pod: Key) -> Turn | None:
        """Return the last turn of a pod, None where nothing has happened to it since the start."""
        return self._turns.get(pod)

    def has_left(self, pod: Key) -> bool:
        """Whether a pod was there and is no longer."""
        return pod in self._gone

    def set(self, pod: Key, turn: Turn) -> None:
        """Give a pod its turn."""
        self._turns[pod] = turn

    def on_pod(self, pod: Key) -> None:
        """Note that a pod is there (again)."""
        self._gone.pop(pod, None)

    def on_pod_removed(self, pod: Key) -> None:
        """Note that a pod is gone. Its turn is kept for a while."""
        self._gone.pop(pod, None)
        self._gone[pod] = None
        self._turns.setdefault(pod, self._first)
        if len(self._gone) > MAX_GONE:
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            self._turns.pop(oldest, None)
