"""Memory that the writer and the pollers share: when each pod's write was acknowledged, when it was seen.

A slot is a pod of the running measurement. Times are the kernel's stamps (see stamps.py); 0 is "not yet".
Each cell has one writer, and is an aligned word: no lock.
"""

from multiprocessing.context import SpawnContext
from typing import Any

SLOTS = 1_000
"""As many as the largest burst has pods."""


class Acknowledgements:
    """Written by the writer, read by the pollers."""

    def __init__(self, context: SpawnContext) -> None:
        self.times: Any = context.RawArray("q", SLOTS)
        self._order: Any = context.RawArray("q", SLOTS)
        self._count: Any = context.RawArray("q", 1)

    def clear(self) -> None:
        """Forget all, before the next measurement."""
        self._count[0] = 0
        self.times[:] = [0] * SLOTS

    def add(self, slot: int, now_ns: int) -> None:
        """Note that the write to a pod was acknowledged."""
        self.times[slot] = now_ns
        self._order[self._count[0]] = slot
        self._count[0] += 1

    def since(self, count: int) -> list[int]:
        """Return the slots that were acknowledged after the first `count` ones, in order."""
        known = self._count[0]
        return list(self._order[count:known]) if known > count else []


class Sightings:
    """Written by one poller, read when it is done.

    `seen` is when the first answer that shows a pod's new state was received, `before` when the last one
    without it was.
    """

    def __init__(self, context: SpawnContext) -> None:
        self.seen: Any = context.RawArray("q", SLOTS)
        self.before: Any = context.RawArray("q", SLOTS)

    def clear(self) -> None:
        """Forget all, before the next measurement."""
        self.seen[:] = [0] * SLOTS
        self.before[:] = [0] * SLOTS
