"""Releases: what a user asks for, and what is in force.

The two differ where an ask can't be followed; what is in force then stays as it was. It is kept in the status
of the ServiceInstance, which is the memory over a restart and from one leader to the next.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from .status import always

DEFAULT_VERSION_LABELS = ("app.kubernetes.io/version", "version")
"""Where the version of a pod is looked for, the first of them that it has."""


class Follow(StrEnum):
    """What the versions of a release are taken from: the kind of what rolls the pods out."""

    DEPLOYMENT = "Deployment"
    ROLLOUT = "Rollout"


class UnweightedTargets(StrEnum):
    """What goes of a canary release where sets of addresses carry no weights: other DNS servers, hosts."""

    ALL = "all"
    STABLE_ONLY = "stable-only"
    BY_COUNT = "by-count"


class BlueGreen(msgspec.Struct, frozen=True, rename="camel"):
    """One version is answered, at once and alone. `min_ready` instances must be ready before a switch."""

    active: str = ""
    min_ready: int = 1


class Step(msgspec.Struct, frozen=True):
    """A part of the answers in percent, and how long (a duration) a canary has to do well with it."""

    weight: int
    pause: str = ""


class Canary(msgspec.Struct, frozen=True, rename="camel"):
    """Two versions share the answers; `weight` is the canary's part in percent.

    With `steps` there is no weight: it is that of the step. A step is held while fewer than
    `min_ready_percent` of the canary's pods are available, or after one of them has restarted; what goes on
    for `rollback_after` (a duration) takes the canary out of the answers.
    """

    stable: str = ""
    canary: str = ""
    weight: int = 0
    unweighted_targets: UnweightedTargets = UnweightedTargets.ALL
    steps: tuple[Step, ...] = ()
    min_ready_percent: int = 75
    rollback_after: str = "5m"


class Release(msgspec.Struct, frozen=True, rename="camel"):
    """`spec.release`: at most one of the two strategies; without one all versions are answered.

    `version_label` is the pod label that holds the version, "" for the usual ones. With `follow` the label
    and the versions come from what rolls the pods out, and are left out here.
    """

    version_label: str = ""
    blue_green: BlueGreen | None = None
    canary: Canary | None = None
    follow: Follow | None = None

    @property
    def version_labels(self) -> tuple[str, ...]:
        """The pod labels that may hold the version, the first one that a pod has counts."""
        return (self.version_label,) if self.version_label else DEFAULT_VERSION_LABELS

    @property
    def version_source(self) -> str:
        """Where versions are read from, in words: `the label track`."""
        return label_of(self.version_labels)


def label_of(version_labels: Sequence[str]) -> str:
    """Write the pod labels that may hold the version."""
    return f"the label {' or '.join(version_labels)}"


class Strategy(StrEnum):
    """How versions share the answers of a service."""

    NONE = ""
    BLUE_GREEN = "BlueGreen"
    CANARY = "Canary"


class Released(msgspec.Struct, frozen=True):
    """The release in force, and what of it has to be remembered.

    `active` is the version that has the answers: blue/green's only one, a canary's stable one, "" where no
    version is told from another. `previous` was active before, the one that a rollback goes to. `canary` and
    `weight` (percent) are those of a canary; without a `canary` there is only one version for now.
    `version_label` is the label that these versions are read from, "" for the usual ones.
    """

    strategy: Strategy = Strategy.NONE
    active: str = ""
    previous: str = ""
    canary: str = ""
    weight: int = 0
    version_label: str = ""


class StepState(StrEnum):
    """How a canary with steps gets on. The last two are final."""

    PROGRESSING = "Progressing"
    HOLDING = "Holding"
    ROLLED_BACK = "RolledBack"
    COMPLETED = "Completed"


class Progress(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far the steps of a canary release have got: `status.release.steps`, which is the only memory of it.

    `stable` and `canary` say of which release it speaks. `step` counts from 1. Times are RFC 3339: the pause
    of the step runs from `since`; too few pods have been ready since `not_ready_since`; pods have been
    restarting since `restarting_since`, the last time at `restarted_at`; "" for none. `restarts` are those of
    the canary's pods, as far as they have been taken into account. `message` says why it is held, or went
    back.
    """

    stable: str
    canary: str
    since: str
    step: int = always(1)
    state: StepState = always(StepState.PROGRESSING)
    not_ready_since: str = ""
    restarting_since: str = ""
    restarted_at: str = ""
    restarts: int = 0
    message: str = ""
