"""What a release follows: the ask that a roll-out makes in its place, and when that is not to be had.

A roll-out says which versions there are and what each is for; which instances are ready, the directory knows
better. So what is followed is put together in two steps: `Followed` is what the objects of the roll-out say,
`settle` makes the release of it that is to be decided on now.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from rollcall.model import Canary, Follow, Problem, Release, Released, Strategy

from .release import Decision, decide, goes_on, remember, shares

VERSION_LABELS = {Follow.DEPLOYMENT: "pod-template-hash", Follow.ROLLOUT: "rollouts-pod-template-hash"}
"""The label that tells the pods of one template from those of another, by the kind of what makes them."""


class FollowReason(StrEnum):
    """Why a roll-out cannot be followed, as the condition Released has it."""

    PENDING = "FollowPending"
    FORBIDDEN = "FollowForbidden"
    NOT_FOUND = "FollowTargetNotFound"
    AMBIGUOUS = "FollowAmbiguous"
    NOT_READY = "FollowTargetNotReady"
    CONFLICT = "FollowConflict"
    SELECTOR = "FollowSelector"


class Scaling(NamedTuple):
    """A weight that moves from `low` to `high` percent as the canary's pods take the place of the others."""

    low: int
    high: int


class Followed(msgspec.Struct, frozen=True):
    """What a roll-out asks for.

    `target` names it for people. `version_label` is the label that tells its versions apart; `release` has
    the versions filled in. Of a canary release two things may still be open: which of the `older` versions,
    the latest first, is the stable one, and where in `scaling` its weight is.
    """

    target: str
    version_label: str
    release: Release
    older: tuple[str, ...] = ()
    scaling: Scaling | None = None


def settle(followed: Followed, before: Released | None, available: Mapping[str, int]) -> Release:
    """Return the release to decide on.

    `before` is the one in force, `available` counts instances by version. The stable version of a canary
    release stays so while it has pods, also where one roll-out follows the other before that is over; and a
    roll-out back to it is the end of the canary.
    """
    ask = followed.release
    if ask.canary is not None and followed.scaling is not None:
        weight = _weight(ask.canary, followed.scaling, available)
        return msgspec.structs.replace(ask, canary=msgspec.structs.replace(ask.canary, weight=weight))
    if ask.canary is not None and followed.older:
        return msgspec.structs.replace(ask, canary=_sides(ask.canary, followed.older, before))
    return ask


def alone(ask: Canary, version: str) -> Canary:
    """Return the canary release of a single version, which has everything: there is no canary now."""
    return msgspec.structs.replace(ask, stable=version, canary="", weight=0, steps=())


def decide_on(
    ask: Release, label: str, before: Released | None, available: Mapping[str, int], *, is_followed: bool
) -> Decision:
    """Decide on a release whose versions are read from a label ("" for the usual ones).

    What was in force by another label cannot go on: no pod has those versions any longer. All versions then
    go on in its place. A roll-out is not a slip of the pen: it `is_followed` at once where nothing is left of
    what is in force.
    """
    if before is not None:
        same = before.version_label == label or before.strategy is Strategy.NONE
        before = msgspec.structs.replace(before, version_label="") if same else Released()
    is_over = is_followed and _is_over(before, available) and _is_there(ask, available)
    if ask.version_label != label:  # that of the roll-out
        ask = msgspec.structs.replace(ask, version_label=label)
    decision = decide(ask, None if is_over else before, available)
    released = remember(before, decision.released)
    if released.strategy is not Strategy.NONE:
        released = msgspec.structs.replace(released, version_label=label)
    return decision._replace(released=released)


def keep(before: Released | None, problem: Problem) -> Decision:
    """Let what is in force go on, for nothing is known of what is to be followed; all versions at first."""
    released = before or Released()
    told = f"{problem.message} {goes_on(released)}."
    return Decision(released, Problem(problem.reason, told), is_refused=True)


def _is_over(before: Released | None, available: Mapping[str, int]) -> bool:
    """Whether nothing of the release in force can still be answered."""
    answered = shares(before, available) if before is not None else None
    return answered is not None and not any(available.get(version) for version in answered)


def _is_there(ask: Release, available: Mapping[str, int]) -> bool:
    """Whether there would be something to answer."""
    if ask.blue_green is not None:
        return bool(available.get(ask.blue_green.active))
    if ask.canary is None:
        return bool(available)
    return bool(available.get(ask.canary.stable) or (ask.canary.weight and available.get(ask.canary.canary)))


def _sides(ask: Canary, older: tuple[str, ...], before: Released | None) -> Canary:
    stable = before.active if before is not None else ""
    if stable == ask.canary:
        return alone(ask, stable)
    return msgspec.structs.replace(ask, stable=stable if stable in older else older[0])


def _weight(canary: Canary, scaling: Scaling, available: Mapping[str, int]) -> int:
    """Return the canary's part of the ready instances, within the bounds of where the roll-out is.

    The whole where it has the only ones: without a router to tell otherwise they would be used.
    """
    new, old = available.get(canary.canary, 0), available.get(canary.stable, 0)
    if not old:
        return 100 if new else scaling.low
    return min(max(round(100 * new / (new + old)), scaling.low), scaling.high)
