"""What counts as met, and what the reader sees."""

from typing import Any

import pytest
from bench.table import Goal, Row, render, rows

LATENCY = Goal("flip", ("flips", "*", "delay_ms", "p50"), "ms", limit=2, factor=4)
RATE = Goal("answers", ("answers", "*", "rate"), "", "more", 70_000, 4)


@pytest.mark.parametrize(
    ("goal", "ours", "theirs", "met"),
    [
        (LATENCY, 2.0, 8.0, True),
        (LATENCY, 2.01, 80.0, False),
        (LATENCY, 1.9, 7.0, False),  # quick enough, but not four times quicker
        (LATENCY, 1.0, None, True),  # without CoreDNS only the limit counts
        (RATE, 70_000.0, 17_500.0, True),
        (RATE, 69_999.0, 10_000.0, False),
        (RATE, 80_000.0, 21_000.0, False),
    ],
)
def test_a_goal_needs_its_limit_and_its_factor(
    goal: Goal, ours: float, theirs: float | None, met: bool
) -> None:
    assert Row(goal, ours, theirs).met is met


def test_a_figure_without_a_goal_is_neither_met_nor_missed() -> None:
    assert Row(Goal("p90", ("x",), "ms"), 5.0, 5.0).met is None


def test_only_what_was_measured_has_a_row() -> None:
    spread = {"p50": 1.5, "p90": 2.0, "p99": 3.0}
    results: dict[str, Any] = {"flips": {"Rollcall": {"delay_ms": spread}}, "burst-300": {}}
    assert [(row.ours, row.theirs) for row in rows(results)] == [(1.5, None), (2.0, None), (3.0, None)]


def test_the_table_has_equally_long_lines_and_says_no_aloud() -> None:
    lines = render([Row(LATENCY, 2.5, 8.0), Row(RATE, 206_674.0, 33_847.0)]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "NO" in lines[2]
    assert "206,674" in lines[3]
    assert "6.1" in lines[3]
