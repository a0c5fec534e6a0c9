"""The release that a Deployment makes: its new ReplicaSet and the old one, or Flagger's two Deployments."""

from collections.abc import Iterable

import msgspec

from rollcall.model import Canary, Deployment, FlaggerCanary, Follow, Problem, Release, ReplicaSet

from .follow import VERSION_LABELS, Followed, FollowReason, alone

_LABEL = VERSION_LABELS[Follow.DEPLOYMENT]


def of_deployment(
    ask: Release, deployment: Deployment, replica_sets: Iterable[ReplicaSet]
) -> Followed | Problem:
    """Return what a Deployment asks for; `replica_sets` are those that it controls.

    The new one has the Deployment's revision. The Deployment controller writes a revision to the ReplicaSet
    first: while one is ahead of the Deployment, which of them is the new one is about to change. The old
    ones are those before it that are to keep pods: when there is none, the roll-out is over, and that is
    known before the last old pod is deleted.
    """
    target = f"Deployment {deployment.key.name}"
    bare = msgspec.structs.replace(ask, follow=None)
    if ask.blue_green is None and ask.canary is None:
        return Followed(target, _LABEL, bare)
    sets = sorted(replica_sets, key=_revision, reverse=True)
    new = sets[0] if sets and sets[0].version else None
    if new is None or new.revision != deployment.revision:
        return Problem(
            FollowReason.NOT_READY,
            f"The {target} has no ReplicaSet of its current revision yet: see `kubectl rollout status"
            f" deployment {deployment.key.name}`.",
        )
    if ask.blue_green is not None:
        blue_green = msgspec.structs.replace(ask.blue_green, active=new.version)
        return Followed(target, _LABEL, msgspec.structs.replace(bare, blue_green=blue_green))
    assert ask.canary is not None
    older = tuple(each.version for each in sets[1:] if each.replicas and each.version)
    canary = alone(ask.canary, new.version)
    if older:
        canary = msgspec.structs.replace(ask.canary, stable=older[0], canary=new.version)
    return Followed(target, _LABEL, msgspec.structs.replace(bare, canary=canary), older)


def of_flagger(
    ask: Release, canary: FlaggerCanary, deployment: Deployment, primary: Deployment | None, *, covered: bool
) -> Followed | Problem:
    """Return what Flagger asks for.

    Flagger copies its target, a Deployment, to a `primary` that has the traffic, and gives one label of the
    copy's pods another value: it is the selector of the primary, and tells the two apart. `covered` is
    whether the service selects the primary, too.
    """
    target = f"Canary {canary.key.name} of Flagger"
    if ask.blue_green is not None or ask.canary is not None:
        return Problem(
            FollowReason.CONFLICT,
            f"The {target} steers the Deployment {deployment.key.name}: remove blueGreen and canary from"
            " spec.release, versions and weight come from there.",
        )
    label = next(iter(sorted(primary.selector)), "") if primary else ""
    if primary is None or label not in deployment.labels:
        return Problem(
            FollowReason.NOT_READY,
            f"The {target} has not made its primary Deployment yet: see `kubectl describe canary"
            f" {canary.key.name}`.",
        )
    if not covered:
        return Problem(
            FollowReason.SELECTOR,
            f"The service selects the pods of the Deployment {deployment.key.name}, and not those of"
            f" {primary.key.name}, which the {target} sends the traffic to: set spec.selector to labels that"
            f" the pods of both have, so not to {label}.",
        )
    sides = Canary(primary.selector[label], deployment.labels[label], min(max(canary.weight, 0), 100))
    return Followed(target, label, Release(canary=sides))


def _revision(replica_set: ReplicaSet) -> tuple[int, str]:
    return replica_set.revision, replica_set.key.name
