"""What counts as met in a release, and what weights cost."""

import pytest
from bench.releases.cost import compare
from bench.releases.goals import GOALS, Goal, Row, as_json, render, rows

SWITCH = Goal("switch", ("switch",), "ms", most=20)
SHARE = Goal("share", ("share",), "%", least=9.5, most=10.5)
CHANCE = Goal("p", ("p",), least=0.001, others="-")


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [
        (SWITCH, 20.0, True),
        (SWITCH, 20.1, False),
        (SHARE, 9.5, True),
        (SHARE, 9.4, False),
        (SHARE, 10.6, False),
        (CHANCE, 0.5, True),
        (CHANCE, 0.0009, False),
        (Goal("shown", ("shown",)), 1.0, None),
    ],
)
def test_a_figure_may_have_to_be_at_most_at_least_or_between(
    goal: Goal, figure: float, met: bool | None
) -> None:
    assert Row(goal, figure).met is met


def test_only_what_was_measured_has_a_row() -> None:
    found = rows({"shares": {"ten": {"share_percent": 10.1}, "none": {"share_percent": 0.001}}, "cost": {}})
    assert [(row.figure, row.met) for row in found] == [(10.1, True), (0.001, False)]


def test_the_table_says_what_is_wanted_and_that_nobody_else_has_it() -> None:
    table = [Row(SWITCH, 25.0), Row(SHARE, 10.0), Row(CHANCE, 0.4)]
    lines = render(table).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "≤ 20 ms" in lines[2]
    assert "NO" in lines[2]
    assert "none has it" in lines[2]
    assert "9.5 to 10.5 %" in lines[3]
    assert "≥ 0.001" in lines[4]
    assert "none has it" not in lines[4]
    assert [row["met"] for row in as_json(table)] == [False, True, True]


def test_each_goal_has_its_own_name_and_figure() -> None:
    assert len({goal.measurement for goal in GOALS}) == len({goal.path for goal in GOALS}) == len(GOALS)


def test_a_machine_that_slows_down_costs_nothing() -> None:
    found = compare([200.0, 160.0, 120.0], [180.0, 140.0])
    assert found["costs_percent"] == pytest.approx([0.0, 0.0])


def test_the_cost_is_what_an_answer_takes_more() -> None:
    found = compare([110.0, 110.0], [100.0])
    assert found["cost_percent"] == pytest.approx(10.0)
    assert (found["plain"], found["weighted"]) == (110.0, 100.0)
