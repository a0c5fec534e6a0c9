"""What the release commands read: the ask and the state of a service, and how far zones have got."""

import msgspec

from rollcall.model import Key, Release, Released, Strategy, ZoneSpec

from .objects import Condition, Publication

RELEASED = "Released"


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """`metadata`, with what a change has to name of the object that it was decided on."""

    name: str
    namespace: str = ""
    generation: int = 0
    resource_version: str = ""


class VersionState(msgspec.Struct, frozen=True):
    """The instances of a version, and its part of the answers."""

    version: str
    name: str = ""
    total: int = 0
    available: int = 0
    eligible: int = 0
    share: str = ""


class ReleaseStatus(msgspec.Struct, frozen=True):
    """`status.release`: what is in force."""

    strategy: Strategy = Strategy.NONE
    summary: str = ""
    active: str = ""
    previous: str = ""
    canary: str = ""
    weight: int = 0
    since: str = ""
    versions: tuple[VersionState, ...] = ()

    @property
    def released(self) -> Released:
        """The release in force, as the model has it."""
        return Released(self.strategy, self.active, self.previous, self.canary, self.weight)

    def available(self, version: str) -> int:
        """Count the ready instances of a version."""
        return next((each.available for each in self.versions if each.version == version), 0)


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """`status` of a ServiceInstance, as far as a release goes."""

    observed_generation: int = 0
    release: ReleaseStatus = ReleaseStatus()
    publications: tuple[Publication, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Spec(msgspec.Struct, frozen=True):
    """`spec` of a ServiceInstance, as far as a release goes."""

    release: Release = Release()


class ReleasedService(msgspec.Struct, frozen=True):
    """A ServiceInstance with its release."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.metadata.namespace, self.metadata.name)

    def condition(self, kind: str) -> Condition | None:
        """Return a condition, None where Rollcall has not said anything of this spec yet."""
        found = next((each for each in self.status.conditions if each.type == kind), None)
        is_of_now = found is not None and found.observed_generation >= self.metadata.generation
        return found if is_of_now else None


class TargetPublication(msgspec.Struct, frozen=True):
    """How far a domain has got at a target; `reason` and `message` are empty for our own server."""

    domain: str
    target: str
    serial: int = 0
    reason: str = ""
    message: str = ""


class PublishedStatus(msgspec.Struct, frozen=True):
    """`status` of a DiscoveryZone, as far as it says who has what."""

    publications: tuple[TargetPublication, ...] = ()


class PublishedZone(msgspec.Struct, frozen=True):
    """A DiscoveryZone with its targets."""

    metadata: Metadata
    spec: ZoneSpec
    status: PublishedStatus = PublishedStatus()
