"""The state of an object: one reading of its conditions, whoever asks."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.cli.objects import Metadata, ServiceObject
from rollcall.model import Condition, InstanceStatus, Problem
from rollcall.model.state import OUTDATED, UNKNOWN, Health, state_of, state_of_conditions
from rollcall.status.conditions import ready, reconciling, stalled

NO_ENDPOINTS = Condition("EndpointsAvailable", "False", "NoPods", "No pod.")
ENDPOINTS = Condition("EndpointsAvailable", "True", "EndpointsAvailable", "All there.")
RELEASED = Condition("Released", "True", "Released", "As asked.")
NOT_RELEASED = Condition("Released", "False", "VersionNotReady", "No pod of green.")
FAILING = [Condition("Ready", "False", "Unreachable", "ns1: No connection.")]

HEADS = [
    ([*ready("Published", "."), ENDPOINTS], Health.GOOD, "Published"),
    ([*ready("Published", "."), NO_ENDPOINTS], Health.WARN, "NoPods"),
    ([*ready("VersionCollision", "."), ENDPOINTS], Health.WARN, "VersionCollision"),
    ([*ready("VersionCollision", "."), NO_ENDPOINTS], Health.WARN, "NoPods"),
    ([*ready("Published", "."), NO_ENDPOINTS, NOT_RELEASED], Health.WARN, "VersionNotReady"),
    ([*ready("Published", "."), ENDPOINTS, NOT_RELEASED], Health.WARN, "VersionNotReady"),
    ([*ready("Published", "."), ENDPOINTS, RELEASED], Health.GOOD, "Published"),
    ([*FAILING, ENDPOINTS, NOT_RELEASED], Health.BAD, "Unreachable"),
    ([*reconciling("Publishing", "."), NO_ENDPOINTS], Health.WARN, "Publishing"),
    ([NO_ENDPOINTS, *stalled(Problem("InvalidName", "."))], Health.BAD, "InvalidName"),
]


@pytest.mark.parametrize(("conditions", "health", "word"), HEADS)
def test_what_matters_most(conditions: list[Condition], health: Health, word: str) -> None:
    state = state_of_conditions(conditions)
    assert (state.health, state.word) == (health, word)


def test_before_anything_is_known_and_after_a_change() -> None:
    status = InstanceStatus(1, tuple(ready("Published", ".")))
    assert state_of(InstanceStatus(), 1) == UNKNOWN
    assert state_of(status, 2) == OUTDATED
    assert state_of(status, 1).word == "Published"


@given(st.permutations([*ready("Published", "."), NO_ENDPOINTS, NOT_RELEASED]), st.integers(1, 3))
def test_the_commands_say_what_kubectl_get_says(conditions: list[Condition], count: int) -> None:
    shown = [each for each in conditions if each.type == "Ready" or conditions.index(each) < count]
    status = InstanceStatus(1, tuple(shown))
    status = msgspec.structs.replace(status, reason=state_of_conditions(shown).word)
    assert ServiceObject(Metadata(generation=1), status=status).state.word == status.reason
