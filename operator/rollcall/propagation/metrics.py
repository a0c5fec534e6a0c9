"""What is told of versions, zones, workers and targets. Pure."""

from collections.abc import Callable, Iterator

from rollcall.directory import Directory
from rollcall.model.metric import MetricFamily, single
from rollcall.zone import Zones
from rollcall.zone.names import to_text

from .targets import TargetState, TargetStates
from .workers import WorkerVersions

_TARGET_LABELS = ("zone", "domain", "target")


def zone_families(directory: Directory, zones: Zones) -> Iterator[MetricFamily]:
    """Describe what there is."""
    yield single("rollcall_services", "Services known.", lambda: len(directory))
    yield MetricFamily(
        "rollcall_zone_serial",
        "The serial of a zone.",
        ("zone",),
        lambda: [((to_text(zone.apex),), zone.serial) for zone in zones.contents()],
    )
    yield MetricFamily(
        "rollcall_zone_records",
        "Records in a zone, the SOA left out.",
        ("zone",),
        lambda: [((to_text(zone.apex),), zone.record_count) for zone in zones.contents()],
    )
    yield MetricFamily(
        "rollcall_zone_refused",
        "1 for each DiscoveryZone that is not published from here as it asks for, by reason.",
        ("zone", "reason"),
        lambda: [((zone.name, problem.reason), 1) for zone, problem in zones.refused()],
    )
    yield MetricFamily(
        "rollcall_zone_cut_rrsets",
        "RRsets that are larger than what an answer with the whole set holds.",
        ("zone",),
        lambda: [((to_text(zone.apex),), len(zone.cut.sets)) for zone in zones.contents()],
    )


def worker_families(workers: WorkerVersions) -> Iterator[MetricFamily]:
    """Describe who answers."""
    yield single("rollcall_dns_workers", "DNS workers that are being fed.", lambda: workers.connected)


def target_families(targets: TargetStates, unix_time: Callable[[], float]) -> Iterator[MetricFamily]:
    """Describe how far the targets are. `unix_time` is a clock, in seconds."""
    yield MetricFamily(
        "rollcall_target_lag_seconds",
        "For how long a target has been behind; 0 while it has the newest version.",
        _TARGET_LABELS,
        lambda: [(_labels(state), _lag_seconds(state, unix_time())) for state in targets],
    )
    yield MetricFamily(
        "rollcall_target_serial",
        "The serial of the version that a target has, 0 where it has none.",
        _TARGET_LABELS,
        lambda: [(_labels(state), state.report.serial) for state in targets],
    )
    yield MetricFamily(
        "rollcall_target_healthy",
        "0 where a target fails; the status of the DiscoveryZone says how.",
        _TARGET_LABELS,
        lambda: [(_labels(state), state.report.healthy) for state in targets],
    )


def _labels(state: TargetState) -> tuple[str, str, str]:
    return state.report.zone, to_text(state.report.domain), state.report.target


def _lag_seconds(state: TargetState, now: float) -> float:
    return 0.0 if state.behind_since is None else max(0.0, now - state.behind_since)
