"""The kubelet stand-in: what a pod of it looks like from outside, from its start to its end."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane import ControlPlane, Kubelet, manifests, path, reached_at
from controlplane.client import Json
from controlplane.ports import free_port
from waiting import eventually

GATE = "example.com/gate"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as plane:
        if not plane.ours:
            pytest.skip("the nodes of this cluster have kubelets of their own")
        yield plane


class Node:
    """A kubelet, and what clients see of its pods."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.port = free_port()
        self.kubelet = Kubelet(plane.client, namespace, self.port)
        self.plane = plane
        self.namespace = namespace

    def make(self, name: str, **options: object) -> None:
        body = manifests.pod(self.namespace, name, **options)  # type: ignore[arg-type]  # its own options
        self.plane.client.create(path("v1", "pods", self.namespace), body)

    def pod(self, name: str) -> Json:
        return self.plane.client.get(path("v1", "pods", self.namespace, name))

    def ready(self, name: str) -> tuple[str, str]:
        """Return the status of ContainersReady and of Ready."""
        has = {each["type"]: each["status"] for each in self.pod(name)["status"].get("conditions", ())}
        return has.get("ContainersReady", ""), has.get("Ready", "")

    def wait_ready(self, name: str, containers: str, pod: str) -> None:
        """Wait until ContainersReady and Ready have these statuses."""
        eventually(lambda: self.ready(name) == (containers, pod), f"{name}: {containers}, {pod}")

    def exists(self, name: str) -> bool:
        pods = self.plane.client.list(path("v1", "pods", self.namespace))["items"]
        return name in {each["metadata"]["name"] for each in pods}

    def greeting(self, address: str) -> str:
        with socket.create_connection((reached_at(address), self.port), timeout=5) as client:
            return client.recv(100).decode()


@pytest.fixture
def node(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Node]:
    namespace = request.node.name.replace("_", "-")[:60]
    plane.workloads.make_namespace(namespace)
    before = set(threading.enumerate())
    node = Node(plane, namespace)
    with node.kubelet:
        yield node
    assert set(threading.enumerate()) <= before
    plane.workloads.remove_namespace(namespace)


def test_a_pod_has_an_address_then_a_server_and_then_is_ready(node: Node) -> None:
    node.make("web-0")
    node.make("web-1")
    for name in ("web-0", "web-1"):
        node.wait_ready(name, "True", "True")
        assert node.greeting(node.pod(name)["status"]["podIP"]) == name
    assert len(set(node.kubelet.serving.values())) == 2


def test_a_gate_keeps_a_pod_from_being_ready(node: Node) -> None:
    node.make("web-0", readiness_gates=[GATE])
    node.wait_ready("web-0", "True", "False")
    assert node.greeting(node.kubelet.serving["web-0"]) == "web-0"
    node.plane.workloads.set_condition(node.namespace, "web-0", GATE, True)
    node.wait_ready("web-0", "True", "True")
    node.plane.workloads.set_condition(node.namespace, "web-0", GATE, False)
    node.wait_ready("web-0", "True", "False")


def hooked(command: str, grace_seconds: int) -> Json:
    """Return the spec of a pod with a preStop hook, which is told the pod's name."""
    name = {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    hook = {"preStop": {"exec": {"command": ["sh", "-c", command]}}}
    container = {"name": "web", "image": "example.invalid/web", "env": [name], "lifecycle": hook}
    return {"containers": [container], "terminationGracePeriodSeconds": grace_seconds}


def test_a_pod_serves_until_its_hook_has_ended(node: Node, tmp_path: Path) -> None:
    begun, end = tmp_path / "web-0", tmp_path / "end"
    command = f"touch {tmp_path}/$POD; while [ ! -e {end} ]; do sleep 0.01; done"
    node.make("web-0", spec=hooked(command, 300))
    node.wait_ready("web-0", "True", "True")
    address = node.kubelet.serving["web-0"]
    node.plane.client.delete(path("v1", "pods", node.namespace, "web-0"))
    eventually(begun.exists, "its preStop hook has begun")
    assert node.greeting(address) == "web-0"
    end.touch()
    eventually(lambda: not node.exists("web-0"), "the pod is gone")
    with pytest.raises(ConnectionRefusedError):
        node.greeting(address)


def test_a_hook_that_takes_too_long_is_ended(node: Node, tmp_path: Path) -> None:
    node.make("web-0", spec=hooked("sleep 300", 1))
    node.wait_ready("web-0", "True", "True")
    node.plane.client.delete(path("v1", "pods", node.namespace, "web-0"))
    eventually(lambda: not node.exists("web-0"), "the pod is gone")
    assert node.kubelet.serving == {}
