"""Deployments, ReplicaSets, Rollouts and Canaries as the API writes them."""

from typing import Any

import msgspec
import pytest

from rollcall.model import Deployment, FlaggerCanary, Key, ReplicaSet, Rollout, RoutedWeight, Strategy
from rollcall.watch.resource import Resource
from rollcall.watch.workloads import DEPLOYMENTS, FLAGGER_CANARIES, REPLICA_SETS, ROLLOUTS
from unit.api_objects import event

WEB = Key("shop", "web")
OWNED = [
    {"apiVersion": "v1", "kind": "Config", "name": "x", "uid": "uid-other"},
    {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-owner", "controller": True},
]


def read(resource: Resource[Any], **fields: Any) -> Any:
    metadata = {"namespace": "shop", "name": "web", "uid": "uid", **fields.pop("metadata", {})}
    item = resource.read_item(msgspec.Raw(msgspec.json.encode({"metadata": metadata, **fields})))
    assert item.problem == ""
    return item.object


def test_a_deployment() -> None:
    found = read(
        DEPLOYMENTS,
        metadata={
            "annotations": {"deployment.kubernetes.io/revision": "7", "other": "x"},
            "labels": {"a": "b"},
        },
        spec={
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"creationTimestamp": None, "labels": {"app": "web", "tier": "front"}},
                "spec": {"containers": [{"name": "web"}]},
            },
        },
        status={"replicas": 3},
    )
    assert found == Deployment(WEB, "uid", "", {"app": "web", "tier": "front"}, {"app": "web"}, 7)


def test_a_replica_set() -> None:
    found = read(
        REPLICA_SETS,
        metadata={
            "labels": {"app": "web", "pod-template-hash": "7d9f"},
            "annotations": {"deployment.kubernetes.io/revision": "2"},
            "ownerReferences": OWNED,
        },
        spec={"replicas": 3},
        status={"replicas": 2, "availableReplicas": 1},
    )
    assert found == ReplicaSet(WEB, "uid", "uid-owner", "7d9f", 2, 2)


@pytest.mark.parametrize(("wanted", "there"), [(0, 2), (2, 0)])
def test_a_replica_set_has_no_pods_where_it_is_to_keep_none(wanted: int, there: int) -> None:
    found = read(REPLICA_SETS, metadata={}, spec={"replicas": wanted}, status={"replicas": there})
    assert found == ReplicaSet(WEB, "uid")


@pytest.mark.parametrize("revision", ["", "x", "-1", "1.5", "9" * 30])
def test_a_revision_that_is_none_is_0(revision: str) -> None:
    found = read(REPLICA_SETS, metadata={"annotations": {"deployment.kubernetes.io/revision": revision}})
    assert found == ReplicaSet(WEB, "uid")


def test_a_canary_of_argo_rollouts() -> None:
    found = read(
        ROLLOUTS,
        spec={
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web", "tier": "front"}}},
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]}},
        },
        status={
            "stableRS": "abc",
            "currentPodHash": "def",
            "currentStepIndex": 1,
            "observedGeneration": "4",
            "canary": {},
            "blueGreen": {},
        },
    )
    assert found == Rollout(
        WEB,
        "uid",
        {"app": "web", "tier": "front"},
        Strategy.CANARY,
        stable="abc",
        current="def",
        steps=(20, None, 60),
        step=1,
    )


def test_blue_green_of_argo_rollouts() -> None:
    found = read(
        ROLLOUTS,
        spec={"strategy": {"blueGreen": {"activeService": "web"}}},
        status={"blueGreen": {"activeSelector": "abc"}, "abort": True, "promoteFull": True},
    )
    assert found.strategy is Strategy.BLUE_GREEN
    assert (found.active, found.aborted, found.promoted) == ("abc", True, True)


def test_a_rollout_that_has_just_been_made() -> None:
    assert read(ROLLOUTS, spec={"strategy": {"canary": {}}}) == Rollout(WEB, "uid", {}, Strategy.CANARY)


@pytest.mark.parametrize(
    ("routing", "canary", "routed"),
    [
        (None, {"weights": {"canary": {"weight": 5}}}, None),
        ({"nginx": {}}, {}, RoutedWeight("", 0)),
        (
            {"nginx": {}},
            {"weights": {"canary": {"weight": 5, "podTemplateHash": "def"}, "stable": {"weight": 95}}},
            RoutedWeight("def", 5),
        ),
        (
            {"maxTrafficWeight": 1000},
            {"weights": {"canary": {"weight": 5, "podTemplateHash": "def"}}},
            RoutedWeight("def", 5, 1000),
        ),
    ],
)
def test_what_a_traffic_router_was_told(routing: Any, canary: Any, routed: RoutedWeight | None) -> None:
    found = read(
        ROLLOUTS, spec={"strategy": {"canary": {"trafficRouting": routing}}}, status={"canary": canary}
    )
    assert found.routed == routed


@pytest.mark.parametrize(
    ("spec", "selector"),
    [
        ({"template": {"metadata": {"labels": {"app": "web"}}}}, "app=other"),
        ({"template": {}, "selector": {"matchLabels": {"app": "web"}}}, ""),
        ({"workloadRef": {"kind": "Deployment", "name": "x"}}, "app=web"),
        ({"workloadRef": {}}, "app=web,rollouts-pod-template-hash=abc"),
        ({"workloadRef": {}}, "app=web,tier in (a,b),x!=y,!z"),
    ],
)
def test_the_labels_of_a_rollouts_pods(spec: Any, selector: str) -> None:
    assert read(ROLLOUTS, spec=spec, status={"selector": selector}).labels == {"app": "web"}


@pytest.mark.parametrize(("kind", "target"), [("Deployment", "web"), ("DaemonSet", "")])
def test_a_canary_of_flagger(kind: str, target: str) -> None:
    found = read(
        FLAGGER_CANARIES,
        spec={"targetRef": {"apiVersion": "apps/v1", "kind": kind, "name": "web"}, "service": {"port": 80}},
        status={"phase": "Progressing", "canaryWeight": 30, "failedChecks": 0, "iterations": 0},
    )
    assert found == FlaggerCanary(WEB, "uid", target, 30)


def test_events_of_what_we_do_not_read_change_nothing() -> None:
    metadata = {"name": "web", "namespace": "shop", "uid": "uid", "resourceVersion": "9"}
    lines = [
        event(REPLICA_SETS, "MODIFIED", {"metadata": metadata, "status": {"replicas": 3, "readyReplicas": n}})
        for n in (1, 2)
    ]
    one, other = (REPLICA_SETS.read_event(line).item for line in lines)
    assert one == other
