"""Conditions: which there are, and when their time moves."""

import pytest

from rollcall.model import Condition, Problem, Status
from rollcall.status.conditions import merged, ready, reconciling, stalled


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (ready("Published", "."), {"Ready": "True"}),
        (reconciling("Publishing", "."), {"Ready": "False", "Reconciling": "True"}),
        (stalled(Problem("InvalidName", ".")), {"Ready": "False", "Stalled": "True"}),
    ],
)
def test_reconciling_and_stalled_are_there_only_while_true(
    conditions: list[Condition], expected: dict[str, str]
) -> None:
    assert {condition.type: condition.status for condition in conditions} == expected


def test_time_moves_only_with_the_status() -> None:
    first = Status(1, merged(ready("Published", "One."), Status(), 1, 0))
    (same,) = merged(ready("PublishedElsewhere", "Two."), first, 2, 60)
    assert same.last_transition_time == "1970-01-01T00:00:00Z"
    assert (same.reason, same.message, same.observed_generation) == ("PublishedElsewhere", "Two.", 2)
    other, new = merged(reconciling("Publishing", "Three."), first, 2, 60)
    assert other.last_transition_time == new.last_transition_time == "1970-01-01T00:01:00Z"


def test_a_held_condition_without_a_time_gets_one() -> None:
    held = Status(1, (Condition("Ready", "True"),))
    (condition,) = merged(ready("Published", "."), held, 1, 0)
    assert condition.last_transition_time == "1970-01-01T00:00:00Z"


def test_a_condition_of_the_past_is_dropped() -> None:
    held = Status(1, merged(stalled(Problem("InvalidName", ".")), Status(), 1, 0))
    assert [condition.type for condition in merged(ready("Published", "."), held, 1, 60)] == ["Ready"]


def test_messages_fit() -> None:
    (condition,) = merged(ready("Published", "x" * 40_000), Status(), 1, 0)
    assert len(condition.message) == 32768
