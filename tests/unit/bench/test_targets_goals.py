"""What counts as met at other servers, where a goal is on top of the floor."""

import pytest
from bench.targets.goals import GOALS, Goal, Row, as_json, render, rows

ABOVE_FLOOR = Goal("flip, p50", ("flip",), "ms", 5, ("bare",), 5_700)
PLAIN = Goal("messages", ("messages",), "", 10)


@pytest.mark.parametrize(
    ("goal", "figure", "floor", "met"),
    [
        (ABOVE_FLOOR, 15.0, 10.0, True),
        (ABOVE_FLOOR, 15.1, 10.0, False),
        (ABOVE_FLOOR, 115.0, 114.0, False),  # near the floor, but less than 50 times faster
        (ABOVE_FLOOR, 15.0, None, None),  # no floor to compare with
        (PLAIN, 10.0, None, True),
        (PLAIN, 11.0, None, False),
        (Goal("shown", ("shown",), "ms"), 1.0, None, None),
    ],
)
def test_a_goal_may_be_on_top_of_the_floor(
    goal: Goal, figure: float, floor: float | None, met: bool | None
) -> None:
    assert Row(goal, figure, floor).met is met


def test_only_what_was_measured_has_a_row() -> None:
    spread = {"p50": 12.0, "p99": 60.0}
    found = rows({"updates": {"Knot": {"delay_ms": spread, "bare": {"delay_ms": {"p50": 8.5}}}}})
    assert [(row.figure, row.floor, row.met) for row in found] == [(12.0, 8.5, True), (60.0, None, True)]


def test_the_table_has_equally_long_lines_and_says_what_a_goal_is_on_top_of() -> None:
    table = [Row(ABOVE_FLOOR, 15.1, 10.0), Row(PLAIN, 4.0, None)]
    lines = render(table).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "≤ bare + 5 ms, ≥ 50 times" in lines[2]
    assert "NO" in lines[2]
    assert [row["met"] for row in as_json(table)] == [False, True]


def test_each_goal_has_its_own_name_and_figure() -> None:
    assert len({goal.measurement for goal in GOALS}) == len({goal.path for goal in GOALS}) == len(GOALS)
