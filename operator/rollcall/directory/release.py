"""Which versions a release lets through: those asked for, or those until now where that cannot be followed.

A decision is a function of the ask, of what is in force and of how many instances of each version are
available; deciding again changes nothing. So the same comes of it after a restart, when what was in force is
read from the status.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from rollcall.model import BlueGreen, Canary, Instance, Problem, Reason, Release, Released, Strategy
from rollcall.model.release import label_of
from rollcall.model.wording import abridged, counted

_MAX_NAMED = 10


class Decision(NamedTuple):
    """The release in force from now on, and why that isn't, or not wholly, what is asked for.

    `is_refused`: it is what was in force before, for the ask cannot be followed.
    """

    released: Released
    problem: Problem | None = None
    is_refused: bool = False


def decide(ask: Release, before: Released | None, available: Mapping[str, int]) -> Decision:
    """Decide which release is in force.

    `before` is the one until now; None for a service of which nothing is known to have been answered: then
    there is nothing that could go on, and every ask is followed. `available` counts instances by version.
    """
    if ask.blue_green is not None:
        decision = _blue_green(ask.blue_green, before, available)
    elif ask.canary is not None:
        decision = _canary(ask.canary, before, available)
    else:
        return Decision(remember(before, Released()))
    if decision.problem is None:
        return decision
    told = f"{decision.problem.message} {_ready(available, ask)}"
    return decision._replace(problem=Problem(decision.problem.reason, told))


def follows(released: Released, ask: Release) -> bool:
    """Whether a release in force is the one that is asked for; with steps, at whichever of them.

    Of what a roll-out decides (`ask.follow`) nothing is asked.
    """
    if ask.follow is not None:
        return _follows_target(released, ask)
    wanted = Released()
    if ask.blue_green is not None:
        wanted = _of_blue_green(ask.blue_green)
    elif ask.canary is not None:
        wanted = _of_canary(ask.canary)
        if ask.canary.steps:
            wanted = msgspec.structs.replace(wanted, weight=released.weight)
    return msgspec.structs.replace(released, previous="", version_label="") == wanted


def _follows_target(released: Released, ask: Release) -> bool:
    if ask.blue_green is not None:
        return released.strategy is Strategy.BLUE_GREEN
    if ask.canary is None:
        return True
    has_weight = not released.canary or bool(ask.canary.steps) or released.weight == ask.canary.weight
    return released.strategy is Strategy.CANARY and has_weight


def shares(released: Released, available: Mapping[str, int]) -> dict[str, int] | None:
    """Return the versions that are answered, each with its part in percent; None: all are.

    The whole goes to one side of a canary release where the other one has no instance, so that no answer is
    empty. But a canary of weight 0 is never answered: it may be one that was found to be broken.
    """
    if released.strategy is Strategy.NONE:
        return None
    stable, canary, weight = released.active, released.canary, released.weight
    if released.strategy is Strategy.BLUE_GREEN or not weight:
        return {stable: 100}
    if not available.get(canary):
        return {stable: 100}
    if weight == 100 or not available.get(stable):
        return {canary: 100}
    return {stable: 100 - weight, canary: weight}


def hold_back(instance: Instance, answered: Mapping[str, int], version_labels: Sequence[str]) -> Instance:
    """Return an available instance as it is while only other versions are answered."""
    version = f"The version {instance.version}"
    if not instance.version:
        version = f"A pod without {label_of(version_labels)}, which versions are read from,"
        if instance.slice:
            version = "An endpoint, which has no version,"
    return msgspec.structs.replace(
        instance,
        eligible=False,
        reason=Reason.OTHER_VERSION,
        message=f"{version} is not answered: spec.release has the answers go to {' and '.join(answered)}.",
    )


def _blue_green(ask: BlueGreen, before: Released | None, available: Mapping[str, int]) -> Decision:
    wanted = remember(before, _of_blue_green(ask))
    ready = available.get(ask.active, 0)
    is_in_force = before is None or before == wanted
    if ready >= ask.min_ready or (is_in_force and ready):
        return Decision(wanted)
    if is_in_force:
        told = f"No instance of version {ask.active} is ready, so that nothing is answered"
        return Decision(wanted, Problem("VersionNotReady", f"{told}."))
    assert before is not None
    return Decision(
        before,
        Problem(
            "TooFewReady" if ready else "VersionNotReady",
            f"The switch to {ask.active} is refused:"
            f" {counted(ready, 'of its instances is', 'of its instances are')} ready, fewer than"
            f" {ask.min_ready} (minReady). {goes_on(before)}.",
        ),
        is_refused=True,
    )


def _canary(ask: Canary, before: Released | None, available: Mapping[str, int]) -> Decision:
    wanted = remember(before, _of_canary(ask))
    stable, canary = available.get(ask.stable, 0), available.get(ask.canary, 0)
    is_new = before is not None and (before.strategy, before.active, before.canary) != (
        Strategy.CANARY,
        ask.stable,
        ask.canary,
    )
    needed = ask.canary if ask.weight == 100 else ask.stable
    if is_new and not available.get(needed):
        assert before is not None
        return Decision(
            before,
            Problem(
                "VersionNotReady",
                f"The canary release is refused, for no instance of version {needed} is ready."
                f" {goes_on(before)}. Correct spec.release, or wait for it.",
            ),
            is_refused=True,
        )
    if ask.weight and not canary:
        told = f"No instance of the canary's version {ask.canary} is ready: {ask.stable} has all answers."
        return Decision(wanted, Problem("CanaryNotReady", f"{told}"))
    if not ask.canary and not stable:
        told = f"No instance of version {ask.stable} is ready, so that nothing is answered."
        return Decision(wanted, Problem("VersionNotReady", f"{told}"))
    if ask.weight < 100 and not stable:
        outcome = f"{ask.canary} has all answers"
        if not ask.weight:
            outcome = "nothing is answered, for the canary's weight is 0"
        told = f"No instance of the stable version {ask.stable} is ready: {outcome}."
        return Decision(wanted, Problem("StableNotReady", f"{told}"))
    return Decision(wanted)


def _of_blue_green(ask: BlueGreen) -> Released:
    return Released(Strategy.BLUE_GREEN, ask.active)


def _of_canary(ask: Canary) -> Released:
    return Released(Strategy.CANARY, ask.stable, canary=ask.canary, weight=ask.weight)


def remember(before: Released | None, released: Released) -> Released:
    """Let a release remember which version was active before its own."""
    if before is None:
        return released
    previous = before.previous
    if before.active and before.active != released.active:
        previous = before.active
    if previous == released.active:
        previous = ""
    return msgspec.structs.replace(released, previous=previous)


def goes_on(before: Released) -> str:
    """Say what stays as it was, without the full stop."""
    if before.strategy is Strategy.NONE:
        return "All versions go on being answered"
    both = f" and {before.canary}" if before.weight else ""
    return f"{before.active}{both} goes on being answered"


def _ready(available: Mapping[str, int], ask: Release) -> str:
    """Tell which versions there are and where they were read, for an ask is often a slip of the pen."""
    named = [f"{version} ({count})" for version, count in sorted(available.items())]
    if named:
        return f"Ready are: {abridged(named[:_MAX_NAMED], len(named))}, by {ask.version_source}."
    other = "" if ask.version_label else ", unless spec.release.versionLabel names another"
    return f"No ready instance has a version, which is read from {ask.version_source}{other}."
