"""What the release commands read: the ask and the state of a service, and how far zones have got."""

import msgspec

from rollcall.model import Canary, Progress, Release, Released, Strategy, ZoneSpec

from . import objects
from .objects import Condition, Publication, ZonePublication

RELEASED = "Released"


class Metadata(objects.Metadata, frozen=True, rename="camel"):
    """`metadata`, with what a change has to name of the object that it was decided on."""

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
    version_label: str = msgspec.field(default="", name="versionLabel")
    since: str = ""
    steps: Progress | None = None
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


class ReleasedService(objects.Named, frozen=True):
    """A ServiceInstance with its release."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()

    @property
    def canary(self) -> Canary | None:
        """The canary release that is asked for; of a roll-out that is followed with the versions in force."""
        asked, in_force = self.spec.release.canary, self.status.release
        if asked is None or self.spec.release.follow is None:
            return asked
        return msgspec.structs.replace(asked, stable=in_force.active, canary=in_force.canary)

    def condition(self, kind: str) -> Condition | None:
        """Return a condition, None where Rollcall has not said anything of this spec yet."""
        found = next((each for each in self.status.conditions if each.type == kind), None)
        is_of_now = found is not None and found.observed_generation >= self.metadata.generation
        return found if is_of_now else None


class TargetPublication(ZonePublication, frozen=True):
    """How far a domain has got at a target; `reason` and `message` are empty for our own server."""

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
