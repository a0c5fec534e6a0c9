"""Releases: what a user asks for, and what is in force.

The two differ where an ask can't be followed; what is in force then stays as it was. It is kept in the status
of the ServiceInstance, which is the memory over a restart and from one leader to the next.
"""

from enum import StrEnum

import msgspec

DEFAULT_VERSION_LABELS = ("app.kubernetes.io/version", "version")
"""Where the version of a pod is looked for, the first of them that it has."""


class UnweightedTargets(StrEnum):
    """What goes of a canary release where sets of addresses carry no weights: other DNS servers, hosts."""

    ALL = "all"
    STABLE_ONLY = "stable-only"
    BY_COUNT = "by-count"


class BlueGreen(msgspec.Struct, frozen=True, rename="camel"):
    """One version is answered, at once and alone. `min_ready` instances must be ready before a switch."""

    active: str
    min_ready: int = 1


class Canary(msgspec.Struct, frozen=True, rename="camel"):
    """Two versions share the answers; `weight` is the canary's part in percent."""

    stable: str
    canary: str
    weight: int = 0
    unweighted_targets: UnweightedTargets = UnweightedTargets.ALL


class Release(msgspec.Struct, frozen=True, rename="camel"):
    """`spec.release`: at most one of the two strategies; without one all versions are answered.

    `version_label` is the pod label that holds the version, "" for the usual ones.
    """

    version_label: str = ""
    blue_green: BlueGreen | None = None
    canary: Canary | None = None

    @property
    def version_labels(self) -> tuple[str, ...]:
        """The pod labels that may hold the version, the first one that a pod has counts."""
        return (self.version_label,) if self.version_label else DEFAULT_VERSION_LABELS


class Strategy(StrEnum):
    """How versions share the answers of a service."""

    NONE = ""
    BLUE_GREEN = "BlueGreen"
    CANARY = "Canary"


class Released(msgspec.Struct, frozen=True, rename="camel"):
    """The release in force, and what of it has to be remembered.

    `active` is the version that has the answers: blue/green's only one, a canary's stable one, "" where no
    version is told from another. `previous` was active before, the one that a rollback goes to. `canary` and
    `weight` (percent) are those of a canary.
    """

    strategy: Strategy = Strategy.NONE
    active: str = ""
    previous: str = ""
    canary: str = ""
    weight: int = 0
