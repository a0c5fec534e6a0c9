"""What zones at other servers must reach, and the table that holds each figure against it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.table import aligned, figure, number

Path = tuple[str, ...]

EXTERNAL_DNS_P50_MS = 5_700
EXTERNAL_DNS_P99_MS = 7_500
"""external-dns 0.22 with --events against BIND, measured on a machine like this one, not in the same run."""

TIMES_FASTER = 50


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and the most that it may be.

    `path` leads to it in the results. With `floor`, the path of another figure, `limit` is on top of that.
    Without a limit it is only shown. `external_dns` is what external-dns takes, and has to be TIMES_FASTER
    times as much.
    """

    measurement: str
    path: Path
    unit: str
    limit: float | None = None
    floor: Path | None = None
    external_dns: float | None = None


def _updates(server: str) -> Iterable[Goal]:
    bare = ("updates", server, "bare")
    yield Goal(f"{server}, bare update: its answer, p50", (*bare, "exchange_ms", "p50"), "ms")
    yield Goal(f"{server}, bare update: its answer, p99", (*bare, "exchange_ms", "p99"), "ms")
    flips = ("updates", server, "delay_ms")
    shown = (*bare, "delay_ms")
    what = f"{server} by update: single flip"
    yield Goal(f"{what}, p50", (*flips, "p50"), "ms", 5, (*shown, "p50"), EXTERNAL_DNS_P50_MS)
    yield Goal(f"{what}, p99", (*flips, "p99"), "ms", 100, None, EXTERNAL_DNS_P99_MS)


def _bursts(server: str) -> Iterable[Goal]:
    what = f"{server} by update: 300 pods of 60 services"
    at_once, as_written = ("bursts", server, "at_once"), ("bursts", server, "as_written")
    yield Goal(f"{what} at once, all right", (*at_once, "worst_ms"), "ms", 1_000)
    yield Goal(f"{what} at once, messages", (*at_once, "messages"), "", 10)
    yield Goal(f"{what} as written, worst pod", (*as_written, "worst_ms"), "ms", 1_000)
    yield Goal(f"{what} as written, messages", (*as_written, "messages"), "")


def _transfers(server: str) -> Iterable[Goal]:
    what = f"{server} by NOTIFY and IXFR: single flip"
    delays = ("secondaries", server, "delay_ms")
    yield Goal(f"{what}, p50", (*delays, "p50"), "ms", 50)
    yield Goal(f"{what}, p99", (*delays, "p99"), "ms", 250)


def _coredns() -> Iterable[Goal]:
    delays = ("secondaries", "CoreDNS", "delay_ms")
    yield Goal("CoreDNS by NOTIFY and AXFR: single flip, p50", (*delays, "p50"), "ms")
    yield Goal("CoreDNS by NOTIFY and AXFR: single flip, worst", (*delays, "worst"), "ms", 6_000)
    unnotified = ("secondaries", "CoreDNS unnotified", "delay_ms")
    yield Goal("CoreDNS at its refresh, without NOTIFY, worst", (*unnotified, "worst"), "ms")


def _large(server: str, sync_seconds: float) -> Iterable[Goal]:
    flip = ("large", "flip")
    yield Goal(
        f"{server}: 10,010 names into an empty zone", ("large", "sync_seconds", server), "s", sync_seconds
    )
    what = f"{server} by update: a flip among 53,900 records"
    yield Goal(f"{what}, p50", (*flip, server, "delay_ms", "p50"), "ms")
    yield Goal(f"{what}, messages", (*flip, "messages", server), "", 1)
    yield Goal(f"{what}, AXFRs", (*flip, "axfrs", server), "", 0)
    yield Goal(f"{what}, AXFRs in the next 40 s", (*flip, "axfrs_later", server), "")


GOALS: tuple[Goal, ...] = (
    *_updates("BIND"),
    *_updates("Knot"),
    *_transfers("BIND"),
    *_transfers("Knot"),
    *_coredns(),
    *_bursts("BIND"),
    *_bursts("Knot"),
    *_large("BIND", 60),
    *_large("Knot", 15),
    Goal("a flip among 53,900 records: lists from the API", ("large", "flip", "lists"), "", 0),
    Goal("AXFR of 53,900 records from Rollcall, worst", ("large", "axfr", "seconds_worst"), "s", 2),
    Goal("restart without a change: updates", ("restart", "messages"), "", 0),
    Goal("restart without a change: serials that changed", ("restart", "serials_changed"), "", 0),
    Goal("restart without a change: transfers", ("restart", "transfers"), "", 0),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A goal with what was measured of it, and of its floor."""

    goal: Goal
    figure: float
    floor: float | None

    @property
    def limit(self) -> float | None:
        """The most that it may be; None where that is not said, or what it is on top of was not measured."""
        if self.goal.floor is None or self.goal.limit is None:
            return self.goal.limit
        return None if self.floor is None else self.floor + self.goal.limit

    @property
    def times_faster(self) -> float | None:
        """How many times faster than external-dns."""
        external = self.goal.external_dns
        return None if external is None or self.figure <= 0 else external / self.figure

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.limit is None:
            return None
        times = self.times_faster
        return self.figure <= self.limit and (times is None or times >= TIMES_FASTER)


def rows(results: Mapping[str, Any]) -> list[Row]:
    """Take the figures of all goals that were measured."""
    return [
        Row(goal, found, None if goal.floor is None else figure(results, goal.floor))
        for goal in GOALS
        if (found := figure(results, goal.path)) is not None
    ]


def as_json(table: Iterable[Row]) -> list[dict[str, Any]]:
    """Give the rows as plain values."""
    return [
        {
            "measured": row.goal.measurement,
            "unit": row.goal.unit,
            "figure": row.figure,
            "floor": row.floor,
            "limit": row.limit,
            "external_dns": row.goal.external_dns,
            "times_faster": row.times_faster,
            "met": row.met,
        }
        for row in table
    ]


def render(table: Iterable[Row]) -> str:
    """Lay the rows out as a Markdown table with aligned columns."""
    head = ("measured", "goal", "Rollcall", "bare update", "external-dns 0.22", "times faster", "met")
    return aligned([head, *(_cells(row) for row in table)])


def _cells(row: Row) -> Sequence[str]:
    goal, times = row.goal, row.times_faster
    wanted = "-"
    if goal.limit is not None:
        wanted = f"≤ {'bare + ' if goal.floor else ''}{number(goal.limit)} {goal.unit}".strip()
        if goal.external_dns is not None:
            wanted += f", ≥ {TIMES_FASTER} times"
    return (
        goal.measurement,
        wanted,
        f"{number(row.figure)} {goal.unit}".strip(),
        "-" if row.floor is None else f"{number(row.floor)} {goal.unit}".strip(),
        "-" if goal.external_dns is None else f"{number(goal.external_dns)} {goal.unit}".strip(),
        "-" if times is None else f"{number(times)}",
        "-" if row.met is None else "yes" if row.met else "NO",
    )
