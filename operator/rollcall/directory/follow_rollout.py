"""The release that a Rollout of Argo Rollouts makes.

Its status says which template hash is active (blue/green), or stable and current (canary). With a traffic
router it also says the canary's weight. Without one Argo comes near to it by the number of pods: a step with
setWeight is passed when its pods are there. While such a step is under way the weight here moves with the
pods; when it is passed, the weight is the step's own, whatever the number of pods.
"""

from rollcall.model import BlueGreen, Canary, Follow, Problem, Release, Rollout, Strategy

from .follow import VERSION_LABELS, Followed, FollowReason, Scaling, alone

_LABEL = VERSION_LABELS[Follow.ROLLOUT]


def of_rollout(rollout: Rollout) -> Followed | Problem:
    """Return what a Rollout asks for."""
    target = f"Rollout {rollout.key.name}"
    if rollout.strategy is Strategy.NONE:
        return Problem(
            FollowReason.NOT_READY, f"The {target} has no strategy: write blueGreen or canary into its spec."
        )
    is_blue_green = rollout.strategy is Strategy.BLUE_GREEN
    if not (rollout.active if is_blue_green else rollout.current):
        return Problem(
            FollowReason.NOT_READY,
            f"The status of the {target} says of no version yet that it is to be used: see `kubectl argo"
            f" rollouts get rollout {rollout.key.name}`. Is the controller of Argo Rollouts running?",
        )
    if is_blue_green:
        return Followed(target, _LABEL, Release(blue_green=BlueGreen(rollout.active)))
    if rollout.stable in ("", rollout.current):
        return Followed(target, _LABEL, Release(canary=alone(Canary(), rollout.current)))
    if rollout.routed is not None:
        weight = _routed(rollout)
        return Followed(target, _LABEL, Release(canary=Canary(rollout.stable, rollout.current, weight)))
    canary = Canary(rollout.stable, rollout.current)
    return Followed(target, _LABEL, Release(canary=canary), scaling=_scaling(rollout))


def _routed(rollout: Rollout) -> int:
    """Return what the router gives to the canary, in percent; a part is never rounded to nothing or all."""
    routed = rollout.routed
    assert routed is not None
    if routed.version not in ("", rollout.current):
        return 0  # said of a canary before this one
    if 0 < routed.weight < routed.whole:
        return min(max(round(100 * routed.weight / routed.whole), 1), 99)
    return 100 if routed.weight > 0 else 0


def _scaling(rollout: Rollout) -> Scaling:
    """Return the bounds of the weight, as Argo's GetCurrentSetWeight has it and as the pods get there."""
    if rollout.aborted:
        return Scaling(0, 0)
    step = min(rollout.step, len(rollout.steps))
    reached = _last_weight(rollout.steps[:step])
    if rollout.promoted or step == len(rollout.steps):
        return Scaling(reached, 100)
    asked = rollout.steps[step]
    if asked is None:
        return Scaling(reached, reached)
    return Scaling(min(reached, asked), max(reached, asked))


def _last_weight(steps: tuple[int | None, ...]) -> int:
    return next((weight for weight in reversed(steps) if weight is not None), 0)
