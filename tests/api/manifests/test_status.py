"""Status as the operator writes it: taken whole, shown by kubectl, bounded."""

import json

import msgspec
import pytest

from api.manifests.resources import Json, Resources
from controlplane import ApiError
from rollcall.status.kinds import Kind
from unit.manifests.sources import NODES

TIME = "2026-01-02T03:04:05Z"


def condition(kind: str, status: str, reason: str, message: str = "") -> Json:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": TIME,
        "observedGeneration": 1,
    }


def instance(number: int) -> Json:
    return {
        "pod": f"web-6d4b75cb6d-{number:05}",
        "name": f"10-1-{number // 256}-{number % 256}",
        "addresses": [f"10.1.{number // 256}.{number % 256}", f"2001:db8::{number:x}"],
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
        "node": "node-0",
        "zone": "eu-1a",
        "version": "v1",
        "weight": 100,
        "live": True,
        "ready": False,
        "eligible": False,
        "reason": "NotReady",
        "message": "containers with unready status: [web]",
        "drainingSince": TIME,
        "drainingUntil": TIME,
        "endpointSlice": "web-x7k2p",
    }


INSTANCE_STATUS: Json = {
    "observedGeneration": 1,
    "dnsName": "web.shop.k8s.example.com",
    "ready": "3/5",
    "targets": "1/1",
    "reason": "Published",
    "counts": {"total": 5, "live": 4, "ready": 3, "eligible": 3},
    "leftOut": {"NotReady": 2, "Failed": 20},
    "release": {
        "strategy": "Canary",
        "summary": "v1 90%, v2 10%",
        "active": "v1",
        "previous": "v0",
        "canary": "v2",
        "weight": 10,
        "versionLabel": "pod-template-hash",
        "since": TIME,
        "steps": {
            "stable": "v1",
            "canary": "v2",
            "step": 1,
            "state": "Holding",
            "since": TIME,
            "notReadySince": TIME,
            "restartingSince": TIME,
            "restartedAt": TIME,
            "restarts": 1,
            "message": "1 of 2 instances of v2 are ready.",
        },
        "versions": [
            {"version": "v1", "name": "v1", "total": 4, "available": 2, "eligible": 2, "share": "90%"}
        ],
    },
    "publications": [
        {
            "zone": "internal",
            "target": "serve",
            "dnsName": "web.shop.k8s.example.com",
            "serial": 4294967295,
            "time": TIME,
        },
        {
            "zone": "internal",
            "target": "ns1",
            "dnsName": "web.shop.k8s.example.com",
            "serial": 4294967290,
            "time": TIME,
            "reason": "NamesTaken",
            "message": "1 name exists at the server without a marker of ours.",
        },
    ],
    "instances": [instance(1)],
    "truncated": False,
    "lastChangeTime": TIME,
    "conditions": [
        condition("Ready", "True", "Published", "3 of 5 instances are answered."),
        condition("EndpointsAvailable", "True", "Eligible"),
    ],
}
ZONE_STATUS: Json = {
    "observedGeneration": 1,
    "owner": "rollcall",
    "serial": 4294967295,
    "records": 120,
    "names": 40,
    "services": 12,
    "digest": "0123456789abcdef",
    "publications": [
        {"domain": "k8s.example.com", "target": "serve", "serial": 4294967295, "time": TIME},
        {
            "domain": "k8s.example.com",
            "target": "bind",
            "serial": 0,
            "reason": "BadKey",
            "message": "The server does not know the key rollcall: add it there.",
            "lagSeconds": 12,
        },
    ],
    "conditions": [condition("Ready", "False", "DomainTaken", "The zone old has this domain.")],
}
FILE_STATUS: Json = {
    "observedGeneration": 1,
    "services": 2,
    "instances": 7,
    "bytes": 4096,
    "parts": 1,
    "configMaps": ["targets"],
    "leftOut": [
        {"namespace": "shop", "name": "queue", "reason": "NoSuchPort", "message": "It has no port metrics."}
    ],
    "digest": "0123456789abcdef",
    "lastChangeTime": TIME,
    "conditions": [condition("Ready", "True", "Written")],
}
KINDS: dict[str, tuple[Json, Json]] = {
    "ServiceInstance": ({}, INSTANCE_STATUS),
    "DiscoveryZone": ({"domain": "k8s.example.com"}, ZONE_STATUS),
    "DiscoveryFile": (
        {"format": "prometheus", "configMap": {"name": "targets", "key": "targets.json"}},
        FILE_STATUS,
    ),
}
COLUMNS: dict[str, list[tuple[str, str]]] = {
    "ServiceInstance": [
        ("NAME", "web"),
        ("DNS NAME", "web.shop.k8s.example.com"),
        ("READY", "3/5"),
        ("TARGETS", "1/1"),
        ("REASON", "Published"),
        ("LAST CHANGE", ""),
        ("AGE", ""),
        ("LIVE", "4"),
        ("POLICY", ""),
        ("RELEASE", "v1 90%, v2 10%"),
        ("MESSAGE", "3 of 5 instances are answered."),
    ],
    "DiscoveryZone": [
        ("NAME", "web"),
        ("DOMAIN", "k8s.example.com"),
        ("SERIAL", "4294967295"),
        ("RECORDS", "120"),
        ("SERVICES", "12"),
        ("READY", "False"),
        ("REASON", "DomainTaken"),
        ("AGE", ""),
        ("OWNER", "rollcall"),
        ("NAMES", "40"),
        ("TTL", "5"),
        ("MESSAGE", "The zone old has this domain."),
    ],
    "DiscoveryFile": [
        ("NAME", "web"),
        ("FORMAT", "prometheus"),
        ("CONFIGMAP", "targets"),
        ("SERVICES", "2"),
        ("READY", "True"),
        ("REASON", "Written"),
        ("AGE", ""),
        ("KEY", "targets.json"),
        ("INSTANCES", "7"),
        ("BYTES", "4096"),
        ("PARTS", "1"),
        ("LAST CHANGE", ""),
        ("MESSAGE", ""),
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_is_stored_as_it_was_written(resources: Resources, kind: str) -> None:
    spec, status = KINDS[kind]
    resources.create(kind, spec)
    assert resources.patch_status(kind, status)["status"] == status


@pytest.mark.parametrize("kind", Kind)
def test_it_is_what_the_types_of_the_model_read_and_write(kind: Kind) -> None:
    _, status = KINDS[kind]
    assert msgspec.json.decode(msgspec.json.encode(msgspec.convert(status, kind.status))) == status


@pytest.mark.parametrize("kind", KINDS)
def test_this_test_writes_every_field(kind: str) -> None:
    def paths(value: object, path: str) -> set[str]:
        if isinstance(value, dict):
            return {path}.union(*(paths(item, f"{path}.{key}") for key, item in value.items()))
        if isinstance(value, list):
            return {path}.union(*(paths(item, f"{path}[]") for item in value))
        return {path}

    fields = {n.path for n in NODES if n.role == "property" and n.path.startswith(f"{kind}.status")}
    assert fields - paths(KINDS[kind][1], f"{kind}.status") == set()


@pytest.mark.parametrize("kind", KINDS)
def test_is_not_written_with_the_spec(resources: Resources, kind: str) -> None:
    spec, status = KINDS[kind]
    resources.create(kind, spec)
    target = resources.path(kind, "web")
    assert "status" not in resources.cluster.client.patch(target, {"status": status})
    assert resources.patch_status(kind, status)["metadata"]["generation"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_kubectl_get(resources: Resources, kind: str) -> None:
    """Compare names and contents of all columns; the table comes from the API server, as for kubectl."""
    spec, status = KINDS[kind]
    resources.create(kind, spec)
    resources.patch_status(kind, status)
    plural = resources.path(kind).rpartition("/")[2]
    wide = resources.cluster.kubectl("get", plural, "--namespace", resources.namespace, "--output", "wide")
    header, row = wide.splitlines()
    starts = [header.index(name) for name, _ in COLUMNS[kind]]
    assert header.split() == [word for name, _ in COLUMNS[kind] for word in name.split()]
    cells = [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
    assert [
        (name, expected or cell) for (name, expected), cell in zip(COLUMNS[kind], cells, strict=True)
    ] == [(name, cell) for (name, _), cell in zip(COLUMNS[kind], cells, strict=True)]


def test_the_narrow_table(resources: Resources) -> None:
    resources.create("ServiceInstance", {})
    header = resources.cluster.kubectl("get", "si", "--namespace", resources.namespace).splitlines()[0]
    assert header.split() == ["NAME", "DNS", "NAME", "READY", "TARGETS", "REASON", "LAST", "CHANGE", "AGE"]


def test_all_kinds_are_in_one_category(resources: Resources) -> None:
    for kind, (spec, _) in KINDS.items():
        resources.create(kind, spec)
    names = resources.cluster.kubectl(
        "get", "rollcall", "--namespace", resources.namespace, "--output", "name"
    )
    assert sorted(line.partition(".")[0] for line in names.split()) == [
        "discoveryfile",
        "discoveryzone",
        "serviceinstance",
    ]


@pytest.mark.parametrize(
    ("kind", "selector"),
    [
        ("ServiceInstance", "status.reason=Published"),
        ("ServiceInstance", "status.dnsName=web.shop.k8s.example.com"),
        ("DiscoveryZone", "spec.domain=k8s.example.com"),
        ("DiscoveryFile", "spec.format=prometheus"),
        ("DiscoveryFile", "spec.configMap.name=targets"),
    ],
)
def test_field_selectors(resources: Resources, kind: str, selector: str) -> None:
    spec, status = KINDS[kind]
    resources.create(kind, spec)
    resources.patch_status(kind, status)
    client, target = resources.cluster.client, resources.path(kind)
    assert len(client.list(target, fieldSelector=selector)["items"]) == 1
    assert client.list(target, fieldSelector=selector.replace("=", "!="))["items"] == []


def test_a_thousand_instances_fit_and_no_more(resources: Resources) -> None:
    resources.create("ServiceInstance", {})
    instances = [instance(number) for number in range(1000)]
    resources.patch_status("ServiceInstance", {**INSTANCE_STATUS, "instances": instances})
    stored = resources.cluster.client.get(resources.path("ServiceInstance", "web"))
    assert stored["status"]["instances"] == instances
    assert len(json.dumps(stored, separators=(",", ":"))) < 1_000_000, "etcd takes 1.5 MiB a request"
    with pytest.raises(ApiError, match="must have at most 1000 items"):
        resources.patch_status("ServiceInstance", {"instances": [*instances, instance(1000)]})


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"conditions": [condition("Ready", "True", "")]}, "conditions\\[0\\].reason"),
        (
            {"conditions": [condition("Ready", "true", "Published")]},
            'supported values: "True", "False", "Unknown"',
        ),
        ({"publications": [{"zone": "a", "target": "serve", "dnsName": "b", "serial": 2**32}]}, "4294967295"),
        ({"lastChangeTime": "yesterday"}, "must be of type date-time"),
        ({"counts": {"ready": -1}}, "greater than or equal to 0"),
        ({"readyInstances": 3}, "unknown field"),
    ],
)
def test_a_wrong_status_is_refused(resources: Resources, status: Json, message: str) -> None:
    resources.create("ServiceInstance", {})
    with pytest.raises(ApiError, match=message):
        resources.patch_status("ServiceInstance", status)
