"""Our custom resources as the commands read them.

Specs and statuses are those of the model: the names are those of the API, so that `-o json` prints what
`kubectl get -o json` would.
"""

import msgspec

from rollcall.model import (
    Canary,
    Condition,
    FileSpec,
    FileStatus,
    InstanceSpec,
    InstanceStatus,
    Key,
    ListedInstance,
    ZoneSpec,
    ZoneStatus,
)
from rollcall.model.state import State, is_outdated, state_of


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """`metadata`, as far as it is shown, and what a change names of the object that it was decided on."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""


class Object(msgspec.Struct, frozen=True):
    """An object of ours; the namespace in the key of one that is in none is empty."""

    metadata: Metadata

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.metadata.namespace, self.metadata.name)


class ServiceObject(Object, frozen=True):
    """A ServiceInstance."""

    spec: InstanceSpec = InstanceSpec()
    status: InstanceStatus = InstanceStatus()

    @property
    def uid(self) -> str:
        """The API's uid of the object."""
        return self.metadata.uid

    @property
    def left_out(self) -> tuple[ListedInstance, ...]:
        """The instances that are listed and not answered."""
        return tuple(instance for instance in self.status.instances if not instance.eligible)

    @property
    def state(self) -> State:
        """The state of the service."""
        return state_of(self.status, self.metadata.generation)

    @property
    def is_outdated(self) -> bool:
        """Whether Rollcall has not taken in the spec as it is, so that the status is of an earlier one."""
        return is_outdated(self.status, self.metadata.generation)

    @property
    def canary(self) -> Canary | None:
        """The canary release that is asked for; of a roll-out that is followed with the versions in force."""
        asked, in_force = self.spec.release.canary, self.status.release
        if asked is None or self.spec.release.follow is None:
            return asked
        return msgspec.structs.replace(asked, stable=in_force.active, canary=in_force.canary)

    def condition(self, kind: str) -> Condition | None:
        """Return a condition, None where Rollcall has not said anything of this spec yet."""
        found = self.status.condition(kind)
        is_of_now = found is not None and found.observed_generation >= self.metadata.generation
        return found if is_of_now else None


class ZoneObject(Object, frozen=True):
    """A DiscoveryZone."""

    spec: ZoneSpec
    status: ZoneStatus = ZoneStatus()

    @property
    def state(self) -> State:
        """The state of the zone."""
        return state_of(self.status, self.metadata.generation)


class FileObject(Object, frozen=True):
    """A DiscoveryFile."""

    spec: FileSpec
    status: FileStatus = FileStatus()

    @property
    def state(self) -> State:
        """The state of the file."""
        return state_of(self.status, self.metadata.generation)
