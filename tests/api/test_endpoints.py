"""Services without a selector, with EndpointSlices of their own: an external database."""

import json
from typing import Any

import pytest

from api.test_operator import apply, condition, file, status, zone
from controlplane import ControlPlane
from controlplane.client import path
from rollcall_process import Rollcall
from waiting import eventually

Json = dict[str, Any]
SLICES = "discovery.k8s.io/v1"


def endpoint_slice(namespace: str, name: str, *endpoints: Json, family: str = "IPv4", **fields: Any) -> Json:
    """Make an EndpointSlice of the Service `db`."""
    labels = {"kubernetes.io/service-name": "db"} | fields.pop("labels", {})
    ports = [{"name": "pg", "protocol": "TCP", "port": 5432}]
    return {
        "apiVersion": SLICES,
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "addressType": family,
        "endpoints": list(endpoints),
        "ports": ports,
    } | fields


def endpoint(*addresses: str, ready: bool | None = True, **fields: Any) -> Json:
    return {"addresses": list(addresses), "conditions": {"ready": ready}} | fields


def put(plane: ControlPlane, body: Json) -> None:
    """Write an EndpointSlice as it is, or over the one that is there."""
    space, name = body["metadata"]["namespace"], body["metadata"]["name"]
    there = {
        each["metadata"]["name"] for each in plane.client.list(path(SLICES, "endpointslices", space))["items"]
    }
    if name in there:
        plane.client.replace(path(SLICES, "endpointslices", space, name), body)
    else:
        plane.client.create(path(SLICES, "endpointslices", space), body)


def test_an_external_database(cluster, namespace, tmp_path):
    domain = f"{namespace}.example"
    apply(cluster, zone(namespace, domain, namespaces=[namespace]))
    cluster.workloads.make_service(namespace, "usual", selector={"app": "web"})
    name = f"db.{namespace}.{domain}"
    with Rollcall(cluster.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()
        assert "endpointslices" not in rollcall.get("/metrics")[1], "nothing is watched that nobody needs"
        cluster.workloads.make_service(namespace, "db", ports=[("pg", 5432)], spec={"selector": None})
        one, two = endpoint("10.4.5.6", hostname="one"), endpoint("10.4.5.7", ready=False, hostname="two")
        put(cluster, endpoint_slice(namespace, "db-1", one, two))
        put(cluster, endpoint_slice(namespace, "db-2", endpoint("fd00::6", hostname="one"), family="IPv6"))
        put(cluster, endpoint_slice(namespace, "db-3", endpoint("db.example.org"), family="FQDN"))
        rollcall.wait_answers(name, {"10.4.5.6"})
        rollcall.wait_answers(name, {"fd00::6"}, "AAAA")
        rollcall.wait_answers(f"_pg._tcp.{name}", {f"0 100 5432 one.{name}."}, "SRV")
        rollcall.wait_answers(f"one.{name}", {"10.4.5.6"})

        def left_out() -> dict[str, tuple[str, str]]:
            listed = status(cluster, "si", "db", namespace).get("instances") or ()
            return {
                each["pod"]: (each["reason"], each["endpointSlice"])
                for each in listed
                if not each["eligible"]
            }

        expected = {"two": ("NotReady", "db-1"), "db.example.org": ("FQDN", "db-3")}
        eventually(lambda: left_out() == expected, lambda: left_out())
        eventually(lambda: condition(cluster, "si", "db", namespace) == "Published", "Published")
        assert status(cluster, "si", "db", namespace)["ready"] == "1/3"

        ready = endpoint("10.4.5.7", ready=None, hostname="two")
        put(cluster, endpoint_slice(namespace, "db-1", one, ready))
        rollcall.wait_answers(name, {"10.4.5.6", "10.4.5.7"})
        apply(cluster, file(namespace, "own", services={"names": ["db"]}, format="json"))
        eventually(lambda: condition(cluster, "df", "own", namespace) == "Written", "the file is written")
        held = json.loads(rollcall.get(f"/v1/files/{namespace}/own")[1])
        (service,) = held["services"]
        assert [each["name"] for each in service["ports"]] == ["pg"]
        assert {each["pod"] for each in service["instances"]} == {"one", "two"}
        for number in (1, 2):
            cluster.client.delete(path(SLICES, "endpointslices", namespace, f"db-{number}"))
        rollcall.wait_answers(name, set())
        assert rollcall.ask(name).rcode() == 0
        assert "Traceback" not in rollcall.text
    with Rollcall(cluster.kubeconfig, tmp_path) as rollcall:  # its first version has them
        put(cluster, endpoint_slice(namespace, "db-1", one))
        rollcall.wait_answers(name, {"10.4.5.6"})
    cluster.kubectl("delete", "dz", namespace)


@pytest.mark.parametrize("controller", ["endpointslice-controller.k8s.io", "somebody.example"])
def test_slices_of_a_service_with_a_selector_are_never_read(cluster, namespace, tmp_path, controller):
    domain = f"{namespace}.example"
    apply(cluster, zone(namespace, domain, namespaces=[namespace]))
    cluster.workloads.make_service(namespace, "other", spec={"selector": None})
    cluster.workloads.make_service(namespace, "db", selector={"app": "web"})
    labels = {"endpointslice.kubernetes.io/managed-by": controller}
    put(cluster, endpoint_slice(namespace, "db-1", endpoint("10.4.5.6"), labels=labels))
    put(
        cluster,
        endpoint_slice(namespace, "x", endpoint("10.4.5.9"), labels={"kubernetes.io/service-name": "other"}),
    )
    cluster.workloads.make_pod(namespace, "web-0", ip="10.20.0.1", labels={"app": "web"})
    with Rollcall(cluster.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_answers(f"other.{namespace}.{domain}", {"10.4.5.9"})
        rollcall.wait_answers(f"db.{namespace}.{domain}", {"10.20.0.1"})
    cluster.kubectl("delete", "dz", namespace)
