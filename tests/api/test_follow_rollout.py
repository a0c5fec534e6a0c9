"""Services that follow Deployments which the real controllers roll out, on the kubelet stand-in."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.publication_gate.rollout import SECONDS, Rollout
from api.test_operator import apply, status, zone
from controlplane import ControlPlane, path
from controlplane.client import MERGE
from rollcall_process import Rollcall
from waiting import eventually

REPLICAS = 3


class Followed:
    """A Deployment of three pods, which the service `web` follows, and a Rollcall that answers for it."""

    def __init__(self, rollout: Rollout, rollcall: Rollcall) -> None:
        self.plane, self.rollout, self.rollcall = rollout.plane, rollout, rollcall
        self.name = f"web.{rollout.namespace}.rolled.example"
        self.versions: dict[str, str] = {}

    def ask(self, **release: object) -> None:
        target = path("rollcall.dev/v1alpha1", "serviceinstances", self.rollout.namespace, "web")
        eventually(lambda: status(self.plane, "si", "web", self.rollout.namespace), "its object")
        spec = {"release": {"follow": "Deployment", **release}, "ttlSeconds": 0}
        self.plane.client.patch(target, {"spec": spec}, MERGE)

    def patch(self, **spec: object) -> None:
        target = path("apps/v1", "deployments", self.rollout.namespace, "web")
        self.plane.client.patch(target, {"spec": spec}, MERGE)

    def roll(self, *arguments: str) -> None:
        self.plane.kubectl("rollout", *arguments, "deployment/web", "-n", self.rollout.namespace)

    def new(self) -> str:
        """Return the hash of the template that the Deployment has now."""
        sets = self.plane.client.list(path("apps/v1", "replicasets", self.rollout.namespace))["items"]
        newest = max(
            sets, key=lambda each: int(each["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
        )
        return str(newest["metadata"]["labels"]["pod-template-hash"])

    def released(self) -> tuple[str, str]:
        """Return the reason of the condition Released, and the release in a line."""
        found = status(self.plane, "si", "web", self.rollout.namespace)
        conditions = {each["type"]: each["reason"] for each in found.get("conditions", ())}
        return conditions.get("Released", ""), found.get("release", {}).get("summary", "")

    def wait_released(self, summary: str) -> None:
        eventually(
            lambda: self.released() == ("Released", summary), f"{summary}, is {self.released()}", SECONDS
        )

    def version_of(self, address: str) -> str:
        """Return the version of an address, also of a pod that has ended."""
        if address not in self.versions:
            for pod in self.rollout.pods().values():
                if ip := pod.get("status", {}).get("podIP"):
                    self.versions[ip] = pod["metadata"]["labels"]["pod-template-hash"]
        return self.versions[address]

    @contextmanager
    def observed(self) -> Iterator[list[set[str]]]:
        """Ask for the service all the time; give the versions of each answer."""
        seen: list[set[str]] = []
        ended = threading.Event()

        def look() -> None:
            while not ended.is_set():
                seen.append({self.version_of(address) for address in self.rollcall.answers(self.name)})

        observer = threading.Thread(target=look)
        observer.start()
        try:
            yield seen
        finally:
            ended.set()
            observer.join()


@pytest.fixture
def followed(cluster: ControlPlane, controllers: None, namespace: str, tmp_path: Path) -> Iterator[Followed]:
    rollout = Rollout(cluster, namespace)
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    apply(cluster, zone("rolled", "rolled.example"))
    try:
        # One worker: of two the slower one may still answer what was before, after the other has switched.
        with rollout.kubelet, Rollcall(cluster.kubeconfig, tmp_path, "--dns-workers=1") as rollcall:
            rollout.deploy("web", rollcall, replicas=REPLICAS, gate=False, max_surge="100%", grace_seconds=5)
            yield Followed(rollout, rollcall)
            rollout.remove()
            cluster.client.delete(path("rollcall.dev/v1alpha1", "serviceinstances", namespace, "web"))
    finally:
        cluster.kubectl("delete", "dz", "rolled")


def test_a_roll_out_is_one_switch(followed: Followed) -> None:
    old = followed.new()
    followed.ask(blueGreen={"minReady": REPLICAS})
    followed.wait_released(old)
    eventually(lambda: len(followed.rollcall.answers(followed.name)) == REPLICAS, "all are answered")
    with followed.observed() as seen:
        followed.roll("restart")
        followed.rollout.wait_complete("web")
        new = followed.new()
        followed.wait_released(new)
        eventually(lambda: seen[-1:] == [{new}], "the new version alone")
    assert new != old
    order = [answer for number, answer in enumerate(seen) if number == 0 or answer != seen[number - 1]]
    assert order == [{old}, {new}], "no answer holds both, none is empty, and it never goes back"


def test_a_canary_of_a_roll_out_that_is_undone(followed: Followed) -> None:
    stable = followed.new()
    followed.ask(canary={"weight": 40})
    followed.wait_released(stable)
    # Never available: the new pods stay beside the old ones.
    followed.patch(minReadySeconds=3600, progressDeadlineSeconds=7200)
    followed.roll("restart")
    eventually(lambda: followed.new() != stable, "a new ReplicaSet")
    tried = followed.new()
    followed.wait_released(f"{stable} 60%, {tried} 40%")
    with followed.observed() as seen:
        followed.patch(minReadySeconds=0)
        followed.roll("undo")
        followed.rollout.wait_complete("web")
        followed.wait_released(stable)
        eventually(lambda: seen[-1:] == [{stable}], "the stable version alone")
    assert followed.new() == stable
    assert set() not in seen
