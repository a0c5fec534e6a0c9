"""A small world for the tests of status: directory, zones and what the DNS workers have of them."""

from typing import Any, TypeVar

import jsonschema
import msgspec

from rollcall.model import (
    DiscoveryZone,
    InstanceStatus,
    Key,
    Status,
    ZoneStatus,
)
from rollcall.propagation.answered import AnsweredVersions, Arrival
from rollcall.propagation.report import TargetReport
from rollcall.propagation.targets import TargetStates
from rollcall.status.service_status import service_status
from rollcall.status.transitions import Transition, transitions
from rollcall.status.zone_status import zone_status
from rollcall.zone import Commit
from rollcall.zone.names import from_text
from unit.consistency import Object
from unit.manifests.sources import json_schema, schema_of
from unit.world import World as Core

START = 1_800_000_000  # 2027-01-15T08:00:00Z
KEY = Key("shop", "web")

Json = dict[str, Any]

_SCHEMAS = {
    kind: json_schema(schema_of(kind)["properties"]["status"])
    for kind in ("ServiceInstance", "DiscoveryZone", "DiscoveryFile")
}


S = TypeVar("S", bound=Status)


def as_json(status: Status) -> Json:
    """Return a status as it is written."""
    written: Json = msgspec.json.decode(msgspec.json.encode(status))
    return written


def checked(kind: str, made: S) -> S:
    """Return a status; fail where the CRD would refuse it, or drop a part of it."""
    status = as_json(made)
    jsonschema.validate(status, _SCHEMAS[kind])
    types = [condition["type"] for condition in status["conditions"]]
    assert len(types) == len(set(types))
    assert None not in status.values(), "a merge patch can't write null"
    return made


def condition(status: Json, type_: str) -> Json | None:
    """Return one condition of a status, or None."""
    return next((each for each in status["conditions"] if each["type"] == type_), None)


def states(status: Json) -> dict[str, tuple[str, str]]:
    """Return status and reason of each condition."""
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


def events(before: Json, after: Json) -> list[Transition]:
    """Return what is told of the status of a service that became another."""
    return transitions(msgspec.convert(before, InstanceStatus), msgspec.convert(after, InstanceStatus))


class World(Core):
    """The core with what the DNS workers and the targets have of it."""

    def __init__(self, *objects: Object, now: int = START, **options: Any) -> None:
        self.answered = AnsweredVersions()
        self.targets = TargetStates()
        self._wanted: set[tuple[bytes, str]] = set()
        self.version = 0
        super().__init__(*objects, now=now, **options)

    def put(self, *objects: Object, now: int | None = None) -> Commit:
        """Let objects be made or changed; the DNS workers answer what follows."""
        commit = super().put(*objects, now=now)
        self.serve()
        return commit

    def commit(self, backlog: int | None = None) -> Commit:
        """Hand the changes to the DNS workers."""
        commit = super().commit(backlog)
        self.version += 1
        self.answered.on_committed(self.version, commit, None)
        return commit

    def serve(self) -> Arrival:
        """Let the DNS workers take in what they were handed."""
        return self.answered.on_answered(self.version, self.now)

    def send_to(self, *names: str, domain: str = "example.com") -> None:
        """Let a domain go to targets."""
        self._wanted |= {(from_text(domain), name) for name in names}
        self.targets.keep(self._wanted)

    def hear(self, report: TargetReport, now: float) -> bool:
        """Let a target report, which the zone has then; return whether that is news."""
        self._wanted.add((report.domain, report.target))
        self.targets.keep(self._wanted)
        return self.targets.on_report(report, now) is not None

    def service(self, current: Json | None = None, changed_at: float | None = None) -> Json:
        """Return the status of the service shop/web as it is written, checked."""
        return as_json(self.service_status(msgspec.convert(current or {}, InstanceStatus), changed_at))

    def service_status(self, current: InstanceStatus, changed_at: float | None = None) -> InstanceStatus:
        """Return the status of the service shop/web, checked."""
        entry = self.directory.get(KEY)
        assert entry is not None
        status = service_status(
            entry, self.zones, self.answered, self.targets, current, changed_at=changed_at, now=self.now
        )
        return checked("ServiceInstance", status)

    def zone(self, zone: DiscoveryZone, current: Json | None = None) -> Json:
        """Return the status of a zone as it is written, checked."""
        made = self.zone_status(zone, msgspec.convert(current or {}, ZoneStatus))
        assert made is not None
        return as_json(made)

    def zone_status(self, zone: DiscoveryZone, current: ZoneStatus) -> Status | None:
        """Return the status of a zone, checked; None where it is not ours to write."""
        served = self.zones.get(zone.name)
        targets = self.targets.of(content.apex for content in served.contents()) if served else []
        status = zone_status(zone, self.zones, self.answered, targets, current, now=self.now)
        return None if status is None else checked("DiscoveryZone", status)
