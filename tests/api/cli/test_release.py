"""`rollcall release` beside an operator that runs: who has waited gets the answers that were asked for."""

import json
import threading
from collections.abc import Iterator

import pytest

from api.cli.conftest import Run
from api.cli.terminal import on_terminal
from api.test_operator import status, wait_instance
from controlplane import ControlPlane, path
from controlplane.client import MERGE
from rollcall_process import Rollcall
from waiting import eventually

VERSION = "rollcall.dev/v1alpha1"
DOMAIN = "release.example"
ZONE = {
    "apiVersion": VERSION,
    "kind": "DiscoveryZone",
    "metadata": {"name": "release"},
    "spec": {"domain": DOMAIN, "reverseDomains": ["31.10.in-addr.arpa"]},
}
BLUE = {"10.31.0.1", "10.31.0.2"}
GREEN = {"10.31.1.1", "10.31.1.2"}


@pytest.fixture(scope="module")
def operator(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollcall]:
    cluster.kubectl("apply", "-f", "-", input=json.dumps(ZONE))
    with Rollcall(cluster.kubeconfig, tmp_path_factory.mktemp("state")) as running:
        running.wait_ready()
        yield running
    cluster.kubectl("delete", "dz", "release")


@pytest.fixture
def web(cluster: ControlPlane, namespace: str, operator: Rollcall) -> str:
    """Make a service of two blue and two green pods; return its name once all four are answered."""
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    for ip in BLUE | GREEN:
        cluster.workloads.make_pod(
            namespace,
            f"web-{ip.replace('.', '-')}",
            ip=ip,
            ready=True,
            labels={"app": "web", "version": "blue" if ip in BLUE else "green"},
            ports=[("http", 8080)],
        )
    name = f"web.{namespace}.{DOMAIN}"
    operator.wait_answers(name, BLUE | GREEN)
    return name


def ask(cluster: ControlPlane, namespace: str, release: object) -> None:
    """Have a release asked for, and in force."""
    target = path(VERSION, "serviceinstances", namespace, "web")
    wait_instance(cluster, namespace)
    asked = cluster.client.patch(target, {"spec": {"release": release}}, MERGE)["metadata"]["generation"]

    def is_in_force() -> bool:
        conditions = cluster.client.get(target).get("status", {}).get("conditions", ())
        released = (each for each in conditions if each["type"] == "Released")
        return any(each["status"] == "True" and each["observedGeneration"] >= asked for each in released)

    eventually(is_in_force, f"{release} is in force")


def test_switch_and_rollback(
    cluster: ControlPlane, operator: Rollcall, namespace: str, web: str, command: Run
) -> None:
    ask(cluster, namespace, {"blueGreen": {"active": "blue", "minReady": 2}})
    switched = command("release", "switch", "web", "green", "-n", namespace, "--wait")
    assert (switched.code, switched.stdout) == (
        0,
        f"{namespace}/web: in force, every target has it (2 of 2).\n",
    )
    assert operator.answers(web) == GREEN
    assert "green 100%" in switched.stderr
    found = command("release", "status", "web", "-n", namespace, "-o", "json").json
    assert (found["release"]["active"], found["release"]["previous"]) == ("green", "blue")
    assert [each["current"] for each in found["targets"]] == [True, True]

    assert command("release", "rollback", "web", "-n", namespace, "--wait").code == 0
    assert operator.answers(web) == BLUE


def test_commands_wait_for_the_status_that_they_build_on(
    cluster: ControlPlane, operator: Rollcall, namespace: str, web: str, command: Run
) -> None:
    """An operator that is busy: the status is that of the spec before, which knows of no release."""
    wait_instance(cluster, namespace)
    target = path(VERSION, "serviceinstances", namespace, "web")
    operator.wait_answers(web, BLUE | GREEN)
    eventually(lambda: status(cluster, "si", "web", namespace).get("publications"), "its first status")
    operator.pause()
    resumes = threading.Timer(4.0, operator.resume)
    resumes.start()
    try:
        cluster.client.patch(target, {"spec": {"release": {"blueGreen": {"active": "blue"}}}}, MERGE)
        assert command("release", "switch", "web", "green", "-n", namespace).code == 0
        back = command("release", "rollback", "web", "-n", namespace)
        assert (back.code, back.stderr) == (0, "")
    finally:
        resumes.join()
    operator.wait_answers(web, BLUE)


def test_a_refusal(cluster: ControlPlane, operator: Rollcall, namespace: str, web: str, command: Run) -> None:
    """By the command at once, and by the operator where it is forced upon it."""
    ask(cluster, namespace, {"blueGreen": {"active": "blue"}})
    ask(cluster, namespace, {"blueGreen": {"minReady": 3}})
    refused = command("release", "switch", "web", "green", "-n", namespace)
    assert refused.code == 1
    assert "2 instances of green are ready, and 3 have to be" in refused.stderr
    forced = command("release", "switch", "web", "green", "-n", namespace, "--force", "--wait")
    assert forced.code == 1
    assert "Error: TooFewReady: The switch to green is refused" in forced.stderr
    assert operator.answers(web) == BLUE

    called_off = command("release", "rollback", "web", "-n", namespace, "--wait")
    assert (called_off.code, operator.answers(web)) == (0, BLUE)
    found = command("release", "status", "web", "-n", namespace, "-o", "json").json
    assert (found["asked"]["blueGreen"]["active"], found["health"]) == ("blue", "good")


def test_a_canary(cluster: ControlPlane, operator: Rollcall, namespace: str, web: str, command: Run) -> None:
    ask(cluster, namespace, {"canary": {"stable": "blue", "canary": "green", "weight": 0}})
    operator.wait_answers(web, BLUE)
    assert command("release", "weight", "web", "100", "-n", namespace, "--wait").code == 0
    assert operator.answers(web) == GREEN
    assert command("release", "abort", "web", "-n", namespace, "--wait").code == 0
    assert operator.answers(web) == BLUE
    assert command("release", "promote", "web", "-n", namespace, "--wait").code == 0
    assert operator.answers(web) == GREEN
    found = command("release", "status", "web", "-n", namespace, "-o", "json").json
    assert found["asked"]["canary"]["stable"] == "green"


def test_a_target_that_is_not_there(
    cluster: ControlPlane, operator: Rollcall, namespace: str, web: str, command: Run
) -> None:
    """A secondary of an operator that serves no transfers never gets the version."""
    ask(cluster, namespace, {"blueGreen": {"active": "blue"}})
    zone = path(VERSION, "discoveryzones", None, "release")
    transfer = {"secondaries": [{"name": "ns1", "address": "192.0.2.1"}], "allowUnsigned": ["192.0.2.1/32"]}
    cluster.client.patch(zone, {"spec": {"transfer": transfer}}, MERGE)
    try:
        late = command("release", "switch", "web", "green", "-n", namespace, "--wait", "--timeout", "5")
        assert late.code == 4
        assert f"ns1 ({DOMAIN})" in late.stderr
        operator.wait_answers(web, GREEN)
    finally:
        cluster.client.patch(zone, {"spec": {"transfer": None}}, MERGE)


def test_status_on_a_terminal(
    cluster: ControlPlane, operator: Rollcall, namespace: str, web: str, command: Run
) -> None:
    ask(cluster, namespace, {"blueGreen": {"active": "blue"}})
    with on_terminal(cluster, "release", "status", "web", "-n", namespace, "--watch") as terminal:
        terminal.read_until("blue is asked for")
        assert command("release", "switch", "web", "green", "-n", namespace).code == 0
        terminal.read_until("green is asked for")
