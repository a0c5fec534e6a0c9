"""What is told of reflectors."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rollcall.model.metric import MetricFamily

from .reflector import Reflector


def families(reflectors: Callable[[], Iterable[Reflector[Any]]]) -> Iterator[MetricFamily]:
    """Describe how the reflectors are that there are when it is asked."""
    yield MetricFamily(
        "rollcall_watch_synced",
        "1 once the first whole list of a resource has been taken in.",
        ("resource",),
        lambda: [((str(each.resource),), each.synced.is_set()) for each in reflectors()],
    )
    yield MetricFamily(
        "rollcall_watch_age_seconds",
        "Since the API server last said anything of a resource, a bookmark included.",
        ("resource",),
        lambda: [((str(each.resource),), each.age_seconds) for each in reflectors()],
    )
    yield MetricFamily(
        "rollcall_watch_events_total",
        "Watch events received.",
        ("resource", "type"),
        lambda: [
            ((str(each.resource), kind), number)
            for each in reflectors()
            for kind, number in each.events.items()
        ],
        is_counter=True,
    )
    yield MetricFamily(
        "rollcall_watch_restarts_total",
        "Ended watches and failed lists.",
        ("resource", "reason"),
        lambda: [
            ((str(each.resource), reason), number)
            for each in reflectors()
            for reason, number in each.restarts.items()
        ],
        is_counter=True,
    )
    yield MetricFamily(
        "rollcall_watch_audits_total",
        "Comparisons of what is known with what the API server has, by result (Same, Differs, Failed).",
        ("resource", "result"),
        lambda: [
            ((str(each.resource), result), number)
            for each in reflectors()
            for result, number in each.audits.results.items()
        ],
        is_counter=True,
    )
    yield MetricFamily(
        "rollcall_watch_objects",
        "Objects known of a resource.",
        ("resource",),
        lambda: [((str(each.resource),), len(each.view.objects)) for each in reflectors()],
    )
