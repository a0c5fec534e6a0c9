"""Which status writes are worth an Event."""

import pytest

from rollcall.model import Condition, Status
from rollcall.status.transitions import Transition, transitions


def status(**conditions: str) -> Status:
    """Make a status of conditions written as Type="True Reason"."""
    made = []
    for type_, text in conditions.items():
        state, reason = text.split()
        made.append(Condition(type_, state, reason, f"{reason}."))
    return Status(1, tuple(made))


NOTHING = status()
PUBLISHED = status(Ready="True Published", EndpointsAvailable="True EndpointsAvailable")
EMPTY = status(Ready="True Published", EndpointsAvailable="False NoEligibleInstances")
NO_PODS = status(Ready="True Published", EndpointsAvailable="False NoPods")
UNDERWAY = status(Ready="False Publishing", Reconciling="True Publishing")
INVALID = status(Ready="False InvalidName", Stalled="True InvalidName")
COLLISION = status(Ready="False NameCollision", Stalled="True NameCollision")
WITHHELD = status(Ready="True VersionCollision")
WRITTEN = status(Ready="True Written")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (NOTHING, PUBLISHED, [("Normal", "Published")]),
        (NOTHING, NO_PODS, [("Normal", "Published")]),
        (NOTHING, UNDERWAY, []),
        (UNDERWAY, PUBLISHED, [("Normal", "Published")]),
        (NOTHING, INVALID, [("Warning", "InvalidName")]),
        (PUBLISHED, INVALID, [("Warning", "InvalidName")]),
        (INVALID, COLLISION, [("Warning", "NameCollision")]),
        (COLLISION, PUBLISHED, [("Normal", "Published")]),
        (PUBLISHED, WITHHELD, [("Warning", "VersionCollision")]),
        (PUBLISHED, PUBLISHED, []),
        (PUBLISHED, UNDERWAY, []),
        (PUBLISHED, EMPTY, [("Warning", "NoEligibleInstances")]),
        (PUBLISHED, NO_PODS, [("Normal", "NoPods")]),
        (EMPTY, NO_PODS, []),
        (EMPTY, PUBLISHED, [("Normal", "EndpointsAvailable")]),
        (NOTHING, WRITTEN, [("Normal", "Written")]),
        (PUBLISHED, NOTHING, []),
    ],
)
def test_transitions(before: Status, after: Status, expected: list[tuple[str, str]]) -> None:
    assert [(each.type, each.reason) for each in transitions(before, after)] == expected


def test_a_new_message_is_no_transition() -> None:
    other = Status(1, (Condition("Ready", "True", "Published", "Another one."),))
    assert transitions(PUBLISHED, other) == []


def test_an_event_says_what_the_condition_says() -> None:
    assert transitions(NOTHING, INVALID) == [Transition("Warning", "InvalidName", "InvalidName.")]
