"""Conditions: the state of an object in parts, as Kubernetes tools understand them.

The shape is metav1.Condition. What the types mean together follows kstatus (sigs.k8s.io/cli-utils), which
`helm --wait`, Flux and Argo go by:

- Ready is True when what is published is what there is. A service without instances is no broken resource:
  that has a condition of its own, EndpointsAvailable. Neither is a release that can't be followed, while what
  was answered before goes on being answered: that is Released.
- Reconciling and Stalled are there only while they are True. Reconciling: wait. Stalled: somebody must act.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from rollcall.model import Problem

READY = "Ready"
ENDPOINTS_AVAILABLE = "EndpointsAvailable"
RELEASED = "Released"
RECONCILING = "Reconciling"
STALLED = "Stalled"

TRUE, FALSE = "True", "False"

_MESSAGE_LIMIT = 32768


class Condition(msgspec.Struct, frozen=True):
    """One part of the state. `reason` is a word for programs, `message` a sentence for people."""

    type: str
    status: str
    reason: str
    message: str


def ready(reason: str, message: str) -> list[Condition]:
    """Return the conditions of what is published as it is."""
    return [Condition(READY, TRUE, reason, message)]


def reconciling(reason: str, message: str) -> list[Condition]:
    """Return the conditions of what is on its way and needs nobody's help."""
    return [Condition(READY, FALSE, reason, message), Condition(RECONCILING, TRUE, reason, message)]


def stalled(problem: Problem) -> list[Condition]:
    """Return the conditions of what can't be published as asked until somebody acts."""
    reason, message = problem.reason, problem.message
    return [Condition(READY, FALSE, reason, message), Condition(STALLED, TRUE, reason, message)]


def headline(conditions: Sequence[Condition]) -> str:
    """Return the reason that matters most: of Stalled, of what is not True, of Ready."""
    order = {
        (STALLED, TRUE): 0,
        (READY, FALSE): 1,
        (RELEASED, FALSE): 2,
        (ENDPOINTS_AVAILABLE, FALSE): 3,
        (READY, TRUE): 4,
    }
    telling = [condition for condition in conditions if (condition.type, condition.status) in order]
    return min(telling, key=lambda condition: order[condition.type, condition.status]).reason


def merged(
    conditions: Iterable[Condition], current: Mapping[str, Any], generation: int, now: float
) -> list[dict[str, Any]]:
    """Return conditions as the API has them.

    `current` is the status that the API server holds: a condition whose status is the same as there keeps its
    lastTransitionTime. `now` is in Unix seconds.
    """
    held = {condition["type"]: condition for condition in current.get("conditions") or ()}
    result = []
    for condition in conditions:
        before = held.get(condition.type, {})
        stays = before.get("status") == condition.status and before.get("lastTransitionTime")
        result.append(
            {
                "type": condition.type,
                "status": condition.status,
                "observedGeneration": generation,
                "lastTransitionTime": before["lastTransitionTime"] if stays else rfc3339(now),
                "reason": condition.reason,
                "message": condition.message[:_MESSAGE_LIMIT],
            }
        )
    return result


def rfc3339(unix_seconds: float) -> str:
    """Write a time as the API does: in UTC, to the second."""
    return datetime.fromtimestamp(int(unix_seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
