"""Custom resources with a status as Rollcall writes it: what the commands are shown in the tests."""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

API_VERSION = "rollcall.dev/v1alpha1"
SINCE = "2026-01-01T12:00:00Z"
LATER = "2026-01-01T12:04:48Z"


def condition(kind: str, status: bool, reason: str, message: str = "", generation: int = 1) -> Json:
    return {
        "type": kind,
        "status": str(status),
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": SINCE,
    }


PUBLISHED = condition("Ready", True, "Published", "3 of 5 instances are answered.")
WRITTEN = condition("Ready", True, "Written", "3 instances of 2 services.")
AVAILABLE = condition("EndpointsAvailable", True, "EndpointsAvailable", "3 of 5 instances are answered.")


def instance(pod: str, last: int, reason: str = "", message: str = "", **more: Any) -> Json:
    made = {
        "pod": pod,
        "name": f"10-1-0-{last}",
        "addresses": [f"10.1.0.{last}"],
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
        "node": "node-1",
        "zone": "a",
        "version": "v1",
        "weight": 100,
        "live": reason in ("", "NotReady"),
        "ready": not reason,
        "eligible": not reason,
    }
    return made | ({"reason": reason, "message": message} if reason else {}) | more


def service(name: str, status: Json, namespace: str = "shop", **spec: Any) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "ServiceInstance",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": 1},
        "spec": spec,
        "status": status,
    }


def publication(name: str, zone: str = "internal", serial: int = 1767268800) -> Json:
    return {"zone": zone, "target": "serve", "dnsName": name, "serial": serial, "time": LATER}


WEB = service(
    "web",
    {
        "observedGeneration": 1,
        "dnsName": "web.shop.k8s.example.com",
        "ready": "3/5",
        "targets": "1/1",
        "reason": "Published",
        "counts": {"total": 5, "live": 4, "ready": 3, "eligible": 3},
        "publications": [publication("web.shop.k8s.example.com")],
        "instances": [
            instance("web-3", 13, "NotReady", "containers with unready status: [app]"),
            instance("web-4", 14, "Deleting", "The pod is being deleted."),
            instance("web-0", 10, addresses=["10.1.0.10", "2001:db8::10"]),
            instance("web-1", 11),
            instance("web-2", 12, version="v2", weight=10),
        ],
        "lastChangeTime": LATER,
        "conditions": [PUBLISHED, AVAILABLE],
    },
    answer={"policy": "Random", "count": 2},
)
API = service(
    "api",
    {
        "observedGeneration": 1,
        "dnsName": "api.shop.k8s.example.com",
        "ready": "0/1",
        "targets": "1/1",
        "reason": "NoEligibleInstances",
        "counts": {"total": 1, "live": 0, "ready": 0, "eligible": 0},
        "publications": [publication("api.shop.k8s.example.com")],
        "instances": [
            {
                "pod": "api-0",
                "live": False,
                "ready": False,
                "eligible": False,
                "reason": "Pending",
                "message": "The pod has not started yet.",
            }
        ],
        "lastChangeTime": SINCE,
        "conditions": [
            PUBLISHED,
            condition(
                "EndpointsAvailable",
                False,
                "NoEligibleInstances",
                "0 of 1 instance is answered: 1 Pending. See status.instances.",
            ),
        ],
    },
)
TAKEN = service(
    "web",
    {
        "observedGeneration": 1,
        "ready": "0/0",
        "targets": "0/1",
        "reason": "NameCollision",
        "counts": {"total": 0, "live": 0, "ready": 0, "eligible": 0},
        "conditions": [
            condition("Ready", False, "NameCollision", "The name belongs to shop/web, which is older."),
            condition("Stalled", True, "NameCollision", "The name belongs to shop/web, which is older."),
        ],
    },
    namespace="test",
)
NEW = service("new", {}, namespace="test")

INTERNAL = {
    "apiVersion": API_VERSION,
    "kind": "DiscoveryZone",
    "metadata": {"name": "internal", "generation": 1},
    "spec": {"domain": "k8s.example.com"},
    "status": {
        "observedGeneration": 1,
        "owner": "rollcall",
        "serial": 1767268800,
        "records": 14,
        "names": 9,
        "services": 2,
        "digest": "5eed",
        "publications": [
            {"domain": "k8s.example.com", "target": "serve", "serial": 1767268800, "time": LATER}
        ],
        "conditions": [PUBLISHED],
    },
}
SECOND = {
    "apiVersion": API_VERSION,
    "kind": "DiscoveryZone",
    "metadata": {"name": "second", "generation": 1},
    "spec": {"domain": "k8s.example.com"},
    "status": {
        "observedGeneration": 1,
        "conditions": [
            condition("Ready", False, "DomainTaken", "The domain belongs to internal, which is older."),
            condition("Stalled", True, "DomainTaken", "The domain belongs to internal, which is older."),
        ],
    },
}
TARGETS = {
    "apiVersion": API_VERSION,
    "kind": "DiscoveryFile",
    "metadata": {"name": "targets", "namespace": "shop", "generation": 1},
    "spec": {"format": "prometheus", "configMap": {"name": "prometheus-targets", "key": "targets.json"}},
    "status": {
        "observedGeneration": 1,
        "services": 2,
        "instances": 3,
        "bytes": 512,
        "parts": 1,
        "configMaps": ["prometheus-targets"],
        "digest": "f11e",
        "lastChangeTime": LATER,
        "conditions": [WRITTEN],
    },
}

OBJECTS = [WEB, API, TAKEN, NEW, INTERNAL, SECOND, TARGETS]
PLURALS = {
    "ServiceInstance": "serviceinstances",
    "DiscoveryZone": "discoveryzones",
    "DiscoveryFile": "discoveryfiles",
}
