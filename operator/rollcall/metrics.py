"""What Rollcall measures of itself, for Prometheus. Never labelled by pod."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Values = Callable[[], Iterable[tuple[tuple[str, ...], float]]]
"""Yields label values and a number, when asked."""

BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class Metrics:
    """The instruments, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.programming = Histogram(
            "rollcall_programming_duration_seconds",
            "From receipt of a watch event until its change is committed to the zone (stage=committed),"
            " and until every DNS worker answers it (stage=served).",
            ["stage"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.commits = Counter(
            "rollcall_zone_commits_total", "Versions handed to the DNS workers.", registry=self.registry
        )
        self._updates = Counter(
            "rollcall_update_messages_total",
            "Messages to servers that take updates, by what became of them.",
            ["zone", "target", "outcome"],
            registry=self.registry,
        )
        self.loop_lag = Gauge(
            "rollcall_event_loop_lag_seconds",
            "How late the last tick of the control loop was.",
            registry=self.registry,
        )
        self.snapshot_seconds = Gauge(
            "rollcall_snapshot_timestamp_seconds",
            "When the last snapshot was written, unix time.",
            registry=self.registry,
        )

    def count_update(self, zone: str, target: str, outcome: str) -> None:
        """Count a message to an update target of a DiscoveryZone."""
        self._updates.labels(zone, target, outcome).inc()


class Reading:
    """One family: its help, its label names, and a callable that yields (label values, value)."""

    def __init__(self, help_: str, labels: tuple[str, ...], values: Values, *, counter: bool = False) -> None:
        self._help = help_
        self._labels = labels
        self._values = values
        self._kind = CounterMetricFamily if counter else GaugeMetricFamily

    def family(self, name: str) -> Metric:
        """Read the values now."""
        family = self._kind(name, self._help, labels=self._labels)
        for labels, value in self._values():
            family.add_metric(labels, value)
        return family


class Readings(Collector):
    """Gauges and counters that are read from the running parts when Prometheus asks."""

    def __init__(self, readings: Mapping[str, Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        """Yield every reading as a metric family."""
        for name, reading in self._readings.items():
            yield reading.family(name)
