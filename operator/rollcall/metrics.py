"""What Rollcall measures of itself, for Prometheus. Never labelled by pod."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import Never

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .model.metric import MetricFamily, single
from .propagation.answered import Arrival
from .propagation.listener import Listener
from .zone import Output, PublishedVersion

BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)

TICK_SECONDS = 1.0


class FamilyCollector(Collector):
    """Reads the families that the parts describe, when Prometheus asks."""

    def __init__(self, families: Iterable[MetricFamily]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        """Yield every family with its values of now."""
        for name, help_, labels, values, is_counter in self._families:
            kind = CounterMetricFamily if is_counter else GaugeMetricFamily
            family = kind(name, help_, labels=labels)
            for label_values, value in values():
                family.add_metric(label_values, value)
            yield family


class Latency(Output, Listener):
    """How long a change takes from the watch event to the answer: the figure this project is about."""

    def __init__(self, registry: CollectorRegistry) -> None:
        durations = Histogram(
            "rollcall_programming_duration_seconds",
            "From receipt of a watch event until its change is committed to the zone (stage=committed),"
            " and until every DNS worker answers it (stage=served).",
            ["stage"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._committed = durations.labels("committed")
        self._served = durations.labels("served")

    def on_published(self, version: PublishedVersion) -> None:
        """Time the way to the commit."""
        if version.deltas:
            self._committed.observe((time.monotonic_ns() - version.received_ns) / 1e9)

    def on_arrival(self, arrival: Arrival, at: float) -> None:
        """Time the way to the answers."""
        for received_ns in arrival.received_ns:
            self._served.observe(max(0.0, at - received_ns / 1e9))


class LoopLag:
    """How late the event loop is: what a change has to wait for at worst."""

    def __init__(self) -> None:
        self._seconds = 0.0

    async def run(self) -> Never:
        """Measure until cancelled by how many seconds a timer fires late."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self._seconds = loop.time() - due

    def families(self) -> Iterator[MetricFamily]:
        """Describe what is measured here."""
        yield single(
            "rollcall_event_loop_lag_seconds",
            "How late the last tick of the control loop was.",
            lambda: self._seconds,
        )
