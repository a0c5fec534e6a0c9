"""Sets that are answered whole, and names of ports, with a real API server: what a balancer would see."""

import json
from collections.abc import Iterator

import pytest

from api.test_operator import ZONE, apply, condition, pod, status
from controlplane import ControlPlane
from rollcall_process import QUESTIONS, Rollcall
from waiting import eventually

PODS = 70
NXDOMAIN = 3


@pytest.fixture(scope="module")
def rollcall(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollcall]:
    apply(cluster, ZONE)
    with Rollcall(cluster.kubeconfig, tmp_path_factory.mktemp("state"), "--dns-workers=2") as running:
        running.wait_ready()
        yield running
    cluster.kubectl("delete", "dz", "test")
    assert "Traceback" not in running.text


def sizes(rollcall: Rollcall, name: str, rdtype: str) -> list[int]:
    """Return the sizes of the different sets that are answered: each question goes to either worker."""
    found: set[frozenset[str]] = set()
    for _ in range(QUESTIONS):
        answer = rollcall.ask(name, rdtype, tcp=True).answer
        found.add(frozenset(record.to_text() for rrset in answer for record in rrset))
    return [len(each) for each in found]


def specify(plane: ControlPlane, namespace: str, **answer: object) -> None:
    patch = json.dumps({"spec": {"answer": answer}})
    plane.kubectl("patch", "si", "web", "-n", namespace, "--type=merge", "-p", patch)


def test_a_large_set_is_cut_alike_and_whole_where_that_is_asked_for(cluster, rollcall, namespace):
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    for number in range(PODS):
        pod(cluster, namespace, number)
    web = f"web.{namespace}.test.example"
    port = f"_http._tcp.{web}"
    eventually(
        lambda: status(cluster, "si", "web", namespace).get("ready") == f"{PODS}/{PODS}", "all are counted"
    )
    specify(cluster, namespace, policy="All")
    eventually(lambda: sizes(rollcall, web, "A") == [64], "the same 64 addresses for everybody")
    eventually(lambda: sizes(rollcall, port, "SRV") == [64], "the same 64 SRV records")
    eventually(lambda: condition(cluster, "si", "web", namespace) == "AnswerCut", "the status says so")
    eventually(lambda: rollcall.metric("rollcall_zone_cut_rrsets") == 2, "both are counted")

    specify(cluster, namespace, policy="All", max=100)
    eventually(lambda: sizes(rollcall, web, "A") == [PODS], "all addresses")
    eventually(lambda: sizes(rollcall, port, "SRV") == [PODS], "all SRV records")
    eventually(lambda: condition(cluster, "si", "web", namespace) == "Published", "nothing is cut")
    eventually(lambda: rollcall.metric("rollcall_zone_cut_rrsets") == 0, "none is counted")


def test_the_name_of_a_port_is_there_while_nobody_is_ready(cluster, rollcall, namespace):
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    pod(cluster, namespace, 0)
    port = f"_http._tcp.web.{namespace}.test.example"
    eventually(lambda: rollcall.ask(port, "SRV").answer, "it has a record")
    cluster.workloads.set_ready(namespace, "web-0", False)
    eventually(lambda: not rollcall.ask(port, "SRV").answer, "it has none")
    assert {rollcall.ask(port, "SRV").rcode() for _ in range(QUESTIONS)} == {0}
    cluster.kubectl("delete", "service", "web", "-n", namespace)
    eventually(lambda: rollcall.ask(port, "SRV").rcode() == NXDOMAIN, "it goes with the service")
