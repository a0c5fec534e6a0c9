"""What an instance is: pods as Kubernetes and its users make them, in a real API server; answers out."""

import json
from collections.abc import Iterator

import dns.rdatatype
import pytest

from api.test_operator import apply, condition, status, zone
from controlplane import ControlPlane, manifests
from rollcall_process import Rollcall
from waiting import eventually

DOMAIN = "instances.example"


@pytest.fixture(scope="module")
def rollcall(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollcall]:
    apply(cluster, zone("instances", DOMAIN))
    with Rollcall(cluster.kubeconfig, tmp_path_factory.mktemp("state")) as running:
        running.wait_ready()
        yield running
    cluster.kubectl("delete", "dz", "instances")
    assert "Traceback" not in running.text


def instance(namespace: str, **spec: object) -> dict[str, object]:
    return {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "ServiceInstance",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": spec,
    }


def reached(rollcall: Rollcall, name: str) -> set[str]:
    """Return the addresses that come with an answer of SRV records, and those at their targets."""
    answer = rollcall.ask(name, "SRV", tcp=True)
    found = {str(record) for rrset in answer.additional for record in rrset}
    for rrset in answer.answer:
        for record in rrset:
            if rrset.rdtype == dns.rdatatype.SRV:
                found |= rollcall.answers(str(record.target))
    return found


@pytest.mark.parametrize("subdomain", [None, "web"])
def test_pods_of_one_hostname_get_no_traffic_of_another_version(cluster, namespace, rollcall, subdomain):
    apply(cluster, instance(namespace, release={"blueGreen": {"active": "blue"}}))
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    for number, version in enumerate(("blue", "blue", "green", "green"), 1):
        cluster.workloads.make_pod(
            namespace,
            f"web-{number}",
            ip=f"10.30.0.{number}",
            labels={"app": "web", "version": version},
            ports=[("http", 8080)],
            hostname="web",
            subdomain=subdomain,
        )
    name = f"web.{namespace}.{DOMAIN}"
    blue, green = {"10.30.0.1", "10.30.0.2"}, {"10.30.0.3", "10.30.0.4"}
    rollcall.wait_answers(name, blue)
    rollcall.wait_answers(f"green.versions.{name}", green)
    assert reached(rollcall, f"_http._tcp.{name}") == blue
    assert reached(rollcall, f"_http._tcp.green.versions.{name}") == green
    told = "HostnameCollision" if subdomain else "Published"
    eventually(lambda: condition(cluster, "si", "web", namespace) == told, told)


def test_dead_pods_are_no_instances(cluster, namespace, rollcall):
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    for number in range(4):
        pod = cluster.workloads.make_pod
        pod(namespace, f"web-{number}", ip=f"10.31.0.{number + 1}", labels={"app": "web"}, ready=number != 3)
    cluster.workloads.set_status(namespace, "web-0", {"phase": "Failed"})
    rollcall.wait_answers(f"web.{namespace}.{DOMAIN}", {"10.31.0.2", "10.31.0.3"})
    eventually(
        lambda: status(cluster, "si", "web", namespace).get("leftOut") == {"Failed": 1, "NotReady": 1},
        "what is left out, counted",
    )
    told = status(cluster, "si", "web", namespace)
    assert [each["pod"] for each in told["instances"]] == ["web-1", "web-2", "web-3"]
    assert told["ready"] == "2/3"


@pytest.mark.parametrize("terminating", [None, "withdraw"])
def test_not_ready_addresses_are_those_that_kubernetes_publishes(cluster, namespace, rollcall, terminating):
    if terminating:
        apply(cluster, instance(namespace, eligibility={"terminating": terminating}))
    spec = {"publishNotReadyAddresses": True}
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)], spec=spec)
    for number in range(3):
        cluster.workloads.make_pod(
            namespace, f"web-{number}", ip=f"10.32.0.{number + 1}", labels={"app": "web"}, ready=number == 0
        )
    cluster.workloads.set_status(namespace, "web-1", {"phase": "Pending"})
    name = f"web.{namespace}.{DOMAIN}"
    everyone = {"10.32.0.1", "10.32.0.2", "10.32.0.3"}
    rollcall.wait_answers(name, everyone)
    cluster.workloads.terminate(namespace, "web-2")
    if terminating:
        rollcall.wait_answers(name, everyone - {"10.32.0.3"})
    else:
        told = "It is being deleted, and is answered until it is gone."
        eventually(lambda: told in json.dumps(status(cluster, "si", "web", namespace).get("instances")), told)
        rollcall.wait_answers(name, everyone)
        page, body, _ = rollcall.get(f"/v1/drained?pod={namespace}/web-2&timeout=60")
        assert (page, json.loads(body)["error"]) == (409, "KeptUntilGone")
        assert "terminating: withdraw" in body
    cluster.workloads.delete_pod(namespace, "web-2")
    rollcall.wait_answers(name, everyone - {"10.32.0.3"})


@pytest.mark.parametrize(("families", "ipv4", "ipv6"), [(["IPv4"], True, False), (["IPv6"], False, True)])
def test_a_service_of_one_family_has_no_addresses_of_the_other(
    cluster, namespace, rollcall, families, ipv4, ipv6
):
    """The address that is there is waited for; both came with one pod, in one change."""
    service = manifests.service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    service["spec"] |= {"ipFamilies": families, "ipFamilyPolicy": "SingleStack"}
    if families == ["IPv6"]:  # an API server of one family refuses it of a Service: our own has it
        service["spec"] |= {"ipFamilies": ["IPv4"]}
        apply(cluster, instance(namespace, ipFamilies=families))
    apply(cluster, service)
    cluster.workloads.make_pod(namespace, "web-1", ip=["10.33.0.1", "fd00:33::1"], labels={"app": "web"})
    name = f"web.{namespace}.{DOMAIN}"
    rollcall.wait_answers(name, {"10.33.0.1"} if ipv4 else {"fd00:33::1"}, "A" if ipv4 else "AAAA")
    assert rollcall.answers(name, "AAAA" if ipv4 else "A") == set()


def test_pointers_that_another_zone_hides_are_told(cluster, namespace, rollcall):
    outer = zone("outer", "outer.example", namespaces=[namespace], reverseDomains=["34.10.in-addr.arpa"])
    inner = zone("inner", "inner.example", namespaces=["elsewhere"], reverseDomains=["1.34.10.in-addr.arpa"])
    apply(cluster, outer)
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    cluster.workloads.make_pod(namespace, "web-1", ip="10.34.1.1", labels={"app": "web"})
    pointer, target = "1.1.34.10.in-addr.arpa", f"10-34-1-1.web.{namespace}.outer.example."
    try:
        rollcall.wait_answers(pointer, {target}, "PTR")
        apply(cluster, inner)
        rollcall.wait_answers(pointer, set(), "PTR")
        eventually(lambda: condition(cluster, "si", "web", namespace) == "ShadowedByZone", "ShadowedByZone")
        cluster.kubectl("delete", "dz", "inner")
        rollcall.wait_answers(pointer, {target}, "PTR")
        eventually(lambda: condition(cluster, "si", "web", namespace) == "Published", "Published")
    finally:
        cluster.kubectl("delete", "dz", "outer", "inner", "--ignore-not-found")
