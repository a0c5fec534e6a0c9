"""The publication gate on a real API server; the test plays kubelet and Deployment controller."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.test_operator import apply, get, zone
from controlplane import ControlPlane
from controlplane.manifests import readiness
from rollcall_process import Rollcall, eventually

GATE = "rollcall.dev/published"
TTL = 1
PODS = 10
INTERVAL_SECONDS = 0.01
ANSWER_ALL = {
    "apiVersion": "rollcall.dev/v1alpha1",
    "kind": "ServiceInstance",
    "spec": {"answer": {"policy": "All"}},
}


def conditions(plane: ControlPlane, namespace: str, name: str) -> dict[str, str]:
    found = get(plane, "pod", name, namespace)["status"].get("conditions", ())
    return {condition["type"]: condition["status"] for condition in found}


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


class Client:
    """Resolves a name 100 times a second, and uses one address of an answer for as long as its ttl.

    `failures` are addresses that it used and nobody served, and empty answers.
    """

    def __init__(self, rollcall: Rollcall, name: str, serving: set[str]) -> None:
        self.failures: list[str] = []
        self.looks = 0
        self._rollcall = rollcall
        self._name = name
        self._serving = serving
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        cached: tuple[float, str] | None = None
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due += INTERVAL_SECONDS
            asked = time.monotonic()
            answer = sorted(self._rollcall.answers(self._name))
            self.looks += 1
            if not answer:
                self.failures.append("no address")
                continue
            self._connect(random.choice(answer))
            if cached is None or cached[0] + TTL <= asked:
                cached = asked, random.choice(answer)
            elif time.monotonic() < cached[0] + TTL:
                self._connect(cached[1])

    def _connect(self, address: str) -> None:
        if address not in self._serving:
            self.failures.append(address)


@pytest.fixture
def web(cluster: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Rollcall]:
    apply(cluster, zone("gated", "gated.example", ttlSeconds=TTL))
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    with Rollcall(cluster.kubeconfig, tmp_path, "--publication-gate") as rollcall:
        rollcall.wait_ready()
        yield rollcall
    cluster.kubectl("delete", "dz", "gated")
    assert "Traceback" not in rollcall.text


def test_a_rolling_update_never_outruns_discovery(
    cluster: ControlPlane, namespace: str, web: Rollcall
) -> None:
    kubelet = Kubelet(cluster, namespace)
    name = f"web.{namespace}.gated.example"
    old = {f"old-{number}": f"10.30.0.{number + 1}" for number in range(PODS)}
    new = {f"new-{number}": f"10.30.1.{number + 1}" for number in range(PODS)}
    serving = set(old.values())
    apply(cluster, ANSWER_ALL | {"metadata": {"name": "web", "namespace": namespace}})
    for pod, address in old.items():
        kubelet.start(pod, address)
    for pod in old:
        kubelet.make_ready(pod)
    web.wait_answers(name, set(old.values()))

    def end(pod: str) -> None:
        """End a pod as its kubelet does: the preStop hook, then the containers."""
        cluster.workloads.terminate(namespace, pod)
        status, body, _ = web.get(f"/v1/drained?pod={namespace}/{pod}")
        assert status == 200, body
        serving.discard(old[pod])
        cluster.workloads.delete_pod(namespace, pod)

    with Client(web, name, serving) as client, ThreadPoolExecutor(PODS) as ending:
        ends = []
        for pod, (fresh, address) in zip(old, new.items(), strict=True):
            serving.add(address)  # its containers are ready before anybody is told of it
            kubelet.start(fresh, address)
            kubelet.make_ready(fresh)
            assert address in web.answers(name)
            ends.append(ending.submit(end, pod))
        for each in ends:
            each.result()
        web.wait_answers(name, set(new.values()))
    assert client.failures == []
    assert client.looks > PODS


def test_the_condition_comes_and_goes_with_the_answers(
    cluster: ControlPlane, namespace: str, web: Rollcall
) -> None:
    kubelet = Kubelet(cluster, namespace)
    kubelet.start("web-0", "10.30.2.1")
    eventually(lambda: kubelet.published("web-0") == "True", "published before it is ready")
    assert conditions(cluster, namespace, "web-0")["Ready"] == "False"
    kubelet.set_containers("web-0", False)
    eventually(lambda: kubelet.published("web-0") == "False", "not published while it is not ready")
    assert web.answers(f"web.{namespace}.gated.example") == set()
    kubelet.set_containers("web-0", True)
    eventually(lambda: kubelet.published("web-0") == "True", "published again")


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
    assert (kubelet.published("web-0"), kubelet.published("web-1")) == ("True", "")
    apply(cluster, zone("gated", "gated.example", ttlSeconds=TTL))
    eventually(lambda: kubelet.published("web-1") == "True", "published when nothing is behind")


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
    cluster.kubectl("delete", "dz", "ungated")
