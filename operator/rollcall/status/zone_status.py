"""The status of a DiscoveryZone: what is in it, and how far it has got. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from rollcall.model import DiscoveryZone
from rollcall.propagation.answered import AnsweredVersion, AnsweredVersions
from rollcall.propagation.report import SERVE, TargetReport
from rollcall.propagation.targets import TargetState
from rollcall.zone import Zones
from rollcall.zone.content import ZoneContent
from rollcall.zone.names import to_text
from rollcall.zone.served import ServedZone

from .conditions import FALSE, READY, Condition, merged, ready, reconciling, rfc3339, stalled

MESSAGE_LIMIT = 4096

NAMED_TARGETS = 5
"""So many failing targets are named in a condition; the rest is counted."""


def zone_status(
    zone: DiscoveryZone,
    zones: Zones,
    answered: AnsweredVersions,
    targets: Sequence[TargetState],
    current: Mapping[str, Any],
    *,
    now: float,
) -> dict[str, Any]:
    """Return the status of a DiscoveryZone.

    `targets` are the states of its targets but for our own server. `current` is the status that the API
    server holds, {} where there is none. `now` is in Unix seconds.
    """
    served = zones.get(zone.name)
    status: dict[str, Any] = {"observedGeneration": zone.generation}
    if served is not None and served.content.serial:
        status |= _content(served)
        status["publications"] = [
            _publication(content, version, current)
            for content in served.contents()
            if (version := answered.get(content.apex)) is not None
        ] + [_target(state, now) for state in targets]
    conditions = _conditions(zone, zones, served, answered, targets)
    status["conditions"] = merged(conditions, current, zone.generation, now)
    return status


def _content(served: ServedZone) -> dict[str, Any]:
    content = served.content
    return {
        "serial": content.serial,
        "records": content.record_count + 1,  # the SOA is not among the others
        "names": content.name_count,
        "services": len(served.placed),
        "digest": f"{content.digest:032x}",
    }


def _conditions(
    zone: DiscoveryZone,
    zones: Zones,
    served: ServedZone | None,
    answered: AnsweredVersions,
    targets: Sequence[TargetState],
) -> list[Condition]:
    if problem := zones.problem(zone.name):
        return stalled(problem)
    if served is None or served.building:
        left = len(served.backlog) if served else 0
        return reconciling("Building", f"{left} services have still to be looked at.")
    if any(answered.get(content.apex) is None for content in served.contents()):
        return reconciling("Publishing", "On its way to the DNS server.")
    if failing := [state.report for state in targets if not state.report.healthy]:
        return [Condition(READY, FALSE, failing[0].reason, _failures(failing))]
    content = served.content
    return ready(
        "Published",
        f"{content.record_count + 1} records of {len(served.placed)} services are answered"
        f" in {to_text(content.apex)}.",
    )


def _failures(failing: Sequence[TargetReport]) -> str:
    told = [f"{each.target}, {to_text(each.domain)}: {each.message}" for each in failing[:NAMED_TARGETS]]
    if more := len(failing) - len(told):
        told.append(f"{more} more targets are listed in status.publications.")
    return " ".join(told)


def _target(state: TargetState, now: float) -> dict[str, Any]:
    report = state.report
    entry = {
        "domain": to_text(report.domain),
        "target": report.target,
        "serial": report.serial,
        "reason": report.reason,
        "lagSeconds": 0 if state.behind_since is None else max(0, int(now - state.behind_since)),
    }
    if report.message:
        entry["message"] = report.message[:MESSAGE_LIMIT]
    if report.at:
        entry["time"] = rfc3339(report.at)
    return entry


def _publication(
    content: ZoneContent, version: AnsweredVersion, current: Mapping[str, Any]
) -> dict[str, Any]:
    domain, time = to_text(content.apex), rfc3339(version.at)
    for before in current.get("publications") or ():
        same = (before["domain"], before["target"], before["serial"]) == (domain, SERVE, version.serial)
        if same and before.get("time"):  # over a restart, a content that is still the same keeps its serial
            time = before["time"]
    return {"domain": domain, "target": SERVE, "serial": version.serial, "time": time}
