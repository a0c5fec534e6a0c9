"""What the instances of a service are under the release in force."""

from collections.abc import Mapping

import msgspec

from rollcall.model import Canary, Instance, Key, Released, UnweightedTargets

from .release import hold_back, shares
from .weights import divide, unlisted


def outcome(
    judged: dict[Key, Instance], released: Released, available: Mapping[str, int], ask: Canary | None
) -> dict[Key, Instance]:
    """Return the instances under a release: the same mapping where it changes none of them.

    `judged` is what they are by themselves. `ask` is that of a canary, whose `unweighted_targets` count also
    while another release is in force.
    """
    answered = shares(released, available)
    if answered is None:
        return judged
    after = {
        pod: hold_back(instance, answered)
        if instance.available and instance.version not in answered
        else instance
        for pod, instance in judged.items()
    }
    if len(answered) == 2:
        _weigh(after, released, ask.unweighted_targets if ask else UnweightedTargets.ALL)
    return after


def _weigh(instances: dict[Key, Instance], released: Released, targets: UnweightedTargets) -> None:
    """Give each side of a canary release its part of the answers."""
    sides: dict[str, dict[Key, int]] = {released.active: {}, released.canary: {}}
    for pod, instance in instances.items():
        if instance.eligible:
            sides[instance.version][pod] = instance.weight
    stable, canary = sides[released.active], sides[released.canary]
    left_out = unlisted(stable, canary, released.weight, targets)
    for pod, weight in divide(stable, canary, released.weight).items():
        instance = instances[pod]
        if (instance.weight, instance.listed) != (weight, pod not in left_out):
            instances[pod] = msgspec.structs.replace(instance, weight=weight, listed=pod not in left_out)
