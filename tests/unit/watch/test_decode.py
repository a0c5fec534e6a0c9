"""From the API's JSON to the model, field by field."""

from typing import Any

import msgspec
import pytest

from rollcall.model import (
    Answer,
    Canary,
    ConfigMapTarget,
    ContainerPort,
    DiscoveryFile,
    DiscoveryZone,
    Drain,
    Eligibility,
    FileServices,
    FileSpec,
    FlatName,
    Gate,
    InstanceNames,
    InstanceSpec,
    IPFamily,
    Key,
    LabelSelector,
    NameServer,
    Naming,
    Operator,
    Pod,
    Policy,
    Release,
    Released,
    Requirement,
    Service,
    ServiceInstance,
    ServicePort,
    Strategy,
    ZoneSpec,
)
from rollcall.watch import DISCOVERY_FILES, DISCOVERY_ZONES, PODS, SERVICE_INSTANCES, SERVICES, Resource

META = {"namespace": "shop", "name": "web-0", "uid": "u-1", "resourceVersion": "7", "generation": 3}
CREATED = "2026-11-24T06:00:00Z"


def read(resource: Resource[Any], obj: dict[str, Any]) -> Any:
    item = resource.read_item(msgspec.Raw(msgspec.json.encode(obj)))
    assert item.problem == ""
    assert item.object is not None
    assert item.uid == item.object.uid
    return item.object


def pod_of(
    metadata: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
) -> Pod:
    made = read(PODS, {"metadata": META | (metadata or {}), "spec": spec or {}, "status": status or {}})
    assert isinstance(made, Pod)
    return made


def test_a_whole_pod() -> None:
    pod = pod_of(
        {
            "labels": {"app": "web"},
            "annotations": {
                "rollcall.dev/weight": "20",
                "rollcall.dev/drain": "true",
                "example.com/other": "x",
            },
            "ownerReferences": [{"kind": "ReplicaSet"}],
        },
        {
            "hostname": "web-0",
            "subdomain": "web",
            "nodeName": "node-1",
            "containers": [
                {"name": "a", "image": "x", "ports": [{"name": "http", "containerPort": 8080}]},
                {"name": "b", "ports": [{"containerPort": 53, "protocol": "UDP"}]},
            ],
            "initContainers": [
                {"name": "once", "ports": [{"name": "never", "containerPort": 1}]},
                {
                    "name": "sidecar",
                    "restartPolicy": "Always",
                    "ports": [{"name": "admin", "containerPort": 9901, "protocol": "TCP"}],
                },
            ],
        },
        {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "False", "message": "containers with unready status: [a]"},
            ],
        },
    )
    assert pod == Pod(
        key=Key("shop", "web-0"),
        uid="u-1",
        labels={"app": "web"},
        phase="Running",
        deleting=False,
        ready=False,
        ready_message="containers with unready status: [a]",
        addresses=("10.0.0.1", "fd00::1"),
        hostname="web-0",
        subdomain="web",
        node="node-1",
        ports=(
            ContainerPort("http", "TCP", 8080),
            ContainerPort("", "UDP", 53),
            ContainerPort("admin", "TCP", 9901),
        ),
        weight="20",
        drain="true",
    )


def test_a_pod_of_which_nothing_is_known_yet() -> None:
    assert pod_of() == Pod(key=Key("shop", "web-0"), uid="u-1")


@pytest.mark.parametrize(
    ("status", "ready"), [("True", True), ("False", False), ("Unknown", False), ("Sometimes", None)]
)
def test_the_ready_condition(status: str, ready: bool | None) -> None:
    assert pod_of(status={"conditions": [{"type": "Ready", "status": status}]}).ready is ready


@pytest.mark.parametrize(
    ("status", "addresses"),
    [
        ({}, ()),
        ({"podIP": "10.0.0.1"}, ("10.0.0.1",)),
        ({"podIPs": [{"ip": "10.0.0.2"}], "podIP": "10.0.0.1"}, ("10.0.0.2",)),
        ({"podIPs": [{}], "podIP": ""}, ()),
        ({"podIPs": [{"ip": "not an address"}]}, ("not an address",)),
    ],
)
def test_addresses(status: dict[str, Any], addresses: tuple[str, ...]) -> None:
    assert pod_of(status=status).addresses == addresses


def test_a_deletion_timestamp_is_a_pod_being_deleted() -> None:
    assert pod_of({"deletionTimestamp": CREATED}).deleting is True


def test_a_service() -> None:
    spec = {
        "type": "NodePort",
        "clusterIP": "10.96.0.7",
        "selector": {"app": "web"},
        "publishNotReadyAddresses": True,
        "ipFamilies": ["IPv6", "IPv4"],
        "ports": [
            {"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP", "nodePort": 30080},
            {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
            {"port": 8080},
        ],
    }
    metadata = META | {"labels": {"team": "a"}, "creationTimestamp": CREATED}
    assert read(SERVICES, {"metadata": metadata, "spec": spec}) == Service(
        key=Key("shop", "web-0"),
        uid="u-1",
        created=CREATED,
        labels={"team": "a"},
        selector={"app": "web"},
        type="NodePort",
        ports=(
            ServicePort(80, "http", "TCP", "web"),
            ServicePort(53, "dns", "UDP", 5353),
            ServicePort(8080, "", "TCP", None),
        ),
        publish_not_ready=True,
        ip_families=(IPFamily.IPV6, IPFamily.IPV4),
    )


@pytest.mark.parametrize("spec", [{"type": "ExternalName", "externalName": "example.com"}, {"selector": {}}])
def test_a_service_without_a_selector(spec: dict[str, Any]) -> None:
    assert read(SERVICES, {"metadata": META, "spec": spec}).selector is None


def test_a_service_instance() -> None:
    obj = {
        "metadata": META | {"labels": {"team": "a"}},
        "spec": {
            "selector": {"app": "db"},
            "ports": [{"port": 5432, "name": "sql"}],
            "ttlSeconds": 1,
            "negativeTtlSeconds": 2,
            "answer": {"policy": "One"},
            "eligibility": {"publishNotReadyAddresses": False, "instanceNames": "Live"},
            "release": {"versionLabel": "version", "canary": {"stable": "v1", "canary": "v2", "weight": 5}},
            "drain": {"seconds": 30},
            "zones": ["internal"],
        },
        "status": {"counts": {"ready": 3}, "instances": [{"pod": "a"}]},
    }
    assert read(SERVICE_INSTANCES, obj) == ServiceInstance(
        key=Key("shop", "web-0"),
        uid="u-1",
        generation=3,
        labels={"team": "a"},
        spec=InstanceSpec(
            selector={"app": "db"},
            ports=(ServicePort(5432, "sql"),),
            ttl_seconds=1,
            negative_ttl_seconds=2,
            answer=Answer(Policy.ONE),
            eligibility=Eligibility(publish_not_ready_addresses=False, instance_names=InstanceNames.LIVE),
            release=Release("version", canary=Canary("v1", "v2", 5)),
            drain=Drain(30),
            zones=("internal",),
        ),
    )


def test_a_service_instance_is_the_same_whatever_we_write_into_its_status() -> None:
    before = {"metadata": META | {"resourceVersion": "8"}, "spec": {}, "status": {"serial": 1}}
    after = {"metadata": META | {"resourceVersion": "9"}, "spec": {}, "status": {"serial": 2}}
    assert read(SERVICE_INSTANCES, before) == read(SERVICE_INSTANCES, after)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (None, None),
        ({"versions": []}, Released()),
        (
            {
                "strategy": "BlueGreen",
                "active": "green",
                "previous": "blue",
                "summary": "green",
                "since": "x",
            },
            Released(Strategy.BLUE_GREEN, "green", "blue"),
        ),
        ({"strategy": "Rolling", "active": "green"}, None),
        ({"strategy": "Canary", "weight": "ten"}, None),
    ],
)
def test_what_a_status_remembers_of_a_release(release: Any, expected: Released | None) -> None:
    obj = {"metadata": META, "spec": {"ttlSeconds": 1}, "status": {"release": release}}
    instance = read(SERVICE_INSTANCES, obj)
    assert instance.released == expected
    assert instance.spec.ttl_seconds == 1, "a status from elsewhere costs no spec"


def test_a_discovery_zone() -> None:
    metadata = {"name": "internal", "uid": "u-2", "generation": 1, "creationTimestamp": CREATED}
    spec = {
        "domain": "svc.example.com",
        "namespaces": ["shop"],
        "serviceSelector": {
            "matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["x"]}],
        },
        "naming": "Flat",
        "flatNames": [{"name": "web", "namespace": "shop"}],
        "ttlSeconds": 3,
        "negativeTtlSeconds": 4,
        "nameServers": [{"name": "ns1.example.com", "addresses": ["192.0.2.1"]}],
        "reverseDomains": ["2.0.192.in-addr.arpa"],
    }
    item = DISCOVERY_ZONES.read_item(msgspec.Raw(msgspec.json.encode({"metadata": metadata, "spec": spec})))
    assert item.key == Key("", "internal")
    assert item.object == DiscoveryZone(
        name="internal",
        uid="u-2",
        generation=1,
        created=CREATED,
        spec=ZoneSpec(
            domain="svc.example.com",
            namespaces=("shop",),
            service_selector=LabelSelector({"a": "b"}, (Requirement("tier", Operator.IN, ("x",)),)),
            naming=Naming.FLAT,
            flat_names=(FlatName("web", "shop"),),
            ttl_seconds=3,
            negative_ttl_seconds=4,
            name_servers=(NameServer("ns1.example.com", ("192.0.2.1",)),),
            reverse_domains=("2.0.192.in-addr.arpa",),
        ),
    )


def test_a_discovery_file() -> None:
    spec = {
        "format": "envoy-eds",
        "configMap": {"name": "eds", "key": "eds.json"},
        "services": {"names": ["web"], "selector": {"matchLabels": {"a": "b"}}, "namespaces": ["shop"]},
        "port": "http",
        "domain": "example.com",
        "ttlSeconds": 9,
    }
    assert read(DISCOVERY_FILES, {"metadata": META, "spec": spec}) == DiscoveryFile(
        key=Key("shop", "web-0"),
        uid="u-1",
        generation=3,
        spec=FileSpec(
            format="envoy-eds",
            config_map=ConfigMapTarget("eds", "eds.json"),
            services=FileServices(("web",), LabelSelector({"a": "b"}), ("shop",)),
            port="http",
            domain="example.com",
            ttl_seconds=9,
        ),
    )


def test_what_replicas_share_is_held_once() -> None:
    spec = {"nodeName": "node-1", "containers": [{"ports": [{"name": "http", "containerPort": 80}]}]}
    first = pod_of({"name": "a", "labels": {"app": "a-long-value"}}, spec)
    second = pod_of({"name": "b", "labels": {"app": "a-long-value"}}, spec)
    assert first.key.namespace is second.key.namespace
    assert first.labels["app"] is second.labels["app"]
    assert first.node is second.node
    assert first.ports[0] is second.ports[0]


GATE = "rollcall.dev/published"


@pytest.mark.parametrize(
    ("gates", "conditions", "expected"),
    [
        ([], {"Ready": "False"}, None),
        (["other"], {"Ready": "False", "ContainersReady": "True"}, None),
        ([GATE], {}, Gate(None, "", None)),
        ([GATE], {"Ready": "True"}, Gate(True, "Ready is True", None)),
        ([GATE], {"Ready": "False", "ContainersReady": "True"}, Gate(True, "", None)),
        ([GATE], {"ContainersReady": "True", GATE: "True"}, Gate(True, "", True)),
        ([GATE], {"ContainersReady": "True", GATE: "False"}, Gate(True, "", False)),
        ([GATE], {"ContainersReady": "True", GATE: "Unknown"}, Gate(True, "", False)),
        (
            [GATE],
            {"Ready": "True", "ContainersReady": "False", GATE: "True"},
            Gate(False, "ContainersReady is False", True),
        ),
        ([GATE], {"ContainersReady": "Unknown"}, Gate(False, "ContainersReady is Unknown", None)),
        (
            [GATE, "other"],
            {"ContainersReady": "True"},
            Gate(False, "The pod's condition other is not True.", None),
        ),
        (["other", GATE], {"ContainersReady": "True", "other": "False"}, Gate(False, "other is False", None)),
        (["other", GATE], {"ContainersReady": "True", "other": "True"}, Gate(True, "", None)),
    ],
)
def test_the_publication_gate(gates: list[str], conditions: dict[str, str], expected: Gate | None) -> None:
    obj = {
        "metadata": META,
        "spec": {"readinessGates": [{"conditionType": gate} for gate in gates]},
        "status": {
            "conditions": [
                {"type": kind, "status": status, "message": f"{kind} is {status}"}
                for kind, status in conditions.items()
            ]
        },
    }
    assert read(PODS, obj).gate == expected
