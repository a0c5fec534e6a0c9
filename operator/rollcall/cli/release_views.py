"""A release as tables, as a line, and as JSON."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from rollcall.directory.steps import is_of, step_of
from rollcall.model import Release, StepState
from rollcall.model.state import OUTDATED, Health, State
from rollcall.model.status import RELEASED

from .objects import ServiceObject
from .output import age, line, table, whole
from .release_change import in_force_text
from .release_targets import TargetView

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .release_session import ReleaseView


def release_parts(view: "ReleaseView", now: datetime) -> list["RenderableType"]:
    """Show the release of a service: what is asked for, each version, each target."""
    service = view.service
    in_force = service.status.release
    since = age(in_force.since, now)
    parts = [line(f"{service.key}: {_asked(service)}")]
    parts.append(line(f"answered: {in_force_text(service)}" + (f", for {since}" if since else "")))
    if steps := _steps(service, now):
        parts.append(line(steps))
    if in_force.previous:
        parts.append(line(f"before: {in_force.previous}"))
    state = release_state(service)
    if state.health is not Health.GOOD:
        parts.append(line(f"{state.word}: {state.message}", state.health))
    if in_force.versions:
        rows = [
            (each.version, each.total, each.available, each.eligible, each.share)
            for each in in_force.versions
        ]
        parts += [line(""), table(("VERSION", "PODS", "READY", "ANSWERED", "SHARE"), rows)]
    if found := view.targets():
        parts += [line(""), _targets_table(found)]
    elif view.unread:
        parts += [line(""), line(f"Targets are not shown: {view.unread}", Health.WARN)]
    return parts


def release_state(service: ServiceObject) -> State:
    """Say whether what is asked for is what is answered."""
    release = service.spec.release
    if service.is_outdated:
        return OUTDATED
    condition = service.condition(RELEASED)
    if condition is None:
        is_asked = bool(release.blue_green or release.canary or release.follow)
        told = "Rollcall has not said anything of the release yet."
        return State(Health.WARN, "Unknown", told) if is_asked else State(Health.GOOD, "NoRelease")
    health = Health.GOOD if condition.is_true else Health.WARN
    return State(health, condition.reason, condition.message)


def progress(view: "ReleaseView", found: Sequence[TargetView]) -> str:
    """Say in a line how far a change has got: the share of each version, and of the targets."""
    service = view.service
    shares = [f"{each.version} {each.share}" for each in service.status.release.versions if each.share]
    words = [", ".join(shares) or in_force_text(service)]
    if found:
        there = [each for each in found if each.is_current]
        missing = sorted({each.target for each in found if not each.is_current})
        words.append(f"targets {len(there)}/{len(found)}")
        if missing:
            words.append(f"waiting for {' '.join(missing)}")
    else:
        words.append(f"waiting for Rollcall ({release_state(service).word})")
    return "  ".join(words)


def release_json(view: "ReleaseView", found: Iterable[TargetView]) -> dict[str, Any]:
    """Return a release as JSON holds it."""
    service = view.service
    state, in_force = release_state(service), service.status.release
    return {
        "namespace": service.metadata.namespace,
        "name": service.metadata.name,
        "health": state.health.value,
        "reason": state.word,
        "message": state.message,
        "asked": msgspec.to_builtins(service.spec.release),
        "release": whole(in_force) | {"weight": in_force.weight or 0},
        "targets": msgspec.to_builtins(list(found)),
    }


def _asked(service: ServiceObject) -> str:
    release = service.spec.release
    if release.follow is not None:
        return f"follows a {release.follow}{_asked_beside(release)}"
    if (blue_green := release.blue_green) is not None:
        return f"blue/green, {blue_green.active} is asked for (minReady {blue_green.min_ready})"
    if (canary := release.canary) is not None and canary.steps:
        weights = ", ".join(f"{step.weight}%" for step in canary.steps)
        return f"canary, {weights} for {canary.canary} and the rest for {canary.stable}, step by step"
    if (canary := release.canary) is not None:
        return f"canary, {canary.weight}% for {canary.canary} and the rest for {canary.stable} is asked for"
    return "no release, all versions are answered"


def _asked_beside(release: Release) -> str:
    """Say what is asked for beside the versions, which a roll-out decides."""
    if release.blue_green is not None:
        return f", blue/green (minReady {release.blue_green.min_ready})"
    if release.canary is None:
        return ""
    if release.canary.steps:
        return f", canary, {', '.join(f'{step.weight}%' for step in release.canary.steps)}, step by step"
    return f", canary, {release.canary.weight}%"


def _steps(service: ServiceObject, now: datetime) -> str:
    """Say at which step a canary is, "" where it has none."""
    canary, progress = service.canary, service.status.release.steps
    if canary is None or not canary.steps or progress is None or not is_of(progress, canary):
        return ""
    number = step_of(progress, canary)
    told = f"step: {number} of {len(canary.steps)}, {progress.state}"
    pause = canary.steps[number - 1].pause
    if progress.state is StepState.PROGRESSING and pause:
        told += f" for {age(progress.since, now) or '0s'} of {pause}"
    return told


def _targets_table(found: Iterable[TargetView]) -> "RenderableType":
    rows = [
        (each.zone, each.domain, each.target, each.serial, each.needed, _target_state(each)) for each in found
    ]
    return table(("ZONE", "DOMAIN", "TARGET", "SERIAL", "NEEDED", "STATE"), rows)


def _target_state(target: TargetView) -> State:
    if target.is_current:
        return State(Health.GOOD, "has it")
    return State(Health.WARN, target.reason or "Behind", target.message)
