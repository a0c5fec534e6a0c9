"""A canary that goes on by itself: which step it is at, what holds it, and when it goes back.

What there is to remember is in the status of the ServiceInstance and nowhere else: the leader writes a step
there, on the condition that nobody has written since it read, and every replica answers what it then reads.
So no step is taken twice, and none is left out, whoever leads. Each step lasts its whole pause, also where
nobody led for longer than that.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from rollcall.model import (
    Canary,
    Instance,
    Progress,
    Reason,
    Release,
    StepState,
    duration_seconds,
    rfc3339_after,
    unix_seconds,
)
from rollcall.model.wording import share

_FINAL = (StepState.ROLLED_BACK, StepState.COMPLETED)


class PodCounts(NamedTuple):
    """The pods of a version: how many there are, how many available, how often their containers restarted."""

    total: int
    available: int
    restarts: int


def count_pods(instances: Iterable[Instance], version: str) -> PodCounts:
    """Count the pods of a version, but for those that are to end."""
    pods = [each for each in instances if each.version == version and not _is_leaving(each)]
    return PodCounts(len(pods), sum(each.available for each in pods), sum(each.restarts for each in pods))


def _is_leaving(instance: Instance) -> bool:
    return instance.terminating or instance.reason is Reason.DRAINING


def in_step(ask: Release, progress: Progress | None) -> Release:
    """Return the ask with the weight of the step that it is at; the same one where it has no steps."""
    canary = ask.canary
    if canary is None or not canary.steps:
        return ask
    return msgspec.structs.replace(
        ask, canary=msgspec.structs.replace(canary, weight=_weight(canary, progress), steps=())
    )


def is_of(progress: Progress | None, ask: Canary) -> bool:
    """Whether this is how far the release has got that is asked for, and not one before it."""
    return progress is not None and (progress.stable, progress.canary) == (ask.stable, ask.canary)


def step_of(progress: Progress, ask: Canary) -> int:
    """Return the number of the step, from 1; the last one where the list has become shorter."""
    return max(1, min(progress.step, len(ask.steps)))


def _weight(ask: Canary, progress: Progress | None) -> int:
    if progress is None or not is_of(progress, ask):
        return ask.steps[0].weight
    if progress.state is StepState.ROLLED_BACK:
        return 0
    return ask.steps[step_of(progress, ask) - 1].weight


def advance(ask: Canary, before: Progress | None, now: PodCounts, at: float) -> Progress:
    """Return how far a canary has got at a time (Unix seconds), after what was known of it until then.

    At most one step is taken; looking again at the same time changes nothing. A canary that has no pods is
    waited for: nobody is sent to it.
    """
    if before is None or not is_of(before, ask):
        before = Progress(ask.stable, ask.canary, rfc3339_after(at), restarts=now.restarts)
    if before.state in _FINAL:
        return before
    after = _with_restarts(_with_readiness(before, ask, now, at), ask, now, at)
    patience = duration_seconds(ask.rollback_after)
    if after.not_ready_since and at >= unix_seconds(after.not_ready_since) + patience:
        return _back(after, f"{_ready(ask, now)} since {after.not_ready_since}")
    has_restarted = bool(after.restarted_at) and now.restarts > before.restarts
    if has_restarted and unix_seconds(after.restarted_at) >= unix_seconds(after.restarting_since) + patience:
        return _back(after, f"pods of {ask.canary} have been restarting since {after.restarting_since}")
    if after.not_ready_since or after.restarting_since or not now.total:
        return msgspec.structs.replace(after, state=StepState.HOLDING, message=_held(after, ask, now))
    if before.state is StepState.HOLDING:
        return msgspec.structs.replace(
            after, state=StepState.PROGRESSING, since=rfc3339_after(at), message=""
        )
    return _onward(after, ask, at)


def next_advance(ask: Canary, progress: Progress) -> float | None:
    """Return when `advance` comes to something else though nothing happens, in Unix seconds; None: never."""
    if progress.state in _FINAL:
        return None
    if progress.state is StepState.PROGRESSING:
        return unix_seconds(progress.since) + _pause(ask, progress)
    patience = duration_seconds(ask.rollback_after)
    times = [unix_seconds(time) for time in (progress.not_ready_since, progress.restarted_at) if time]
    return min(times) + patience if times else None


def _pause(ask: Canary, progress: Progress) -> int:
    return duration_seconds(ask.steps[step_of(progress, ask) - 1].pause)


def _with_readiness(progress: Progress, ask: Canary, now: PodCounts, at: float) -> Progress:
    too_few = now.available * 100 < ask.min_ready_percent * now.total
    since = (progress.not_ready_since or rfc3339_after(at)) if too_few else ""
    return msgspec.structs.replace(progress, not_ready_since=since)


def _with_restarts(progress: Progress, ask: Canary, now: PodCounts, at: float) -> Progress:
    """Account for restarts: one that follows another within the patience belongs to the same spell."""
    since, last = progress.restarting_since, progress.restarted_at
    if last and at >= unix_seconds(last) + duration_seconds(ask.rollback_after):
        since = last = ""
    if now.restarts > progress.restarts:
        last = rfc3339_after(at)
        since = since or last
    return msgspec.structs.replace(progress, restarting_since=since, restarted_at=last, restarts=now.restarts)


def _onward(progress: Progress, ask: Canary, at: float) -> Progress:
    if at < unix_seconds(progress.since) + _pause(ask, progress):
        return progress
    step = step_of(progress, ask)
    if step == len(ask.steps):
        return msgspec.structs.replace(progress, step=step, state=StepState.COMPLETED)
    return msgspec.structs.replace(progress, step=step + 1, since=rfc3339_after(at))


def _back(progress: Progress, why: str) -> Progress:
    return msgspec.structs.replace(progress, state=StepState.ROLLED_BACK, message=f"{why}.")


def _held(progress: Progress, ask: Canary, now: PodCounts) -> str:
    patience = ask.rollback_after
    told = [] if now.total else [f"There is no pod of {ask.canary}."]
    if progress.not_ready_since:
        told.append(f"{_ready(ask, now)} since {progress.not_ready_since}; after {patience} it goes back.")
    if progress.restarting_since:
        told.append(
            f"pods of {ask.canary} have restarted, the last time at {progress.restarted_at}; it goes on after"
            f" {patience} without another restart, and goes back if they go on for that long."
        )
    return " ".join(told)


def _ready(ask: Canary, now: PodCounts) -> str:
    some = share(now.available, now.total, f"instance of {ask.canary} is", f"instances of {ask.canary} are")
    return f"{some} ready, fewer than {ask.min_ready_percent}% (minReadyPercent),"
