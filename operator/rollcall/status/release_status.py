"""What the status of a ServiceInstance says of its release. Pure.

It is also the memory of the release in force: the first status that a process reads tells it where to go on.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from rollcall.directory import Entry
from rollcall.directory.follow import Followed
from rollcall.directory.steps import advance, count_pods, next_advance, step_of
from rollcall.model import (
    Canary,
    Condition,
    Instance,
    Problem,
    Progress,
    Released,
    ReleaseStatus,
    StepState,
    Strategy,
    VersionStatus,
    rfc3339,
    version_to_label,
)
from rollcall.model.release_status import MAX_VERSIONS
from rollcall.model.status import FALSE, RELEASED, TRUE
from rollcall.model.wording import share


def release_status(entry: Entry, current: ReleaseStatus, now: float) -> ReleaseStatus:
    """Return `status.release`; `current` is what the API server holds of it, `now` in Unix seconds.

    It is there, if empty, for every service: that no release was in force has to be remembered, too.
    """
    released = entry.released or Released()
    versions = _versions(entry.instances.values())
    if released.strategy is Strategy.NONE:
        return ReleaseStatus(previous=released.previous, versions=versions)
    has_canary = released.strategy is Strategy.CANARY and bool(released.canary)
    status = ReleaseStatus(
        strategy=released.strategy,
        active=released.active,
        previous=released.previous,
        canary=released.canary if has_canary else "",
        weight=released.weight if has_canary else None,
        version_label=released.version_label,
        summary=summary(released),
        steps=step_progress(entry, current.steps, now),
        versions=versions,
    )
    stays = msgspec.structs.replace(current.released, previous=released.previous) == status.released
    return msgspec.structs.replace(status, since=(current.since if stays else "") or rfc3339(now))


def step_progress(entry: Entry, before: Progress | None, now: float) -> Progress | None:
    """Return how far the steps of a canary have got, None where there are none.

    `before` is how far they had, as the API server holds it. A step is taken by writing what this returns,
    provided that nobody has written since.
    """
    ask = entry.ask.canary
    if ask is None or not ask.steps:
        return None
    if isinstance(entry.followed, Problem):
        return before  # it goes on where it was when there is something to follow again
    if entry.is_refused:
        return None
    return advance(ask, before, count_pods(entry.judged.values(), ask.canary), now)


def steps_due_at(entry: Entry, status: ReleaseStatus) -> float | None:
    """Return when a status has to be computed again though nothing changes, in Unix seconds."""
    ask = entry.ask.canary
    return next_advance(ask, status.steps) if ask and ask.steps and status.steps else None


def released_condition(entry: Entry, status: ReleaseStatus) -> list[Condition]:
    """Return the condition of a release, none where no release is asked for."""
    ask = entry.ask
    if entry.followed is None and ask.blue_green is None and ask.canary is None:
        return []
    if problem := entry.release_problem:
        return [Condition(RELEASED, FALSE, problem.reason, problem.message)]
    if ask.canary and ask.canary.steps and status.steps:
        return [_of_steps(ask.canary, status.steps, is_followed=entry.followed is not None)]
    told = summary(entry.released or Released()) or "all versions"
    asked = f"the {entry.followed.target} has it" if isinstance(entry.followed, Followed) else "asked"
    return [Condition(RELEASED, TRUE, "Released", f"Answered as {asked}: {told}.")]


def _of_steps(ask: Canary, progress: Progress, *, is_followed: bool) -> Condition:
    number = step_of(progress, ask)
    step = f"Step {number} of {len(ask.steps)} ({ask.steps[number - 1].weight}% for {ask.canary})"
    match progress.state:
        case StepState.PROGRESSING:
            pause = ask.steps[number - 1].pause
            told = f"{step} since {progress.since}, for {pause}." if pause else f"{step}."
            return Condition(RELEASED, TRUE, "Progressing", told)
        case StepState.HOLDING:
            return Condition(RELEASED, FALSE, "CanaryHeld", f"{step} is held: {progress.message}")
        case StepState.ROLLED_BACK:
            told = (
                f"{step} has failed, and {ask.stable} has all answers: {progress.message} To try again,"
                f" {'roll out' if is_followed else 'give spec.release.canary'} another version, or remove its"
                " steps and write them again."
            )
            return Condition(RELEASED, FALSE, "CanaryRolledBack", told)
    onward = "Make it the stable version: rollcall release promote."
    if is_followed:
        onward = f"It is the stable version once the roll-out leaves no pods of {ask.stable}."
    steps = len(ask.steps)
    taken = share(steps, steps, "step is", "steps are")
    told = f"{taken} taken, {ask.canary} has all answers. {onward}"
    return Condition(RELEASED, TRUE, "StepsCompleted", told)


def summary(released: Released) -> str:
    """Say in few words which versions are answered: `blue`, `v1 90%, v2 10%`."""
    if released.strategy is Strategy.CANARY and released.canary:
        return f"{released.active} {100 - released.weight}%, {released.canary} {released.weight}%"
    return released.active


def _versions(instances: Iterable[Instance]) -> tuple[VersionStatus, ...]:
    """Count the instances of each version, and their share of the answers."""
    total: Counter[str] = Counter()
    available: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    for instance in instances:
        total[instance.version] += 1
        available[instance.version] += instance.available
        answered[instance.version] += instance.eligible
        weights[instance.version] += instance.weight * instance.eligible
    shares = weights if weights.total() else answered  # weights of 0 throughout say nothing
    return tuple(
        VersionStatus(
            version,
            version_to_label(version),
            total[version],
            available[version],
            answered[version],
            _percent(shares[version], shares.total()),
        )
        for version in sorted(total)[:MAX_VERSIONS]
        if version
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.4g}%" if whole else "0%"
