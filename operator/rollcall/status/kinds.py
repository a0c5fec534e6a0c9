"""The kinds of our own resources, as the parts of this package speak of them."""

from enum import StrEnum
from typing import Any, NamedTuple

from rollcall.model import FileStatus, InstanceStatus, Key, Status, ZoneStatus
from rollcall.watch.resource import DISCOVERY_FILES, DISCOVERY_ZONES, SERVICE_INSTANCES, Resource


class Kind(StrEnum):
    """A kind of ours. DiscoveryZones belong to no namespace: the one in their key is empty."""

    SERVICE_INSTANCE = "ServiceInstance"
    DISCOVERY_ZONE = "DiscoveryZone"
    DISCOVERY_FILE = "DiscoveryFile"

    @property
    def resource(self) -> Resource[Any]:
        """Where the objects of this kind are in the API."""
        return _RESOURCES[self]

    @property
    def status(self) -> type[Status]:
        """What their `status` is."""
        return _STATUSES[self]


_RESOURCES: dict[Kind, Resource[Any]] = {
    Kind.SERVICE_INSTANCE: SERVICE_INSTANCES,
    Kind.DISCOVERY_ZONE: DISCOVERY_ZONES,
    Kind.DISCOVERY_FILE: DISCOVERY_FILES,
}

_STATUSES: dict[Kind, type[Status]] = {
    Kind.SERVICE_INSTANCE: InstanceStatus,
    Kind.DISCOVERY_ZONE: ZoneStatus,
    Kind.DISCOVERY_FILE: FileStatus,
}


class ObjectRef(NamedTuple):
    """One object of ours, by kind and name."""

    kind: Kind
    key: Key

    def __str__(self) -> str:
        return f"{self.kind} {str(self.key).lstrip('/')}"

    def path(self, subresource: str | None = None) -> str:
        """Return where this object is in the API."""
        return self.kind.resource.path(self.key.namespace, self.key.name, subresource)
