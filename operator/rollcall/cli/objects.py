"""Our custom resources as the commands read them, and how their state is to be taken.

Specs and statuses are those of the model: the names are those of the API, so that `-o json` prints what
`kubectl get -o json` would.
"""

from enum import Enum
from typing import NamedTuple

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
    Status,
    ZoneSpec,
    ZoneStatus,
)
from rollcall.model.status import ENDPOINTS_AVAILABLE, READY, RECONCILING, STALLED, UNRESERVED


class Health(Enum):
    """How a state is to be taken."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class State(NamedTuple):
    """The state of an object in a word and a sentence; the sentence is "" where there is nothing to say."""

    health: Health
    word: str
    message: str = ""


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


class Service(Object, frozen=True):
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
        """The state of the service; a word of its own where nothing can be said."""
        state = _state_of(self.metadata, self.status)
        available = self.status.condition(ENDPOINTS_AVAILABLE)
        if state.health is Health.GOOD and available is not None and not available.is_true:
            return State(Health.WARN, *_told(available))
        return state

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


class Zone(Object, frozen=True):
    """A DiscoveryZone."""

    spec: ZoneSpec
    status: ZoneStatus = ZoneStatus()

    @property
    def state(self) -> State:
        """The state of the zone."""
        return _state_of(self.metadata, self.status)


class File(Object, frozen=True):
    """A DiscoveryFile."""

    spec: FileSpec
    status: FileStatus = FileStatus()

    @property
    def state(self) -> State:
        """The state of the file."""
        return _state_of(self.metadata, self.status)


def _state_of(metadata: Metadata, status: Status) -> State:
    """Read conditions as kstatus does, which is how kubectl wait, Helm and Flux read them."""
    ready = status.condition(READY)
    if ready is None:
        return State(Health.WARN, "Unknown", "Rollcall has not looked at it yet. Is it running?")
    if status.observed_generation < metadata.generation:
        return State(
            Health.WARN, "Outdated", "Rollcall has not taken in the last change of spec yet. Is it running?"
        )
    for kind, health in ((STALLED, Health.BAD), (RECONCILING, Health.WARN)):
        if (condition := status.condition(kind)) is not None and condition.is_true:
            return State(health, *_told(condition))
    if not ready.is_true:
        return State(Health.BAD, *_told(ready))
    if ready.reason in UNRESERVED:
        return State(Health.GOOD, ready.reason)
    return State(Health.WARN, *_told(ready))


def _told(condition: Condition) -> tuple[str, str]:
    return condition.reason, condition.message
