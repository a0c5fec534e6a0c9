"""What is told of the DNS workers, from the counters that they send."""

from collections.abc import Iterator, Mapping

from rollcall.model.metric import MetricFamily

from .frames import Stats

_EVENTS = (
    "truncated",
    "dropped",
    "failures",
    "limited",
    "slipped",
    "unsent",
    "tcp_evicted",
    "tcp_expired",
)


def families(counters: Mapping[int, Stats]) -> Iterator[MetricFamily]:
    """Describe the counters of the workers, by their numbers."""
    yield MetricFamily(
        "rollcall_dns_responses_total",
        "Responses sent.",
        ("worker", "transport"),
        lambda: _responses(counters),
        is_counter=True,
    )
    yield MetricFamily(
        "rollcall_dns_errors_total",
        "Responses with an rcode other than NOERROR.",
        ("worker", "rcode"),
        lambda: [
            ((str(worker), str(rcode)), number)
            for worker, stats in counters.items()
            for rcode, number in stats.rcodes.items()
        ],
        is_counter=True,
    )
    yield MetricFamily(
        "rollcall_dns_worker_events_total",
        "What went otherwise than with a plain answer.",
        ("worker", "event"),
        lambda: [
            ((str(worker), event), getattr(stats, event))
            for worker, stats in counters.items()
            for event in _EVENTS
        ],
        is_counter=True,
    )
    yield MetricFamily(
        "rollcall_dns_tcp_clients",
        "Open TCP connections.",
        ("worker",),
        lambda: [((str(worker),), stats.tcp_clients) for worker, stats in counters.items()],
    )


def _responses(counters: Mapping[int, Stats]) -> Iterator[tuple[tuple[str, ...], float]]:
    for worker, stats in counters.items():
        yield (str(worker), "udp"), stats.udp_responses
        yield (str(worker), "tcp"), stats.tcp_responses
