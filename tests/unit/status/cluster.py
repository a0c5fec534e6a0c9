"""A small world for the tests of status: directory, zones and what the DNS workers have of them."""

from typing import Any

import jsonschema

from rollcall.directory import Directory
from rollcall.model import DiscoveryZone, Key, Pod, Service, ServiceInstance
from rollcall.propagation.answered import AnsweredVersions, Arrival
from rollcall.propagation.report import TargetReport
from rollcall.propagation.targets import TargetStates
from rollcall.status.service_status import service_status
from rollcall.status.zone_status import zone_status
from rollcall.zone import Zones
from unit.manifests.sources import json_schema, schema_of

START = 1_800_000_000  # 2027-01-15T08:00:00Z
KEY = Key("shop", "web")

Status = dict[str, Any]

_SCHEMAS = {
    kind: json_schema(schema_of(kind)["properties"]["status"])
    for kind in ("ServiceInstance", "DiscoveryZone", "DiscoveryFile")
}


def check_schema(kind: str, status: Status) -> None:
    """Fail where the CRD would refuse a status, or drop a part of it."""
    jsonschema.validate(status, _SCHEMAS[kind])
    types = [condition["type"] for condition in status["conditions"]]
    assert len(types) == len(set(types))
    assert None not in status.values(), "a merge patch can't write null"


def condition(status: Status, type_: str) -> Status | None:
    """Return one condition of a status, or None."""
    return next((each for each in status["conditions"] if each["type"] == type_), None)


def states(status: Status) -> dict[str, tuple[str, str]]:
    """Return status and reason of each condition."""
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


class World:
    """Time passes by hand: `now` is in Unix seconds."""

    def __init__(self, now: int = START) -> None:
        self.now = now
        self.directory = Directory()
        self.zones = Zones(self.directory, "test")
        self.answered = AnsweredVersions()
        self.targets = TargetStates()
        self._wanted: set[tuple[bytes, str]] = set()
        self.version = 0

    def apply(self, *objects: Pod | Service | ServiceInstance | DiscoveryZone) -> "World":
        """Take in objects, and publish what follows."""
        for each in objects:
            match each:
                case Pod():
                    self.directory.apply_pod(each)
                case Service():
                    self.directory.apply_service(each)
                case ServiceInstance():
                    self.directory.apply_resource(each)
                case DiscoveryZone():
                    self.zones.apply_zone(each)
        self.commit()
        self.serve()
        return self

    def commit(self) -> None:
        """Hand the changes to the DNS workers."""
        self.zones.place(self.directory.take_changes())
        while self.zones.place_backlog(100):
            pass
        self.version += 1
        self.answered.on_committed(self.version, self.zones.commit(self.now), None)

    def serve(self) -> Arrival:
        """Let the DNS workers take in what they were handed."""
        return self.answered.on_answered(self.version, self.now)

    def hear(self, report: TargetReport, now: float) -> bool:
        """Let a target report, which the zone has then; return whether that is news."""
        self._wanted.add((report.domain, report.target))
        self.targets.keep(self._wanted)
        return self.targets.on_report(report, now)

    def service(self, current: Status | None = None, changed_at: float | None = None) -> Status:
        """Return the status of the service shop/web, checked."""
        entry = self.directory.get(KEY)
        assert entry is not None
        status = service_status(
            entry, self.zones, self.answered, current or {}, changed_at=changed_at, now=self.now
        )
        check_schema("ServiceInstance", status)
        return status

    def zone(self, zone: DiscoveryZone, current: Status | None = None) -> Status:
        """Return the status of a zone, checked."""
        served = self.zones.get(zone.name)
        targets = self.targets.of(content.apex for content in served.contents()) if served else []
        status = zone_status(zone, self.zones, self.answered, targets, current or {}, now=self.now)
        check_schema("DiscoveryZone", status)
        return status
