"""The state of an object in a word and a sentence: the one reading of its conditions.

What `kubectl get` shows as the reason, what the commands show as the state, and what `--wait` goes by: all of
them ask here. Ready, Reconciling and Stalled are read as kstatus does, as kubectl wait, Helm and Flux do.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from .status import ENDPOINTS_AVAILABLE, READY, RECONCILING, RELEASED, STALLED, UNRESERVED, Condition, Status


class Health(Enum):
    """How a state is to be taken."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class State(NamedTuple):
    """The state of an object in a word and a sentence; the sentence is "" where there is nothing to say."""

    health: Health
    word: str
    message: str = ""


UNKNOWN = State(Health.WARN, "Unknown", "Rollcall has not looked at it yet. Is it running?")
OUTDATED = State(
    Health.WARN, "Outdated", "Rollcall has not taken in the last change of spec yet. Is it running?"
)


def is_outdated(status: Status, generation: int) -> bool:
    """Whether a status speaks of a spec that is no longer that of its object."""
    return status.observed_generation < generation


def state_of(status: Status, generation: int) -> State:
    """Return the state of an object with this `metadata.generation`."""
    if status.condition(READY) is None:
        return UNKNOWN
    if is_outdated(status, generation):
        return OUTDATED
    return state_of_conditions(status.conditions)


def state_of_conditions(conditions: Iterable[Condition]) -> State:
    """Return what matters most: that it is Stalled, or not Ready, what else is False, what Ready says."""
    found = {condition.type: condition for condition in conditions}
    ready = found[READY]
    if (stalled := found.get(STALLED)) and stalled.is_true:
        return _told(Health.BAD, stalled)
    if (reconciling := found.get(RECONCILING)) and reconciling.is_true:
        return _told(Health.WARN, reconciling)
    if not ready.is_true:
        return _told(Health.BAD, ready)
    for kind in (RELEASED, ENDPOINTS_AVAILABLE):
        if (condition := found.get(kind)) and not condition.is_true:
            return _told(Health.WARN, condition)
    if ready.reason in UNRESERVED:
        return State(Health.GOOD, ready.reason)
    return _told(Health.WARN, ready)


def _told(health: Health, condition: Condition) -> State:
    return State(health, condition.reason, condition.message)
