"""How long a change takes from the watch event to the answer: the figure this project is about."""

import time
from collections import deque
from typing import NamedTuple

from rollcall.metrics import Metrics

_NOTHING = -1


class _InFlight(NamedTuple):
    version: int
    received_ns: int


class Programming:
    """Times versions from the receipt of their event until every connected DNS worker answers them."""

    def __init__(self, metrics: Metrics) -> None:
        self._committed = metrics.programming.labels("committed")
        self._served = metrics.programming.labels("served")
        self._acknowledged: dict[int, int] = {}
        self._in_flight: deque[_InFlight] = deque()

    def published(self, version: int, received_ns: int) -> None:
        """Note that a version went out; `received_ns` (time.monotonic_ns) is when its event came in."""
        self._committed.observe((time.monotonic_ns() - received_ns) / 1e9)
        if self._acknowledged:
            self._in_flight.append(_InFlight(version, received_ns))

    def connected(self, worker: int, is_connected: bool) -> None:
        """Note that a worker came or went; nobody waits for one that is gone."""
        if is_connected:
            self._acknowledged[worker] = _NOTHING
        else:
            self._acknowledged.pop(worker, None)
            if not self._acknowledged:
                self._in_flight.clear()

    def acknowledged(self, worker: int, version: int, at: float) -> int:
        """Note that a worker answers a version since `at` (time.monotonic); return what all of them do."""
        self._acknowledged[worker] = version
        slowest = min(self._acknowledged.values())
        while self._in_flight and self._in_flight[0].version <= slowest:
            self._served.observe(max(0.0, at - self._in_flight.popleft().received_ns / 1e9))
        return slowest

    @property
    def workers(self) -> int:
        """How many workers are connected."""
        return len(self._acknowledged)

    @property
    def fed_workers(self) -> int:
        """How many workers answer from a state that this process gave them."""
        return sum(version != _NOTHING for version in self._acknowledged.values())
