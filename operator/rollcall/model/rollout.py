"""What rolls pods out, as far as a release can follow it: slim, immutable, no field that nobody uses.

Deployments and ReplicaSets are Kubernetes' own. Rollouts are those of Argo Rollouts (argoproj.io/v1alpha1),
Canaries those of Flagger (flagger.app/v1beta1). Their fields change with every pod that becomes ready; only
those are kept that say which version is which, and what its share is.
"""

import msgspec

from .keys import Key
from .release import Strategy


class Deployment(msgspec.Struct, frozen=True):
    """A Deployment. `labels` are those of its pods (template), `selector` its matchLabels.

    `revision` is that of its newest ReplicaSet, 0 before the first. `owner` is the uid of what controls it.
    """

    key: Key
    uid: str
    owner: str = ""
    labels: dict[str, str] = {}
    selector: dict[str, str] = {}
    revision: int = 0


class ReplicaSet(msgspec.Struct, frozen=True):
    """A ReplicaSet. `owner` is the uid of what controls it; `version` its pod-template-hash.

    `replicas` counts the pods that it has and is to keep.
    """

    key: Key
    uid: str
    owner: str = ""
    version: str = ""
    revision: int = 0
    replicas: int = 0


class RoutedWeight(msgspec.Struct, frozen=True):
    """What a traffic router has been told: the part of the pods of one template hash, of `whole`."""

    version: str
    weight: int
    whole: int = 100


class Rollout(msgspec.Struct, frozen=True):
    """A Rollout. `labels` are those of its pods, as far as it says; versions are rollouts-pod-template-hash.

    `active` is blue/green's, `stable` and `current` are the template hashes of the last release and of the
    newest template. `steps` has the setWeight of each step of a canary, None for a step of another kind;
    `step` is the index of the one that it is at. `routed` is there with a traffic router.
    """

    key: Key
    uid: str
    labels: dict[str, str] = {}
    strategy: Strategy = Strategy.NONE
    active: str = ""
    stable: str = ""
    current: str = ""
    steps: tuple[int | None, ...] = ()
    step: int = 0
    aborted: bool = False
    promoted: bool = False
    routed: RoutedWeight | None = None


class FlaggerCanary(msgspec.Struct, frozen=True):
    """A Canary of Flagger. `target` is the Deployment that it steers, "" for another kind of target."""

    key: Key
    uid: str
    target: str = ""
    weight: int = 0


Workload = Deployment | ReplicaSet | Rollout | FlaggerCanary
