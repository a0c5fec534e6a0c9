"""Conditions: the state of an object in parts, as Kubernetes tools understand them.

The shape is metav1.Condition. What the types mean together follows kstatus (sigs.k8s.io/cli-utils), which
`helm --wait`, Flux and Argo go by:

- Ready is True when what is published is what there is. A service without instances is not a broken resource:
  that has a condition of its own, EndpointsAvailable. Neither is a release that can't be followed, while what
  was answered before goes on being answered: that is Released.
- Reconciling and Stalled are there only while they are True. Reconciling: wait. Stalled: somebody must act.
"""

from collections.abc import Iterable

import msgspec

from rollcall.model import Condition, Problem, Status, rfc3339
from rollcall.model.status import FALSE, READY, RECONCILING, STALLED, TRUE

DETAIL_LIMIT = 1024
"""Characters of a message that is no condition's: an instance's, a place's, an Event's."""

_MESSAGE_LIMIT = 32768


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


def merged(
    conditions: Iterable[Condition], current: Status, generation: int, now: float
) -> tuple[Condition, ...]:
    """Return conditions as the API has them.

    `current` is the status that the API server holds: a condition whose status is the same as there keeps its
    lastTransitionTime. `now` is in Unix seconds.
    """
    result = []
    for condition in conditions:
        held = current.condition(condition.type)
        since = held.last_transition_time if held is not None and held.status == condition.status else ""
        result.append(
            msgspec.structs.replace(
                condition,
                message=condition.message[:_MESSAGE_LIMIT],
                observed_generation=generation,
                last_transition_time=since or rfc3339(now),
            )
        )
    return tuple(result)
