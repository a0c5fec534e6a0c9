"""What each release command asks for: a patch of `spec.release`, decided on the service as it is. Pure.

The operator decides again, and by what is true then. What it would refuse is refused here too, for an answer
at once is more help than a condition to look for.
"""

from typing import Any, NamedTuple

from rollcall.model import BlueGreen, Canary, Follow, Release, ReleaseStatus, Strategy
from rollcall.model.release_status import MAX_VERSIONS
from rollcall.model.state import OUTDATED, UNKNOWN
from rollcall.model.status import RELEASED
from rollcall.model.wording import counted

from .objects import ServiceObject
from .options import Failed


class StatusOutdated(Failed):
    """What is asked for depends on a status that doesn't speak of the spec as it is yet: look again."""


class ReleaseChange(NamedTuple):
    """What to write into `spec.release` (a merge patch; {}: nothing), and what to say of it.

    `note` is what whoever asks for it should know, "" for nothing.
    """

    patch: dict[str, Any]
    told: str
    note: str = ""


def switch(service: ServiceObject, version: str, *, force: bool) -> ReleaseChange:
    """Make a version the active one.

    Raises:
        Failed: there is no blue/green release, or the version has too few ready instances.
    """
    _refuse_followed(service)
    ask = _blue_green(service)
    if ask.active == version:
        condition = service.condition(RELEASED)
        note = condition.message if condition is not None and not condition.is_true else ""
        return ReleaseChange({}, f"nothing to do, {version} is asked for already.", note)
    try:
        note = _too_few(service, version, ask.min_ready)
    except StatusOutdated as error:
        if not force:
            raise
        note = error.message
    if note and not force:
        raise Failed(f"{note} --force asks for it all the same: the switch comes once they are ready.")
    if note:
        note = f"{note} The switch is refused until they are; what is answered now goes on."
    return ReleaseChange(
        {"blueGreen": {"active": version}}, f"asked to switch from {ask.active} to {version}.", note
    )


def rollback(service: ServiceObject) -> ReleaseChange:
    """Go back: to the version that was active before, or from a canary to the stable version.

    A switch that has not been let through is called off.

    Raises:
        Failed: no version is remembered, or it has too few ready instances.
    """
    if service.spec.release.canary is not None:
        return abort(service)
    _refuse_followed(service)
    ask, in_force = _blue_green(service), _in_force(service)
    if in_force.active and in_force.active != ask.active:
        told = f"asked to stay with {in_force.active}: the switch to {ask.active} has not been let through."
        return ReleaseChange({"blueGreen": {"active": in_force.active}}, told)
    if not in_force.previous:
        raise Failed(
            f"of {service.key} no previous version is remembered, so that there is none to go back to:"
            " name the version with `rollcall release switch`."
        )
    if problem := _too_few(service, in_force.previous, ask.min_ready):
        raise Failed(problem)
    told = f"asked to go back from {ask.active} to {in_force.previous}."
    return ReleaseChange({"blueGreen": {"active": in_force.previous}}, told)


def weight(service: ServiceObject, percent: int) -> ReleaseChange:
    """Give the canary a part of the answers, in percent.

    Raises:
        Failed: there is no canary release.
    """
    if service.spec.release.canary is None:
        _refuse_followed(service)
    ask = _canary(service)
    name = ask.canary or "the canary"
    if ask.weight == percent and not ask.steps:
        return ReleaseChange(
            {}, f"nothing to do, {name} has {percent}% already.", _unready(service, ask, percent)
        )
    before = service.status.release.weight or 0 if ask.steps else ask.weight
    told = f"asked for {percent}% for {name}, after {before}%."
    note = " ".join(filter(None, (_by_hand(ask), _unready(service, ask, percent))))
    return ReleaseChange({"canary": {"weight": percent, **_without_steps(ask)}}, told, note)


def promote(service: ServiceObject) -> ReleaseChange:
    """Make the canary the stable version, with all answers.

    The two change places in one patch, so that no state between them is ever answered; the weight is then
    that of the version until now, which nothing goes to.

    Raises:
        Failed: there is no canary release, or no instance of the canary is ready.
    """
    _refuse_followed(service)
    ask = _canary(service)
    if problem := _too_few(service, ask.canary, 1):
        raise Failed(problem)
    patch = {"canary": {"stable": ask.canary, "canary": ask.stable, **_nothing(ask)}}
    told = f"asked to make {ask.canary} the stable version, in the place of {ask.stable}."
    return ReleaseChange(patch, told, _by_hand(ask))


def abort(service: ServiceObject) -> ReleaseChange:
    """Take the canary out of the answers.

    Raises:
        Failed: there is no canary release.
    """
    _refuse_followed(service)
    ask = _canary(service)
    note = " ".join(filter(None, (_by_hand(ask), _unready(service, ask, 0))))
    if not ask.weight and not ask.steps:
        return ReleaseChange({}, f"nothing to do, {ask.canary} has the weight 0 already.", note)
    patch = {"canary": _nothing(ask)}
    return ReleaseChange(patch, f"asked to take {ask.canary} out of the answers.", note)


def _in_force(service: ServiceObject) -> ReleaseStatus:
    """Return the release in force, of a status that has seen the spec as it is.

    Raises:
        StatusOutdated: it hasn't; a version that was switched to a moment ago would not be in it.
    """
    if service.is_outdated:
        state = OUTDATED if service.status.observed_generation else UNKNOWN
        raise StatusOutdated(f"{service.key}: {state.message}")
    return service.status.release


def _blue_green(service: ServiceObject) -> BlueGreen:
    release = service.spec.release
    if release.blue_green is not None:
        return release.blue_green
    if release.canary is not None:
        raise Failed(
            f"{service.key} has a canary release, which has no active version to switch:"
            " use `rollcall release weight`, `promote` or `abort`."
        )
    raise Failed(
        f"{service.key} has no blue/green release: write the version that is to be answered into"
        " spec.release.blueGreen.active of its ServiceInstance first."
    )


def _canary(service: ServiceObject) -> Canary:
    release = service.spec.release
    if service.canary is not None:
        return service.canary
    if release.blue_green is not None:
        raise Failed(
            f"{service.key} has a blue/green release, and no canary: use `rollcall release switch`"
            " or `rollback`."
        )
    raise Failed(
        f"{service.key} has no canary release: write the two versions into spec.release.canary"
        " (stable, canary) of its ServiceInstance first."
    )


def _refuse_followed(service: ServiceObject) -> None:
    """Refuse what is up to the roll-out that a service follows."""
    release = service.spec.release
    if release.follow is None:
        return
    onward = "`kubectl argo rollouts promote`, `abort` or `undo`"
    if release.follow is Follow.DEPLOYMENT:
        onward = "`kubectl rollout undo deployment`, or the Canary where Flagger steers it"
        if release.canary is not None:
            onward = "`kubectl rollout undo deployment`, or `rollcall release weight` for the canary's part"
    raise Failed(
        f"{service.key} follows a {release.follow} (spec.release.follow), which decides on its versions: use"
        f" {onward}. To decide here, remove follow."
    )


def _without_steps(ask: Canary) -> dict[str, Any]:
    """Return what of a patch takes the steps away, which would set another weight."""
    return {"steps": None} if ask.steps else {}


def _nothing(ask: Canary) -> dict[str, Any]:
    """Return what of a patch takes the canary out of the answers.

    Without its steps it has no weight, and none is written: `kubectl apply` can bring the steps back then.
    """
    return _without_steps(ask) or {"weight": 0}


def _by_hand(ask: Canary) -> str:
    if not ask.steps:
        return ""
    return "The steps are removed from spec.release.canary, which is changed by hand from here on."


def _too_few(service: ServiceObject, version: str, min_ready: int) -> str:
    """Say that a version has too few ready instances to be switched to, "" where it has enough."""
    in_force = _in_force(service)
    known = {each.version for each in in_force.versions}
    ready = in_force.available(version)
    if ready >= min_ready or (version not in known and len(known) >= MAX_VERSIONS):
        return ""
    there = ", ".join(f"{each.version} ({each.available})" for each in in_force.versions)
    source = Release(in_force.version_label or service.spec.release.version_label).version_source
    listed = f"Ready are: {there}, by {source}." if there else f"None of its pods has {source}."
    if version not in known:
        return f"{service.key} has no pod of version {version}. {listed}"
    there = counted(ready, f"instance of {version} is", f"instances of {version} are")
    return f"{there} ready, and {counted(min_ready, 'has', 'have')} to be. {listed}"


def _unready(service: ServiceObject, ask: Canary, percent: int) -> str:
    """Say which side of a canary release is missing, where that matters; "" where neither is."""
    in_force = service.status.release
    if not service.status.observed_generation:
        return ""
    if not ask.canary:
        return "There is no canary now: it counts from the next roll-out on."
    if percent and not in_force.available(ask.canary):
        return f"No instance of {ask.canary} is ready: while that is so, {ask.stable} has all answers."
    if percent < 100 and not in_force.available(ask.stable):
        outcome = f"{ask.canary} has all answers" if percent else "nothing is answered"
        return f"No instance of {ask.stable} is ready: while that is so, {outcome}."
    return ""


def in_force_text(service: ServiceObject) -> str:
    """Say what is answered now."""
    in_force = service.status.release
    if in_force.strategy is Strategy.NONE:
        return "all versions"
    return in_force.summary
