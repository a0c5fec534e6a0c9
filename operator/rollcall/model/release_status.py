"""`status.release` of a ServiceInstance: what is in force, and the only memory of it."""

import msgspec

from .release import Progress, Released, Strategy
from .status import always

MAX_VERSIONS = 64
"""So many versions are in the status; of another one nothing is known when the list is full."""


class RememberedRelease(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The part that is read back over a restart, and by every replica. `weight` is None without a canary."""

    strategy: Strategy = Strategy.NONE
    active: str = ""
    previous: str = ""
    canary: str = ""
    weight: int | None = None
    version_label: str = ""
    steps: Progress | None = None

    @property
    def released(self) -> Released:
        """The release in force."""
        return Released(
            self.strategy, self.active, self.previous, self.canary, self.weight or 0, self.version_label
        )


class VersionStatus(msgspec.Struct, frozen=True):
    """The instances of a version, and its part of the answers. `name` is its DNS label."""

    version: str
    name: str = ""
    total: int = 0
    available: int = 0
    eligible: int = 0
    share: str = ""


class ReleaseStatus(RememberedRelease, frozen=True, rename="camel", omit_defaults=True):
    """`summary` says which versions are answered: `blue`, `v1 90%, v2 10%`; `since` is since when."""

    summary: str = ""
    since: str = ""
    versions: tuple[VersionStatus, ...] = always(())

    def available(self, version: str) -> int:
        """Count the ready instances of a version."""
        return next((each.available for each in self.versions if each.version == version), 0)
