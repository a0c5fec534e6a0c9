"""What the status of a ServiceInstance says of its release. Pure.

It is also the memory of the release in force: the first status that a process reads tells it where to go on.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rollcall.directory import Entry
from rollcall.model import Instance, Released, Strategy, version_to_label

from .conditions import FALSE, RELEASED, TRUE, Condition, rfc3339

MAX_VERSIONS = 64

_REMEMBERED = ("strategy", "active", "previous", "canary", "weight")


def release_status(entry: Entry, current: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return `status.release`; `current` is the status that the API server holds, `now` in Unix seconds.

    It is there, if empty, for every service: that no release was in force has to be remembered, too.
    """
    released = entry.released or Released()
    status: dict[str, Any] = {"versions": _versions(entry.instances.values())}
    if released.previous:
        status["previous"] = released.previous
    if released.strategy is Strategy.NONE:
        return status
    status["strategy"], status["active"] = str(released.strategy), released.active
    if released.strategy is Strategy.CANARY:
        status["canary"], status["weight"] = released.canary, released.weight
    status["summary"] = summary(released)
    before = current.get("release") or {}
    stays = all(before.get(field) == status.get(field) for field in _REMEMBERED if field != "previous")
    status["since"] = before["since"] if stays and before.get("since") else rfc3339(now)
    return status


def released_condition(entry: Entry) -> list[Condition]:
    """Return the condition of a release, none where no release is asked for."""
    ask = entry.spec.release
    if ask.blue_green is None and ask.canary is None:
        return []
    if problem := entry.release_problem:
        return [Condition(RELEASED, FALSE, problem.reason, problem.message)]
    released = entry.released or Released()
    return [Condition(RELEASED, TRUE, "Released", f"Answered as asked: {summary(released)}.")]


def summary(released: Released) -> str:
    """Say in few words which versions are answered: `blue`, `v1 90%, v2 10%`."""
    if released.strategy is Strategy.CANARY:
        return f"{released.active} {100 - released.weight}%, {released.canary} {released.weight}%"
    return released.active


def _versions(instances: Iterable[Instance]) -> list[dict[str, Any]]:
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
    return [
        {
            "version": version,
            "name": version_to_label(version),
            "total": total[version],
            "available": available[version],
            "eligible": answered[version],
            "share": _percent(shares[version], shares.total()),
        }
        for version in sorted(total)[:MAX_VERSIONS]
        if version
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.4g}%" if whole else "0%"
