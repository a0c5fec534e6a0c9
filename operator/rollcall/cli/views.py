"""The tables of `status` and `watch`, and the same as JSON."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from rollcall.model import ListedInstance, ListedPort, ServicePublication, Status
from rollcall.model.state import Health, State
from rollcall.model.wording import share
from rollcall.propagation.report import BEHIND

from .objects import FileObject, ServiceObject, ZoneObject
from .output import age, line, table, whole

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_PROBLEMS = 20
MOST_OF_A_REASON = 10
"""So many of the instances that one reason leaves out are shown; the rest is counted."""

_ANSWERED = State(Health.GOOD, "answered")


def zones_table(zones: Iterable[ZoneObject]) -> "RenderableType":
    """Show zones, a line each; whose they are where several installations have some."""
    zones = list(zones)
    is_shared = len({zone.status.owner for zone in zones if zone.status.owner}) > 1
    rows = [
        (
            zone.metadata.name,
            zone.spec.domain,
            *((zone.status.owner or "-",) if is_shared else ()),
            zone.status.serial,
            zone.status.records,
            zone.status.services,
            _word(zone.state),
        )
        for zone in zones
    ]
    owner = ("OWNER",) if is_shared else ()
    return table(("ZONE", "DOMAIN", *owner, "SERIAL", "RECORDS", "SERVICES", "STATE"), rows)


def services_table(services: Iterable[ServiceObject], now: datetime) -> "RenderableType":
    """Show services, a line each, with what is left out."""
    rows = [
        (
            service.metadata.namespace,
            service.metadata.name,
            service.status.dns_name or "-",
            service.status.ready or "-",
            service.status.targets or "-",
            reasons_text(service),
            age(service.status.last_change_time, now),
            _word(service.state),
        )
        for service in services
    ]
    columns = ("NAMESPACE", "SERVICE", "DNS NAME", "READY", "TARGETS", "LEFT OUT", "CHANGED", "STATE")
    return table(columns, rows)


def files_table(files: Iterable[FileObject], now: datetime) -> "RenderableType":
    """Show files, a line each."""
    rows = [
        (
            file.metadata.namespace,
            file.metadata.name,
            file.spec.format,
            file.spec.config_map.name,
            file.status.services,
            file.status.instances,
            age(file.status.last_change_time, now),
            _word(file.state),
        )
        for file in files
    ]
    columns = ("NAMESPACE", "FILE", "FORMAT", "CONFIGMAP", "SERVICES", "INSTANCES", "CHANGED", "STATE")
    return table(columns, rows)


def problems(
    zones: Iterable[ZoneObject], services: Iterable[ServiceObject], files: Iterable[FileObject]
) -> list["RenderableType"]:
    """Say what is wrong and what to do, a line each; that a service has nobody ready is in its row."""
    found = [(f"zone {zone.metadata.name}", zone.state) for zone in zones]
    found += [(f"file {file.key}", file.state) for file in files]
    found = [(name, state) for name, state in found if state.health is not Health.GOOD]
    states = ((f"service {service.key}", service.state) for service in services)
    found += [(name, state) for name, state in states if state.health is Health.BAD]
    lines = [
        line(f"{name} {state.word}: {state.message}", state.health) for name, state in found[:MOST_PROBLEMS]
    ]
    if (more := len(found) - len(lines)) > 0:
        lines.append(line(f"and {more} more; -o json has them all"))
    return lines


def service_parts(service: ServiceObject, now: datetime) -> list["RenderableType"]:
    """Show one service: where it is published, its instances, and why some are left out."""
    status = service.status
    some = share(status.counts.eligible, status.counts.total, "instance")
    parts = [line(f"{service.key}: {some} answered")]
    if service.state.health is not Health.GOOD:
        parts.append(line(f"{service.state.word}: {service.state.message}", service.state.health))
    if status.publications:
        rows = [
            (
                place.zone,
                place.target,
                place.dns_name,
                place.serial,
                age(place.time, now),
                _place_state(place),
            )
            for place in status.publications
        ]
        columns = ("ZONE", "TARGET", "DNS NAME", "SERIAL", "PUBLISHED", "STATE")
        parts += [line(""), table(columns, rows)]
    if status.instances:
        parts += [line(""), *instances_parts(status.instances)]
    if status.truncated:
        some = share(len(status.instances), status.counts.total, "instance")
        parts.append(line(f"The list holds {some}."))
    return parts


def instances_parts(instances: Iterable[ListedInstance]) -> list["RenderableType"]:
    """Show instances: of those that are left out some for each reason, then all that are answered."""
    shown: list[ListedInstance] = []
    counted: Counter[str] = Counter()
    for instance in instances:
        reason = "" if instance.eligible else instance_state(instance).word
        counted[reason] += 1
        if not reason or counted[reason] <= MOST_OF_A_REASON:
            shown.append(instance)
    shown.sort(key=lambda instance: instance.eligible)  # what is left out is what people look for
    parts = [instances_table(shown)]
    over = {reason: count - MOST_OF_A_REASON for reason, count in counted.items() if reason}
    if more := [f"{count} more {reason}" for reason, count in over.items() if count > 0]:
        parts.append(line(f"and {', '.join(more)}; -o json has them all"))
    return parts


def instances_table(instances: Iterable[ListedInstance]) -> "RenderableType":
    """Show instances, a line each, with the reason where one is left out."""
    rows = [
        (
            instance.pod,
            instance.name,
            " ".join(instance.addresses),
            " ".join(map(_port, instance.ports)),
            instance.node,
            instance.zone,
            instance.version,
            instance.weight,
            instance_state(instance),
        )
        for instance in instances
    ]
    return table(("POD", "NAME", "ADDRESSES", "PORTS", "NODE", "ZONE", "VERSION", "WEIGHT", "STATE"), rows)


def instance_state(instance: ListedInstance) -> State:
    """Say whether an instance is answered, and if not, why not."""
    if instance.eligible:
        return _ANSWERED._replace(message=instance.message)
    return State(Health.WARN, instance.reason or "LeftOut", instance.message)


def reasons(service: ServiceObject) -> dict[str, int]:
    """Count what is left out, by reason: instances, and pods that have ended."""
    if service.status.left_out:
        return dict(Counter(service.status.left_out).most_common())
    found = Counter(instance.reason or "LeftOut" for instance in service.left_out)
    unlisted = service.status.counts.total - service.status.counts.eligible - found.total()
    if unlisted > 0:
        found["Unlisted"] = unlisted
    return dict(found.most_common())


def reasons_text(service: ServiceObject) -> str:
    """Say what is left out, in a few words."""
    return ", ".join(f"{number} {reason}" for reason, number in reasons(service).items())


def zone_json(zone: ZoneObject) -> dict[str, Any]:
    """Return a zone as JSON holds it."""
    return {
        "name": zone.metadata.name,
        "domain": zone.spec.domain,
        **_state(zone.state),
        **_status(zone.status),
        "publications": [
            {"domain": each.domain, "target": each.target, "serial": each.serial, "time": each.time}
            for each in zone.status.publications
        ],
    }


def service_json(service: ServiceObject, *, instances: bool) -> dict[str, Any]:
    """Return a service as JSON holds it, with its instances or without."""
    status = _status(service.status)
    del status["reason"]  # the state says it
    del status["release"]  # `rollcall release status` says it
    status["instances"] = [_without(each, "drainingSince", "drainingUntil") for each in status["instances"]]
    if not instances:
        del status["instances"]
    return {
        "namespace": service.metadata.namespace,
        "name": service.metadata.name,
        **_state(service.state),
        **status,
        "leftOut": reasons(service),
    }


def file_json(file: FileObject) -> dict[str, Any]:
    """Return a file as JSON holds it."""
    return {
        "namespace": file.metadata.namespace,
        "name": file.metadata.name,
        "format": file.spec.format,
        "configMap": msgspec.to_builtins(file.spec.config_map),
        **_state(file.state),
        **_without(_status(file.status), "leftOut"),
    }


def _status(status: Status) -> dict[str, Any]:
    """Return a status with the conditions as the last thing that it says."""
    fields = whole(status)
    return fields | {"conditions": fields.pop("conditions")}


def _without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _state(state: State) -> dict[str, str]:
    return {"health": state.health.value, "reason": state.word, "message": state.message}


def _word(state: State) -> State:
    return state._replace(message="")


def _place_state(place: ServicePublication) -> State | str:
    if not place.reason:
        return ""
    health = Health.WARN if place.reason == BEHIND else Health.BAD
    return State(health, place.reason, place.message)


def _port(port: ListedPort) -> str:
    protocol = "" if port.protocol == "TCP" else f"/{port.protocol}"
    name = f"{port.name}:" if port.name else ""
    return f"{name}{port.port}{protocol}"


def join(parts: Sequence[list["RenderableType"]]) -> list["RenderableType"]:
    """Put an empty line between groups of parts."""
    joined: list[RenderableType] = []
    for part in parts:
        joined += [line(""), *part] if joined else part
    return joined
