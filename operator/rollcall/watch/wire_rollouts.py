"""The objects of Argo Rollouts and Flagger as far as we read them; as in `wire`.

The names are those of argoproj.io/v1alpha1 (Rollout) and flagger.app/v1beta1 (Canary).
"""

import msgspec

from .wire import WireKind, WireSelector, WireTemplate, WorkloadMeta


class WireStep(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A step of a canary; most kinds have no weight."""

    set_weight: int | None = None


class WireTrafficRouting(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """That there is a traffic router, and what its weights add up to."""

    max_traffic_weight: int | None = None


class WireCanaryStrategy(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`spec.strategy.canary`."""

    steps: tuple[WireStep, ...] | None = None
    traffic_routing: WireTrafficRouting | None = None


class WireBlueGreenStrategy(msgspec.Struct, frozen=True, gc=False):
    """`spec.strategy.blueGreen`: that it is there."""


class WireStrategy(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`spec.strategy`."""

    blue_green: WireBlueGreenStrategy | None = None
    canary: WireCanaryStrategy | None = None


class WireRolloutSpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of a Rollout; with a workloadRef it has no template, and maybe no selector."""

    template: WireTemplate | None = None
    selector: WireSelector | None = None
    strategy: WireStrategy = WireStrategy()


class WireWeight(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """What the router has been told of the pods of one template hash."""

    weight: int = 0
    pod_template_hash: str = ""


class WireWeights(msgspec.Struct, frozen=True, gc=False):
    """`status.canary.weights`."""

    canary: WireWeight = WireWeight()


class WireCanaryStatus(msgspec.Struct, frozen=True, gc=False):
    """`status.canary` of a Rollout."""

    weights: WireWeights | None = None


class WireBlueGreenStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`status.blueGreen` of a Rollout."""

    active_selector: str = ""


class WireRolloutStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`status` of a Rollout. `selector` is a label selector as text."""

    stable_rs: str = msgspec.field(default="", name="stableRS")
    current_pod_hash: str = ""
    current_step_index: int | None = None
    abort: bool = False
    promote_full: bool = False
    selector: str = ""
    blue_green: WireBlueGreenStatus = WireBlueGreenStatus()
    canary: WireCanaryStatus = WireCanaryStatus()


class WireRollout(WireKind, frozen=True, gc=False):
    """A Rollout of Argo Rollouts."""

    metadata: WorkloadMeta
    spec: WireRolloutSpec = WireRolloutSpec()
    status: WireRolloutStatus = WireRolloutStatus()


class WireTargetRef(msgspec.Struct, frozen=True, gc=False):
    """`spec.targetRef` of a Canary."""

    kind: str = ""
    name: str = ""


class WireFlaggerSpec(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`spec` of a Canary."""

    target_ref: WireTargetRef = WireTargetRef()


class WireFlaggerStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`status` of a Canary."""

    canary_weight: int = 0


class WireFlaggerCanary(WireKind, frozen=True, gc=False):
    """A Canary of Flagger."""

    metadata: WorkloadMeta
    spec: WireFlaggerSpec = WireFlaggerSpec()
    status: WireFlaggerStatus = WireFlaggerStatus()
