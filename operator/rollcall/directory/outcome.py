"""What the instances of a service are under the release in force."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from rollcall.model import Canary, Instance, Key, Released, UnweightedTargets
from rollcall.model.weights import divide

from .release import hold_back
from .weights import unlisted

Judged = TypeVar("Judged", Instance, Instance | None)


def outcome(
    judged: dict[Key, Instance],
    released: Released,
    answered: Mapping[str, int] | None,
    ask: Canary | None,
    version_labels: Sequence[str],
) -> dict[Key, Instance]:
    """Return the instances under a release: the same mapping where it changes none of them.

    `judged` is what they are by themselves, `answered` are the `shares` of the release in force. `ask` is
    that of a canary, whose `unweighted_targets` count also while another release is in force. The versions
    were read from one of `version_labels`.
    """
    if answered is None:
        return judged
    after = {pod: under(instance, answered, version_labels) for pod, instance in judged.items()}
    if len(answered) == 2:
        _weigh(after, released, ask.unweighted_targets if ask else UnweightedTargets.ALL)
    return after


def under(instance: Judged, answered: Mapping[str, int], version_labels: Sequence[str]) -> Judged:
    """Return what an instance is while these versions are answered, but for the weights of a canary."""
    if instance is None or not instance.available or instance.version in answered:
        return instance
    return hold_back(instance, answered, version_labels)


def _weigh(instances: dict[Key, Instance], released: Released, targets: UnweightedTargets) -> None:
    """Divide the answers between the two sides of a canary release."""
    sides: dict[str, dict[Key, int]] = {released.active: {}, released.canary: {}}
    for pod, instance in instances.items():
        if instance.eligible:
            sides[instance.version][pod] = instance.weight
    stable, canary = sides[released.active], sides[released.canary]
    left_out = unlisted(stable, canary, released.weight, targets)
    for pod, weight in divide(stable, canary, released.weight).items():
        instance = instances[pod]
        now = weight, pod not in left_out, pod in canary
        if (instance.weight, instance.listed, instance.canary) != now:
            instances[pod] = msgspec.structs.replace(instance, weight=now[0], listed=now[1], canary=now[2])
