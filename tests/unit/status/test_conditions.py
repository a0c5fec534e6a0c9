"""Conditions: which there are, which reason heads them, and when their time moves."""

import pytest

from rollcall.model import Problem
from rollcall.status.conditions import Condition, headline, merged, ready, reconciling, rfc3339, stalled

NO_ENDPOINTS = Condition("EndpointsAvailable", "False", "NoPods", "No pod.")
ENDPOINTS = Condition("EndpointsAvailable", "True", "EndpointsAvailable", "All there.")


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


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([*ready("Published", "."), ENDPOINTS], "Published"),
        ([*ready("Published", "."), NO_ENDPOINTS], "NoPods"),
        ([*reconciling("Publishing", "."), NO_ENDPOINTS], "Publishing"),
        ([NO_ENDPOINTS, *stalled(Problem("InvalidName", "."))], "InvalidName"),
    ],
)
def test_headline(conditions: list[Condition], expected: str) -> None:
    assert headline(conditions) == expected


def test_time_moves_only_with_the_status() -> None:
    first = {"conditions": merged(ready("Published", "One."), {}, 1, 0)}
    (same,) = merged(ready("PublishedElsewhere", "Two."), first, 2, 60)
    assert same["lastTransitionTime"] == "1970-01-01T00:00:00Z"
    assert (same["reason"], same["message"], same["observedGeneration"]) == ("PublishedElsewhere", "Two.", 2)
    other, new = merged(reconciling("Publishing", "Three."), first, 2, 60)
    assert other["lastTransitionTime"] == new["lastTransitionTime"] == "1970-01-01T00:01:00Z"


def test_a_held_condition_without_a_time_gets_one() -> None:
    held = {"conditions": [{"type": "Ready", "status": "True"}]}
    (condition,) = merged(ready("Published", "."), held, 1, 0)
    assert condition["lastTransitionTime"] == "1970-01-01T00:00:00Z"


def test_a_condition_of_the_past_is_dropped() -> None:
    held = {"conditions": merged(stalled(Problem("InvalidName", ".")), {}, 1, 0)}
    assert [condition["type"] for condition in merged(ready("Published", "."), held, 1, 60)] == ["Ready"]


def test_messages_fit() -> None:
    (condition,) = merged(ready("Published", "x" * 40_000), {}, 1, 0)
    assert len(condition["message"]) == 32768


def test_times_are_in_utc_to_the_second() -> None:
    assert rfc3339(1_800_000_000.9) == "2027-01-15T08:00:00Z"
