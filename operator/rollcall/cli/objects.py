"""Our custom resources as the commands read them: mainly their status, which no other part reads back.

Everything has a default, for an object that Rollcall has not looked at yet. The names are those of the API,
so that `-o json` prints what `kubectl get -o json` would.
"""

from enum import Enum
from typing import NamedTuple

import msgspec

from rollcall.model import Answer, Key, Naming


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
    """`metadata`, as far as it is shown."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0


class Named(msgspec.Struct, frozen=True):
    """An object in a namespace."""

    metadata: Metadata

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.metadata.namespace, self.metadata.name)


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """A condition (meta/v1 Condition)."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""


class Counts(msgspec.Struct, frozen=True):
    """How many instances a service has, exact also where the list is cut."""

    total: int = 0
    live: int = 0
    ready: int = 0
    eligible: int = 0


class Publication(msgspec.Struct, frozen=True, rename="camel"):
    """Where a service is published. `serial` is that of the zone's version that last changed it."""

    zone: str
    target: str
    dns_name: str
    serial: int = 0
    time: str = ""


class InstancePort(msgspec.Struct, frozen=True):
    """A port of an instance, resolved."""

    port: int
    protocol: str
    name: str = ""


class Instance(msgspec.Struct, frozen=True):
    """An instance, with the reason where it is not answered."""

    pod: str
    live: bool
    ready: bool
    eligible: bool
    name: str = ""
    addresses: tuple[str, ...] = ()
    ports: tuple[InstancePort, ...] = ()
    node: str = ""
    zone: str = ""
    version: str = ""
    weight: int = 0
    reason: str = ""
    message: str = ""


class ServiceStatus(msgspec.Struct, frozen=True, rename="camel"):
    """`status` of a ServiceInstance."""

    observed_generation: int = 0
    dns_name: str = ""
    ready: str = ""
    targets: str = ""
    reason: str = ""
    counts: Counts = Counts()
    publications: tuple[Publication, ...] = ()
    instances: tuple[Instance, ...] = ()
    truncated: bool = False
    last_change_time: str = ""
    conditions: tuple[Condition, ...] = ()


class ServiceSpec(msgspec.Struct, frozen=True):
    """`spec` of a ServiceInstance, as far as it explains an answer."""

    answer: Answer = Answer()


class Service(Named, frozen=True):
    """A ServiceInstance."""

    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()

    @property
    def uid(self) -> str:
        """The API's uid of the object."""
        return self.metadata.uid

    @property
    def left_out(self) -> tuple[Instance, ...]:
        """The instances that are listed and not answered."""
        return tuple(instance for instance in self.status.instances if not instance.eligible)

    @property
    def state(self) -> State:
        """The state of the service; a word of its own where nothing can be said."""
        state = state_of(self.metadata, self.status.observed_generation, self.status.conditions)
        if state.health is Health.GOOD:
            for condition in self.status.conditions:
                if condition.type == "EndpointsAvailable" and condition.status == "False":
                    return State(Health.WARN, *_told(condition))
        return state


class ZoneSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`spec` of a DiscoveryZone, as far as it is shown."""

    domain: str = ""
    naming: Naming = Naming.NAMESPACED


class ZonePublication(msgspec.Struct, frozen=True):
    """A place that a zone goes to, and the version there."""

    domain: str
    target: str
    serial: int = 0
    time: str = ""


class ZoneStatus(msgspec.Struct, frozen=True, rename="camel"):
    """`status` of a DiscoveryZone."""

    observed_generation: int = 0
    serial: int = 0
    records: int = 0
    names: int = 0
    services: int = 0
    digest: str = ""
    publications: tuple[ZonePublication, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Zone(msgspec.Struct, frozen=True):
    """A DiscoveryZone."""

    metadata: Metadata
    spec: ZoneSpec = ZoneSpec()
    status: ZoneStatus = ZoneStatus()

    @property
    def state(self) -> State:
        """The state of the zone."""
        return state_of(self.metadata, self.status.observed_generation, self.status.conditions)


class ConfigMap(msgspec.Struct, frozen=True):
    """Where a file is."""

    name: str = ""
    key: str = ""


class FileSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`spec` of a DiscoveryFile, as far as it is shown."""

    format: str = ""
    config_map: ConfigMap = ConfigMap()


class FileStatus(msgspec.Struct, frozen=True, rename="camel"):
    """`status` of a DiscoveryFile."""

    observed_generation: int = 0
    services: int = 0
    instances: int = 0
    bytes: int = 0
    parts: int = 0
    config_maps: tuple[str, ...] = ()
    digest: str = ""
    last_change_time: str = ""
    conditions: tuple[Condition, ...] = ()


class File(Named, frozen=True):
    """A DiscoveryFile."""

    spec: FileSpec = FileSpec()
    status: FileStatus = FileStatus()

    @property
    def state(self) -> State:
        """The state of the file."""
        return state_of(self.metadata, self.status.observed_generation, self.status.conditions)


def state_of(metadata: Metadata, observed_generation: int, conditions: tuple[Condition, ...]) -> State:
    """Read conditions as kstatus does, which is how kubectl wait, Helm and Flux read them."""
    held = {condition.type: condition for condition in conditions}
    if "Ready" not in held:
        return State(Health.WARN, "Unknown", "Rollcall has not looked at it yet. Is it running?")
    if observed_generation < metadata.generation:
        return State(
            Health.WARN, "Outdated", "Rollcall has not taken in the last change of spec yet. Is it running?"
        )
    stalled, reconciling, ready = held.get("Stalled"), held.get("Reconciling"), held["Ready"]
    if stalled is not None and stalled.status == "True":
        return State(Health.BAD, *_told(stalled))
    if reconciling is not None and reconciling.status == "True":
        return State(Health.WARN, *_told(reconciling))
    if ready.status == "True":
        # Another reason is one with a but: published, less a version whose name collides.
        is_whole = ready.reason in ("Published", "Written", "NoZone")
        return State(Health.GOOD, ready.reason) if is_whole else State(Health.WARN, *_told(ready))
    return State(Health.BAD, *_told(ready))


def _told(condition: Condition) -> tuple[str, str]:
    return condition.reason, condition.message
