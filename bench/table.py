"""The goals, and the table that holds each figure against them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

OURS, THEIRS = "Rollcall", "CoreDNS"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and what it must reach.

    `path` leads to the figure in the results, with "*" for the server. `limit` is the worst that is good
    enough, `factor` how many times better than CoreDNS it must be; without either it is only shown.
    """

    measurement: str
    path: tuple[str, ...]
    unit: str
    better: Literal["less", "more"] = "less"
    limit: float | None = None
    factor: float | None = None


GOALS = (
    Goal("single flip, p50", ("flips", "*", "delay_ms", "p50"), "ms", limit=2, factor=4),
    Goal("single flip, p90", ("flips", "*", "delay_ms", "p90"), "ms"),
    Goal("single flip, p99", ("flips", "*", "delay_ms", "p99"), "ms", limit=6, factor=2),
    Goal("300 pods of 60 services, p50", ("burst-300", "*", "delay_ms", "p50"), "ms"),
    Goal("300 pods of 60 services, p99", ("burst-300", "*", "delay_ms", "p99"), "ms", limit=100, factor=10),
    Goal("1,000 pods of 500 services, p50", ("burst-1000", "*", "delay_ms", "p50"), "ms"),
    Goal(
        "1,000 pods of 500 services, p99", ("burst-1000", "*", "delay_ms", "p99"), "ms", limit=500, factor=25
    ),
    Goal("answers a CPU second, saturated", ("answers", "*", "answers_a_cpu_second"), "", "more", 70_000, 4),
    Goal(
        "answers a CPU second, at 10,000 a second",
        ("answers", "*", "answers_a_cpu_second_steady"),
        "",
        "more",
    ),
    Goal(
        "answers a CPU second with cookies, of those without",
        ("answers", "*", "with_cookies_percent"),
        "%",
        "more",
        limit=90,
    ),
    Goal("answers a second, 2 workers", ("answers", "*", "answers_a_second"), "", "more"),
    Goal("idle, CPU of all processes", ("idle", "*", "cpu_percent"), "%", limit=1),
    Goal("idle, RSS of the main process", ("idle", "*", "roles", "control", "rss_mb"), "MB", limit=120),
    Goal("idle, PSS of all processes", ("idle", "*", "pss_mb"), "MB"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A goal with what was measured of it."""

    goal: Goal
    ours: float
    theirs: float | None

    @property
    def times_better(self) -> float | None:
        """How many times better than CoreDNS."""
        if self.theirs is None or not self.ours or not self.theirs:
            return None
        return self.theirs / self.ours if self.goal.better == "less" else self.ours / self.theirs

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none. Without CoreDNS only the limit counts."""
        goal = self.goal
        if goal.limit is None:
            return None
        good = self.ours <= goal.limit if goal.better == "less" else self.ours >= goal.limit
        times = self.times_better
        return good and (goal.factor is None or times is None or times >= goal.factor)


def rows(results: Mapping[str, Any]) -> list[Row]:
    """Take the figures of all goals that were measured."""
    found = []
    for goal in GOALS:
        ours = figure(results, goal.path, OURS)
        if ours is not None:
            found.append(Row(goal, ours, figure(results, goal.path, THEIRS)))
    return found


def as_json(table: Iterable[Row]) -> list[dict[str, Any]]:
    """Give the rows as plain values."""
    return [
        {
            "measured": row.goal.measurement,
            "unit": row.goal.unit,
            "limit": row.goal.limit,
            "factor": row.goal.factor,
            OURS: row.ours,
            THEIRS: row.theirs,
            "times_better": row.times_better,
            "met": row.met,
        }
        for row in table
    ]


def render(table: Iterable[Row]) -> str:
    """Lay the rows out as a Markdown table with aligned columns."""
    return aligned(
        [("measured", "goal", OURS, THEIRS, "times better", "met"), *(_cells(row) for row in table)]
    )


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lay lines of cells out as a Markdown table, the first one as its head."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    ruled = [lines[0], tuple("-" * width for width in widths), *lines[1:]]
    return "\n".join(_line(line, widths) for line in ruled)


def _cells(row: Row) -> tuple[str, ...]:
    goal, times = row.goal, row.times_better
    wanted = []
    if goal.limit is not None:
        wanted.append(f"{'≤' if goal.better == 'less' else '≥'} {number(goal.limit)} {goal.unit}".strip())
    if goal.factor is not None:
        wanted.append(f"≥ {goal.factor:g} times")
    return (
        goal.measurement,
        ", ".join(wanted) or "-",
        f"{number(row.ours)} {goal.unit}".strip(),
        "-" if row.theirs is None else f"{number(row.theirs)} {goal.unit}".strip(),
        "-" if times is None else f"{times:.1f}",
        "-" if row.met is None else "yes" if row.met else "NO",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cells[0].ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return f"| {' | '.join(padded)} |"


def number(value: float) -> str:
    """Write three figures, and whole numbers in full with a comma for each thousand."""
    if value == int(value) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}"


def figure(results: Mapping[str, Any], path: Sequence[str], server: str = "") -> float | None:
    """Find a figure in the results, with the server for "*" in the path; None where it was not measured."""
    found: Any = results
    for step in path:
        found = found.get(server if step == "*" else step) if isinstance(found, Mapping) else None
    return None if found is None else float(found)
