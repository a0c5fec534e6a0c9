"""Which changes of a status are worth an Event. Pure.

Only transitions are: that a condition went from one state to another, that another release is in force. A pod
more or less is none.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from .conditions import ENDPOINTS_AVAILABLE, FALSE, READY, RECONCILING, RELEASED, TRUE


class Transition(msgspec.Struct, frozen=True):
    """What an Event says."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Transition]:
    """Return what there is to say of a status that became another; `before` is {} for the first one."""
    old, new = _by_type(before), _by_type(after)
    result = []
    if transition := _of_ready(old, new):
        result.append(transition)
    if transition := _of_endpoints(old, new):
        result.append(transition)
    if transition := _of_switch(before.get("release") or {}, after.get("release") or {}):
        result.append(transition)
    if transition := _of_release(old.get(RELEASED), new.get(RELEASED)):
        result.append(transition)
    return result


def _of_switch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Transition | None:
    was, now = old.get("summary"), new.get("summary")
    if was == now:
        return None
    return Transition(
        "Normal",
        "Switched",
        f"The answers go to {now or 'all versions'}; before, they went to {was or 'all versions'}.",
    )


def _of_release(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Transition | None:
    """Return nothing of a release that is as asked at once: that is told as a switch."""
    if new is None or _state(old) == _state(new):
        return None
    if new["status"] == TRUE:
        return Transition("Normal", new["reason"], new["message"]) if old else None
    return Transition("Warning", new["reason"], new["message"])


def _of_ready(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Transition | None:
    """Another reason counts, too: from one problem to the next, or to one that concerns a part only."""
    now = new.get(READY)
    if now is None or RECONCILING in new or _state(now) == _state(old.get(READY)):
        return None
    fine = now["status"] == TRUE and now["reason"] in ("Published", "Written", "NoZone")
    return Transition("Normal" if fine else "Warning", now["reason"], now["message"])


def _of_endpoints(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Transition | None:
    """Return nothing of a first status: a new service has no instances yet, "Published" tells the rest."""
    was, now = old.get(ENDPOINTS_AVAILABLE), new.get(ENDPOINTS_AVAILABLE)
    if was is None or now is None or was["status"] == now["status"]:
        return None
    lost = now["status"] == FALSE and now["reason"] != "NoPods"  # none because none are wanted is no alarm
    return Transition("Warning" if lost else "Normal", now["reason"], now["message"])


def _by_type(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in status.get("conditions") or ()}


def _state(condition: Mapping[str, Any] | None) -> tuple[str, str] | None:
    return (condition["status"], condition["reason"]) if condition else None
