"""The condition of the publication gate on a real API server; the test plays kubelet, one step at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.test_operator import apply, get, zone
from controlplane import ControlPlane
from controlplane.manifests import readiness
from rollcall_process import Rollcall
from waiting import eventually

GATE = "rollcall.dev/published"
TTL = 1


def conditions(plane: ControlPlane, namespace: str, name: str) -> dict[str, str]:
    found = get(plane, "pod", name, namespace)["status"].get("conditions", ())
    return {condition["type"]: condition["status"] for condition in found}


def measured(rollcall: Rollcall) -> list[str]:
    """Return what the metrics say of the gate."""
    lines = rollcall.get("/metrics")[1].splitlines()
    return [line for line in lines if line.startswith("rollcall_publication_gate_")]


class Kubelet:
    """Starts pods under the gate, and makes them ready as a kubelet does."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._namespace = namespace

    def start(self, name: str, address: str) -> None:
        """Start a pod whose containers get ready at once."""
        self._plane.workloads.make_pod(
            self._namespace,
            name,
            ip=address,
            ready=False,
            labels={"app": "web"},
            ports=[("http", 8080)],
            readiness_gates=[GATE],
            status=readiness(False, container=True),
        )

    def set_containers(self, name: str, ready: bool) -> None:
        self._plane.workloads.set_status(self._namespace, name, readiness(False, container=ready))

    def published(self, name: str) -> str:
        return conditions(self._plane, self._namespace, name).get(GATE, "")

    def make_ready(self, name: str) -> None:
        """Wait for all conditions of a pod, and say that it is ready."""
        eventually(lambda: self.published(name) == "True", f"{name} is published")
        self._plane.workloads.set_status(self._namespace, name, readiness(True))


@pytest.fixture
def web(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Rollcall]:
    apply(cluster, zone("gated", "gated.example", ttlSeconds=TTL))
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    with Rollcall(cluster.kubeconfig, tmp_path, "--publication-gate") as rollcall:
        rollcall.wait_ready()
        yield rollcall
    cluster.kubectl("delete", "dz", "gated")
    assert "Traceback" not in rollcall.text


def test_the_condition_comes_and_goes_with_the_answers(
    cluster: ControlPlane, namespace: str, web: Rollcall
) -> None:
    kubelet = Kubelet(cluster, namespace)
    kubelet.start("web-0", "10.30.2.1")
    eventually(lambda: kubelet.published("web-0") == "True", "published before it is ready")
    assert conditions(cluster, namespace, "web-0")["Ready"] == "False"
    kubelet.set_containers("web-0", False)
    eventually(lambda: kubelet.published("web-0") == "False", "not published while it is not ready")
    web.wait_answers(f"web.{namespace}.gated.example", set())
    kubelet.set_containers("web-0", True)
    eventually(lambda: kubelet.published("web-0") == "True", "published again")
    counts = {'{outcome="published"} 2.0', '{outcome="withdrawn"} 1.0', '{outcome="failed"} 0.0'}
    lines = {f"rollcall_publication_gate_writes_total{each}" for each in counts}
    eventually(lambda: lines <= set(measured(web)), "each write is counted, once its answer has come")


def test_a_target_that_is_behind_holds_up_new_pods_and_none_that_is_published(
    cluster: ControlPlane, namespace: str, web: Rollcall
) -> None:
    kubelet = Kubelet(cluster, namespace)
    kubelet.start("web-0", "10.30.3.1")
    kubelet.make_ready("web-0")
    down: dict[str, Any] = {"name": "down", "server": "127.0.0.1", "port": 9, "keySecret": "missing"}
    apply(cluster, zone("gated", "gated.example", ttlSeconds=TTL, updates=[down]))
    eventually(lambda: 'target="down"' in web.get("/metrics")[1], "the target is taken in")
    kubelet.start("web-1", "10.30.3.2")
    web.wait_answers(f"web.{namespace}.gated.example", {"10.30.3.1", "10.30.3.2"})
    status, body, _ = web.get(f"/v1/drained?pod={namespace}/web-1&timeout=0")
    assert (status, "in the answers" in body) == (504, True)
    eventually(lambda: "rollcall_publication_gate_waiting 1.0" in measured(web), "the new pod waits")
    assert (kubelet.published("web-0"), kubelet.published("web-1")) == ("True", "")
    apply(cluster, zone("gated", "gated.example", ttlSeconds=TTL))
    eventually(lambda: kubelet.published("web-1") == "True", "published when nothing is behind")
    eventually(lambda: "rollcall_publication_gate_waiting 0.0" in measured(web), "nobody waits")


def test_without_the_option_nothing_of_a_pod_is_written(
    cluster: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    apply(cluster, zone("ungated", "ungated.example"))
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    kubelet = Kubelet(cluster, namespace)
    name = f"web.{namespace}.ungated.example"
    with Rollcall(cluster.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()
        kubelet.start("web-0", "10.30.4.1")
        cluster.workloads.make_pod(
            namespace, "web-1", ip="10.30.4.2", labels={"app": "web"}, ports=[("http", 8080)]
        )
        rollcall.wait_answers(name, {"10.30.4.2"})
        cluster.workloads.set_ready(namespace, "web-0", True)
        rollcall.wait_answers(name, {"10.30.4.1", "10.30.4.2"})
        assert kubelet.published("web-0") == ""
        assert measured(rollcall) == []
    cluster.kubectl("delete", "dz", "ungated")
