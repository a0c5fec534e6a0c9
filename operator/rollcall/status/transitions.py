"""Which changes of a status are worth an Event. Pure.

Only transitions are: that a condition went from one state to another, that another release is in force. A pod
more or less is not one.
"""

from typing import Literal

import msgspec

from rollcall.model import Condition, InstanceStatus, OwnedStatus, ReleaseStatus, Status
from rollcall.model.status import ENDPOINTS_AVAILABLE, READY, RECONCILING, RELEASED, UNRESERVED


class Transition(msgspec.Struct, frozen=True):
    """What an Event says."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def transitions(before: Status, after: Status) -> list[Transition]:
    """Return what there is to say of a status that became another; `before` is empty for the first one."""
    found = [_of_ready(before, after), _of_endpoints(before, after)]
    if isinstance(before, InstanceStatus) and isinstance(after, InstanceStatus):
        found.append(_of_switch(before.release, after.release))
    if isinstance(before, OwnedStatus) and isinstance(after, OwnedStatus):
        found.append(_of_owner(before.owner, after.owner))
    found.append(_of_release(before.condition(RELEASED), after.condition(RELEASED)))
    return [transition for transition in found if transition is not None]


def _of_owner(old: str, new: str) -> Transition | None:
    """Return nothing of a zone that nobody had: "Published" tells the rest."""
    if not old or not new or old == new:
        return None
    return Transition("Normal", "TakenOver", f"The installation {new} has taken it over from {old}.")


def _of_switch(old: ReleaseStatus, new: ReleaseStatus) -> Transition | None:
    if old.summary == new.summary:
        return None
    return Transition(
        "Normal",
        "Switched",
        f"The answers go to {new.summary or 'all versions'};"
        f" before, they went to {old.summary or 'all versions'}.",
    )


def _of_release(old: Condition | None, new: Condition | None) -> Transition | None:
    """Return nothing of a release that is as asked at once: that is told as a switch."""
    if new is None or _state(old) == _state(new):
        return None
    if new.is_true:
        return Transition("Normal", new.reason, new.message) if old else None
    return Transition("Warning", new.reason, new.message)


def _of_ready(before: Status, after: Status) -> Transition | None:
    """Another reason counts, too: from one problem to the next, or to one that concerns a part only."""
    now = after.condition(READY)
    if now is None or after.condition(RECONCILING) or _state(now) == _state(before.condition(READY)):
        return None
    fine = now.is_true and now.reason in UNRESERVED
    return Transition("Normal" if fine else "Warning", now.reason, now.message)


def _of_endpoints(before: Status, after: Status) -> Transition | None:
    """Return nothing of a first status: a new service has no instances yet, "Published" tells the rest."""
    was, now = before.condition(ENDPOINTS_AVAILABLE), after.condition(ENDPOINTS_AVAILABLE)
    if was is None or now is None or was.status == now.status:
        return None
    lost = not now.is_true and now.reason not in (
        "NoPods",
        "NoEndpoints",
    )  # none because none are wanted is not an alarm
    return Transition("Warning" if lost else "Normal", now.reason, now.message)


def _state(condition: Condition | None) -> tuple[str, str] | None:
    return (condition.status, condition.reason) if condition else None
