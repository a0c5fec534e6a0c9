"""The status of a DiscoveryZone: whose it is, what is in it, and how far it has got. Pure."""

from collections.abc import Sequence

import msgspec

from rollcall.model import (
    Condition,
    DiscoveryZone,
    OwnedStatus,
    Status,
    ZonePublication,
    ZoneStatus,
    rfc3339,
)
from rollcall.model.status import FALSE, READY, SERVE
from rollcall.model.wording import counted
from rollcall.propagation.answered import AnsweredVersion, AnsweredVersions
from rollcall.propagation.report import TargetReport
from rollcall.propagation.targets import TargetState
from rollcall.zone import Zones
from rollcall.zone.content import ZoneContent
from rollcall.zone.names import to_text
from rollcall.zone.served import ServedZone

from .conditions import merged, ready, reconciling, stalled

MESSAGE_LIMIT = 4096

NAMED_TARGETS = 5
"""So many failing targets are named in a condition; the rest is counted."""


def zone_status(
    zone: DiscoveryZone,
    zones: Zones,
    answered: AnsweredVersions,
    targets: Sequence[TargetState],
    current: ZoneStatus,
    *,
    now: float,
) -> Status | None:
    """Return the status of a DiscoveryZone, None where it is not ours to write.

    To write it is to take the zone, if nobody has it; and to give it up, if we are not to have it any more.
    `targets` are the states of its targets but for our own server. `current` is the status that the API
    server holds: what it says of the owner counts, and the write is refused if that is no longer so. `now` is
    in Unix seconds.
    """
    installation = zones.installation
    zone = msgspec.structs.replace(zone, owner=current.owner)
    owner = installation.owner_to_write(zone)
    if owner is None:
        return None
    if not installation.takes(zone):
        return _given_up(zone, current, stalled(installation.given_up()), now)
    served = zones.get(zone.name)
    told = _conditions(zone, zones, served, answered, targets)
    conditions = merged(told, current, zone.generation, now)
    if served is None or not served.content.serial:
        return _without_content(zone, zones, conditions, current, owner)
    content = served.content
    ours = [
        _publication(each, version, current)
        for each in served.contents()
        if (version := answered.get(each.apex)) is not None
    ]
    return ZoneStatus(
        observed_generation=zone.generation,
        owner=owner,
        serial=content.serial,
        records=content.record_count + 1,  # the SOA is not among the others
        names=content.name_count,
        services=len(served.placed),
        digest=f"{content.digest:032x}",
        publications=(*ours, *(_target(state, now) for state in targets)),
        conditions=conditions,
    )


def _given_up(zone: DiscoveryZone, current: ZoneStatus, told: list[Condition], now: float) -> Status:
    """Leave the serials to whoever takes the zone: it goes on from there."""
    conditions = merged(told, current, zone.generation, now)
    return msgspec.structs.replace(
        current, observed_generation=zone.generation, owner="", conditions=conditions
    )


def _without_content(
    zone: DiscoveryZone,
    zones: Zones,
    conditions: tuple[Condition, ...],
    current: ZoneStatus,
    owner: str,
) -> Status:
    """Say that nothing is handed out; while it is about to be, the serials from before are kept."""
    if zones.problem(zone.name) or not current.serial:
        return OwnedStatus(zone.generation, conditions, owner)
    return msgspec.structs.replace(
        current, observed_generation=zone.generation, owner=owner, conditions=conditions
    )


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
        return reconciling(
            "Building", f"{counted(left, 'service has', 'services have')} still to be looked at."
        )
    if any(answered.get(content.apex) is None for content in served.contents()):
        return reconciling("Publishing", "On its way to the DNS server.")
    if failing := [state.report for state in targets if not state.report.healthy]:
        return [Condition(READY, FALSE, failing[0].reason, _failures(failing))]
    if caveat := zones.installation.caveat(zone):
        return ready(caveat.reason, caveat.message)
    content = served.content
    records, services = counted(content.record_count + 1, "record"), counted(len(served.placed), "service")
    message = f"{records} of {services} are answered in {to_text(content.apex)}."
    return ready("Published", " ".join(filter(None, (message, zones.installation.restriction(zone)))))


def _failures(failing: Sequence[TargetReport]) -> str:
    told = [f"{each.target}, {to_text(each.domain)}: {each.message}" for each in failing[:NAMED_TARGETS]]
    if more := len(failing) - len(told):
        told.append(f"{counted(more, 'more target is', 'more targets are')} listed in status.publications.")
    return " ".join(told)


def _target(state: TargetState, now: float) -> ZonePublication:
    report = state.report
    return ZonePublication(
        to_text(report.domain),
        report.target,
        report.serial,
        time=rfc3339(report.at) if report.at else "",
        reason=report.reason,
        message=report.message[:MESSAGE_LIMIT],
        lag_seconds=0 if state.behind_since is None else max(0, int(now - state.behind_since)),
    )


def _publication(content: ZoneContent, version: AnsweredVersion, current: ZoneStatus) -> ZonePublication:
    domain, time = to_text(content.apex), rfc3339(version.at)
    for before in current.publications:
        same = (before.domain, before.target, before.serial) == (domain, SERVE, version.serial)
        if same and before.time:  # over a restart, a content that is still the same keeps its serial
            time = before.time
    return ZonePublication(domain, SERVE, version.serial, time)
