"""What rolls out pods, from the API to the model. It is watched only where a service follows it."""

from sys import intern

from rollcall.model import Deployment, FlaggerCanary, Key, ReplicaSet, Rollout, RoutedWeight, Strategy

from .resource import Resource
from .wire import WireDeployment, WireReplicaSet, WorkloadMeta
from .wire_rollouts import WireFlaggerCanary, WireRollout, WireRolloutSpec, WireStrategy

_TEMPLATE_HASH = "pod-template-hash"
_ROLLOUTS_TEMPLATE_HASH = "rollouts-pod-template-hash"


def _deployment(wire: WireDeployment, key: Key) -> Deployment:
    meta, template = wire.metadata, wire.spec.template.metadata
    return Deployment(
        key=key,
        uid=meta.uid,
        owner=_owner(meta),
        labels=_labels(template.labels) if template else {},
        selector=_labels(wire.spec.selector.match_labels),
        revision=_revision(meta),
    )


def _replica_set(wire: WireReplicaSet, key: Key) -> ReplicaSet:
    meta = wire.metadata
    return ReplicaSet(
        key=key,
        uid=meta.uid,
        owner=_owner(meta),
        version=meta.labels.get(_TEMPLATE_HASH, ""),
        revision=_revision(meta),
        replicas=min(wire.spec.replicas, wire.status.replicas),
    )


def _rollout(wire: WireRollout, key: Key) -> Rollout:
    spec, status = wire.spec, wire.status
    canary = spec.strategy.canary
    steps = (canary.steps or ()) if canary else ()
    return Rollout(
        key=key,
        uid=wire.metadata.uid,
        labels=_rollout_labels(spec, status.selector),
        strategy=_strategy(spec.strategy),
        active=status.blue_green.active_selector,
        stable=status.stable_rs,
        current=status.current_pod_hash,
        steps=tuple(_percent(step.set_weight) for step in steps),
        step=max(status.current_step_index or 0, 0),
        aborted=status.abort,
        promoted=status.promote_full,
        routed=_routed(wire),
    )


def _flagger_canary(wire: WireFlaggerCanary, key: Key) -> FlaggerCanary:
    target = wire.spec.target_ref
    return FlaggerCanary(
        key=key,
        uid=wire.metadata.uid,
        target=target.name if target.kind == "Deployment" else "",
        weight=wire.status.canary_weight,
    )


def _strategy(strategy: WireStrategy) -> Strategy:
    if strategy.blue_green is not None:
        return Strategy.BLUE_GREEN
    return Strategy.CANARY if strategy.canary is not None else Strategy.NONE


def _routed(wire: WireRollout) -> RoutedWeight | None:
    """Read what a traffic router has been told; where there is one and it hasn't yet, nothing goes there."""
    canary, weights = wire.spec.strategy.canary, wire.status.canary.weights
    routing = canary.traffic_routing if canary else None
    if routing is None:
        return None
    whole = routing.max_traffic_weight or 100
    if weights is None:
        return RoutedWeight("", 0, whole)
    return RoutedWeight(weights.canary.pod_template_hash, weights.canary.weight, whole)


def _rollout_labels(spec: WireRolloutSpec, resolved: str) -> dict[str, str]:
    """Read the labels that pods of a Rollout have, as far as it says.

    Without a template, with a workloadRef, it is those that it selects by; without these the selector that
    the controller has made of it for the scale subresource (`status.selector`).
    """
    if spec.template is not None and spec.template.metadata and spec.template.metadata.labels:
        return _labels(spec.template.metadata.labels)
    if spec.selector is not None and spec.selector.match_labels:
        return _labels(spec.selector.match_labels)
    pairs = (part.partition("=") for part in resolved.split(","))
    found = {label: value for label, equals, value in pairs if equals and "!" not in label}
    found.pop(_ROLLOUTS_TEMPLATE_HASH, None)
    return _labels(found)


def _percent(weight: int | None) -> int | None:
    return None if weight is None else min(max(weight, 0), 100)


def _owner(meta: WorkloadMeta) -> str:
    return next((owner.uid for owner in meta.owner_references if owner.controller), "")


def _revision(meta: WorkloadMeta) -> int:
    text = meta.annotations.revision
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _labels(labels: dict[str, str]) -> dict[str, str]:
    return {intern(name): intern(value) for name, value in labels.items()}


DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment", WireDeployment, _deployment)
REPLICA_SETS = Resource("apps/v1", "replicasets", "ReplicaSet", WireReplicaSet, _replica_set)
ROLLOUTS = Resource("argoproj.io/v1alpha1", "rollouts", "Rollout", WireRollout, _rollout)
FLAGGER_CANARIES = Resource("flagger.app/v1beta1", "canaries", "Canary", WireFlaggerCanary, _flagger_canary)
