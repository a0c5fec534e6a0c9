"""Which services have a pod as an instance: of those that select it the oldest, as many as the quota allows.

Age decides, not arrival: in whatever order services come, the same ones have the pod, and a new one takes it
from none.
"""

from bisect import bisect_left, insort

from rollcall.model import Key, Seniority


class Selections:
    """The services that select each pod, in order of their seniority; the first `most` of them have it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: dict[Key, list[Seniority]] = {}

    def holders(self, pod: Key) -> list[Key]:
        """Return the services that have a pod, the oldest first."""
        return [key for _, key in self._lines.get(pod, ())[: self._most]]

    def selecting(self, pod: Key) -> list[Key]:
        """Return the services that select a pod, whether or not they have it, the oldest first."""
        return [key for _, key in self._lines.get(pod, ())]

    def has(self, pod: Key, seniority: Seniority) -> bool:
        """Whether a service with this seniority selects a pod."""
        line = self._lines.get(pod, [])
        at = bisect_left(line, seniority)
        return line[at : at + 1] == [seniority]

    def move(self, pod: Key, before: Seniority | None, after: Seniority | None) -> None:
        """Give a service another seniority among those that select a pod; None: it doesn't select it."""
        line = self._lines.setdefault(pod, [])
        if before is not None:
            del line[bisect_left(line, before)]
        if after is not None:
            insort(line, after)
        if not line:
            del self._lines[pod]

    def replace(self, pod: Key, seniorities: list[Seniority]) -> None:
        """Set the services that select a pod."""
        if seniorities:
            self._lines[pod] = sorted(seniorities)
        else:
            self._lines.pop(pod, None)
