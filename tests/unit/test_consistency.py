"""What no cluster could hand us is refused, each with the rule that it breaks."""

from typing import Any

import pytest

from rollcall.model import Answer, ContainerPort, Deployment, Gate, Key, Pod, ReplicaSet, ServicePort
from unit.consistency import History, Impossible, check, check_body
from unit.world import World, pod, resource, service, zone

OPEN = Gate(True, "", True)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"name": "Web"}, "a name is an RFC 1123 subdomain"),
        ({"name": f"{'a.' * 127}a"}, "a name is an RFC 1123 subdomain"),
        ({"namespace": "shop.eu"}, "a namespace is an RFC 1123 label"),
        ({"uid": ""}, "the API server gives each object a uid"),
        ({"labels": {"app": "_"}}, "a label's value is"),
        ({"labels": {"app": "x" * 64}}, "a label's value is"),
        ({"labels": {"-app": "web"}}, "a label's name is"),
        ({"labels": {"Ex.com/app": "web"}}, "a label's name is"),
        ({"phase": "Ready"}, "no pod is in phase"),
        ({"phase": "Pending"}, "the kubelet says of no Pending pod that it is ready"),
        ({"phase": "Failed"}, "the kubelet says of no Failed pod that it is ready"),
        ({"address": ""}, "a ready pod has an address"),
        ({"gate": Gate(True, "", None)}, "a pod is not ready while its readiness gate is not open"),
        ({"node": ""}, "a pod that runs, or has an address, is on a node"),
        ({"node": "", "phase": "Pending", "ready": None}, "a pod that runs, or has an address, is on a node"),
        ({"addresses": ("web",)}, "podIPs are addresses"),
        ({"addresses": ("10.0.0.256",)}, "podIPs are addresses"),
        ({"addresses": ("fe80::1%eth0",)}, "podIPs are addresses"),
        ({"addresses": ("10.0.0.1", "10.0.0.2")}, "podIPs hold one address of a family"),
        ({"hostname": "Not_Valid"}, "a hostname is an RFC 1123 label"),
        ({"ports": (ContainerPort("http_1", "TCP", 80),)}, "a container's port name is an IANA service name"),
        ({"ports": (ContainerPort("80", "TCP", 80),)}, "a container's port name is an IANA service name"),
        ({"ports": (ContainerPort("p" * 16, "TCP", 80),)}, "a container's port name is an IANA service name"),
        ({"ports": (ContainerPort("web", "QUIC", 80),)}, "no port is of protocol"),
        ({"ports": (ContainerPort("web", "TCP", 0),)}, "a port is from 1 to 65535"),
        ({"restarts": -1}, "restarts are counted from 0"),
    ],
)
def test_a_pod_that_can_not_be(fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(Impossible, match=f"^Pod .*: {rule}"):
        pod(**fields)
    assert pod(**fields, impossible=True), "a test of a defence may have it"


@pytest.mark.parametrize(
    "fields",
    [
        {"address": "", "ready": False},
        {"address": "", "ready": None, "phase": "Pending", "node": ""},
        {"ready": None, "phase": "Pending"},  # its init containers run
        {"ready": False, "phase": "Succeeded"},
        {"deleting": True},
        {"addresses": ("10.0.0.1", "fd00::1")},
        {"addresses": ("010.0.0.1",)},
        {"gate": OPEN},
        {"gate": Gate(False, "another gate has just closed", True)},
        {"ports": (ContainerPort("web", "TCP", 80), ContainerPort("web", "TCP", 81))},  # of two containers
        {"ports": (ContainerPort("", "SCTP", 80),)},
        {"labels": {"ex.com/app": "", "App_1": "v1.2_3"}},
    ],
)
def test_a_pod_that_can_be(fields: dict[str, Any]) -> None:
    assert pod(**fields)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"name": "web.shop"}, "a Service's name is a DNS label"),
        ({"type": "Headless"}, "no Service is of type"),
        ({"selector": {"app": "?"}}, "a label's value is"),
        ({"ports": (ServicePort(80), ServicePort(81))}, "the ports of a Service have a name each"),
        ({"ports": (ServicePort(80, "a"), ServicePort(80, "b"))}, "no two ports of a Service have the same"),
        ({"ports": (ServicePort(80, "a_b"),)}, "a Service's port name is a DNS label"),
        ({"ports": (ServicePort(80, target="a_b"),)}, "a targetPort is a number or an IANA service name"),
        ({"ports": (ServicePort(80, target=65536),)}, "a port is from 1 to 65535"),
    ],
)
def test_a_service_that_can_not_be(fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(Impossible, match=f"^Service .*: {rule}"):
        service(**fields)


def test_what_a_crd_refuses() -> None:
    with pytest.raises(Impossible, match=r"^ServiceInstance shop/web: the CRD refuses spec.answer.count: 9 "):
        resource(answer=Answer(count=9))
    with pytest.raises(Impossible, match=r"^DiscoveryZone main: the CRD refuses spec.ttlSeconds: -1 "):
        zone(ttl_seconds=-1)


@pytest.mark.parametrize(
    ("story", "rule"),
    [
        ([pod(), "deleted", pod()], "a deleted object does not come back with its uid"),
        ([pod(), pod(uid="b"), pod()], "a deleted object does not come back with its uid"),
        ([pod(), pod("web-1", uid="uid-web-0")], "a uid is that of one object"),
        ([pod(phase="Failed", ready=False), pod()], "a pod stays Failed"),
        ([pod(phase="Succeeded", ready=False), pod(phase="Failed", ready=False)], "a pod stays Succeeded"),
        ([pod(deleting=True), pod()], "a deletion is not taken back"),
        ([pod(), pod(node="node-2")], "a pod stays on its node"),
        ([pod(restarts=1), pod()], "restarts only rise"),
        ([pod(), pod(hostname="one")], "hostname never changes"),
        ([pod(), pod(ports=())], "ports never changes"),
        ([resource(generation=2), resource()], "a generation only rises"),
        ([resource(), resource(ttl_seconds=7)], "another spec has another generation"),
        ([zone(), zone(ttl_seconds=7)], "another spec has another generation"),
        ([service(), service(created="2026-02-01T00:00:00Z")], "created never changes"),
    ],
)
def test_a_story_that_can_not_be(story: list[Any], rule: str) -> None:
    history = History()
    *before, last = story
    for each in before:
        if each == "deleted":
            history.drop(Pod, Key("shop", "web-0"))
        else:
            history.put(each)
    with pytest.raises(Impossible, match=rule):
        history.put(last)
    history.put(history.possible(last))


def test_a_story_that_can_be() -> None:
    history = History()
    for each in (
        pod(phase="Pending", ready=None, address="", node=""),
        pod(phase="Pending", ready=None),
        pod(ready=False),
        pod(address="10.0.0.2", restarts=1),
        pod(address="10.0.0.2", restarts=1, ready=False, deleting=True),
        pod(phase="Succeeded", ready=False, restarts=1, deleting=True),
        pod(uid="another"),
        resource(),
        resource(generation=2, ttl_seconds=7),
        Deployment(Key("shop", "web"), "uid-web", revision=1),
        ReplicaSet(Key("shop", "web-a"), "uid-web-a", "uid-web", "a", 1),
    ):
        history.put(each)
    history.drop(Pod, Key("shop", "web-0"))
    history.drop(Pod, Key("shop", "web-0"))
    history.put(pod(uid="a third one"))
    assert history.get(Pod, Key("shop", "web-0")) == pod(uid="a third one")
    assert len(history.present()) == 4


def test_what_becomes_possible_keeps_all_but_who_it_is() -> None:
    history = History()
    assert history.possible(pod()) == pod()
    history.put(pod(uid="first"))
    assert history.possible(pod(ready=False)).uid == "first"
    assert history.possible(pod(hostname="one")) == pod(hostname="one")
    history.put(resource(generation=5))
    assert history.possible(resource(ttl_seconds=7)).generation == 6
    assert history.possible(resource(generation=1)).generation == 5


def body(version: str = "7", **status: Any) -> dict[str, Any]:
    """Make a pod as the API shows it."""
    usual = {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    ports = [{"name": "web", "containerPort": 80, "protocol": "TCP"}]
    return {
        "metadata": {"namespace": "shop", "name": "web-0", "uid": "uid", "resourceVersion": version},
        "spec": {"nodeName": "node-1", "containers": [{"name": "web", "ports": ports}]},
        "status": usual | status,
    }


def test_a_pod_as_the_api_shows_it_is_held_against_the_same_rules() -> None:
    assert check_body(body()).addresses == ("10.0.0.1",)
    with pytest.raises(Impossible, match="a ready pod has an address"):
        check_body(body(podIP=""))
    with pytest.raises(Impossible, match="a field is of another type than in the API"):
        check_body(body(podIP=7))


def test_a_port_name_is_in_a_container_once() -> None:
    twice = body()
    (container,) = twice["spec"]["containers"]
    twice["spec"]["containers"].append(container | {"name": "sidecar"})
    assert len(check_body(twice).ports) == 2
    container["ports"] = [*container["ports"], container["ports"][0] | {"containerPort": 81}]
    with pytest.raises(Impossible, match="a port name is in a container once"):
        check_body(twice)


def test_a_resource_version_only_rises() -> None:
    history = History()
    history.put_body(body("7"))
    history.put_body(body("10"))
    for version in ("10", "9"):
        with pytest.raises(Impossible, match="a resourceVersion only rises"):
            history.put_body(body(version))


def test_the_world_refuses_an_impossible_story() -> None:
    world = World(zone(), service(), pod())
    world.drop(Pod, Key("shop", "web-0"))
    with pytest.raises(Impossible, match="a deleted object does not come back with its uid"):
        world.put(pod())
    with pytest.raises(Impossible, match="another spec has another generation"):
        world.put(zone(ttl_seconds=7))


def test_an_impossible_object_is_named() -> None:
    with pytest.raises(Impossible, match=r"^Pod shop/web-0: a ready pod has an address$"):
        check(pod(address="", impossible=True))
