"""The commands beside an operator that runs: what it writes and answers is what they show."""

import json
from collections.abc import Iterator

import pytest

from api.cli.conftest import Run
from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import eventually

ZONE = {
    "apiVersion": "rollcall.dev/v1alpha1",
    "kind": "DiscoveryZone",
    "metadata": {"name": "cli"},
    "spec": {"domain": "cli.example", "reverseDomains": ["30.10.in-addr.arpa"]},
}


@pytest.fixture(scope="module")
def operator(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollcall]:
    cluster.kubectl("apply", "-f", "-", input=json.dumps(ZONE))
    with Rollcall(cluster.kubeconfig, tmp_path_factory.mktemp("state")) as running:
        running.wait_ready()
        yield running
    cluster.kubectl("delete", "dz", "cli")


@pytest.fixture
def web(cluster: ControlPlane, namespace: str, operator: Rollcall, command: Run) -> str:
    """Make a service of three pods, one of them not ready; return its name once its status is written."""
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    for number in range(3):
        cluster.workloads.make_pod(
            namespace,
            f"web-{number}",
            ip=f"10.30.0.{number}",
            ready=number > 0,
            labels={"app": "web", "app.kubernetes.io/version": f"v{number}"},
            ports=[("http", 8080)],
        )

    def is_told() -> bool:
        ended = command("status", "web", "-n", namespace, "-o", "json")
        return ended.code == 0 and ended.json["ready"] == "2/3"

    eventually(is_told, "the status of web")
    name = f"web.{namespace}.cli.example"
    operator.wait_answers(name, {"10.30.0.1", "10.30.0.2"})  # status waits for no DNS worker
    return name


def server(operator: Rollcall) -> str:
    return f"127.0.0.1:{operator.ports['dns']}"


def test_status_says_what_is_left_out(command: Run, namespace: str, web: str) -> None:
    found = command("status", "web", "-n", namespace, "-o", "json").json
    assert (found["health"], found["reason"], found["dnsName"]) == ("good", "Published", web)
    assert found["leftOut"] == {"NotReady": 1}
    table = command("status", "-n", namespace).stdout
    assert "1 NotReady" in table
    assert "cli.example" in table


def test_lookup_names_the_instances(command: Run, operator: Rollcall, namespace: str, web: str) -> None:
    ended = command("lookup", web, "-o", "json", ROLLCALL_SERVER=server(operator))
    a, aaaa = ended.json["queries"]
    assert {each["pod"] for each in a["answer"]} == {"web-1", "web-2"}
    assert (aaaa["rcode"], aaaa["answer"]) == ("NOERROR", [])
    assert ended.json["service"]["leftOut"] == {"NotReady": 1}
    assert ended.json["notes"] == []


@pytest.mark.parametrize(
    ("name", "pods"),
    [("_http._tcp.{}", {"web-1", "web-2"}), ("v2.versions.{}", {"web-2"}), ("10-30-0-1.{}", {"web-1"})],
)
def test_lookup_of_other_names(command: Run, operator: Rollcall, web: str, name: str, pods: set[str]) -> None:
    found = command("lookup", name.format(web), "--server", server(operator), "-o", "json").json
    assert {each["pod"] for query in found["queries"] for each in query["answer"]} == pods


def test_lookup_of_an_address(command: Run, operator: Rollcall, web: str) -> None:
    ended = command("lookup", "10.30.0.2", "--server", server(operator))
    assert ended.code == 0
    assert "web-2 (v2, node-0)" in ended.stdout


def test_lookup_of_what_is_left_out(command: Run, operator: Rollcall, web: str) -> None:
    ended = command("lookup", f"10-30-0-0.{web}", "--server", server(operator))
    assert ended.code == 3
    assert "web-0" in ended.stdout
    assert "NotReady" in ended.stdout


def test_lookup_without_a_cluster(command: Run, operator: Rollcall, web: str) -> None:
    ended = command("lookup", web, "A", "--server", server(operator), KUBECONFIG="/nowhere")
    assert ended.code == 0
    assert "10.30.0.1" in ended.stdout
    assert "Instances are not named" in ended.stdout


def test_check_finds_it_answering(command: Run, operator: Rollcall, web: str) -> None:
    ports = ("--dns-listen", server(operator), "--http-listen", f"127.0.0.1:{operator.ports['http']}")

    def is_sound() -> bool:
        ended = command("check", "-o", "json", *ports)
        return ended.code == 0 and {each["result"] for each in ended.json["checks"]} == {"OK"}

    eventually(is_sound, "an installation without a fault")
