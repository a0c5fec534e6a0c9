"""Deployments under the publication gate: rolled out by the real controllers, run by the kubelet stand-in."""

from typing import Any, NamedTuple

import yaml

from api.test_operator import apply, wait_instance
from controlplane import ControlPlane, Kubelet, path
from controlplane.client import STRATEGIC_MERGE
from controlplane.manifests import NODE
from controlplane.ports import free_port
from rollcall_process import Rollcall
from unit.docs.pages import ROOT, blocks_of
from waiting import eventually

GATE = "rollcall.dev/published"
WARM = "example.com/warm"
"""A readiness gate that the tests decide on: a pod is as slow as they like."""
SECONDS = 180.0

_DRAINING = ROOT / "docs" / "how-to" / "draining.md"
_HTTP = "rollcall-http.rollcall-system:8080"

Json = dict[str, Any]


class Moment(NamedTuple):
    """The pods by name, and the resourceVersion of their list."""

    version: str
    pods: dict[str, Json]


class Rollout:
    """A namespace with Deployments, whose pods have the preStop hook of docs/how-to/draining.md."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace
        self.port = free_port()
        self.kubelet = Kubelet(plane.client, namespace, self.port)

    def deploy(
        self,
        name: str,
        rollcall: Rollcall,
        *,
        replicas: int,
        gate: bool = True,
        max_surge: int | str = 1,
        grace_seconds: int = 60,
        version: str = "",
    ) -> None:
        """Make a Deployment, and wait until all of it is ready."""
        made = _deployment(rollcall.ports["http"])
        made["metadata"] = {"name": name, "namespace": self.namespace}
        labels = {"app": "web", "version": version or name}
        spec, template = made["spec"], made["spec"]["template"]
        spec["replicas"] = replicas
        spec["selector"] = {"matchLabels": labels}
        spec["strategy"] = {"rollingUpdate": {"maxSurge": max_surge, "maxUnavailable": 0}}
        template["metadata"]["labels"] = labels
        template["spec"] |= {"nodeName": NODE, "terminationGracePeriodSeconds": grace_seconds}
        if gate:
            template["spec"]["readinessGates"] = [{"conditionType": GATE}]
        apply(self.plane, made)
        self.wait_complete(name)

    def release(self, **release: Any) -> None:
        """Write spec.release of the service, and wait until Rollcall has read it."""
        instance = {
            "apiVersion": "rollcall.dev/v1alpha1",
            "kind": "ServiceInstance",
            "metadata": {"name": "web", "namespace": self.namespace},
            "spec": {"release": release},
        }
        wait_instance(self.plane, self.namespace)
        apply(self.plane, instance)
        generation = self._service()["metadata"]["generation"]
        eventually(
            lambda: self._service().get("status", {}).get("observedGeneration") == generation, "it is read"
        )

    def wait_released(self) -> None:
        """Wait until a version is in force of a release that follows the roll-out."""
        eventually(lambda: self._service()["status"].get("release", {}).get("active"), "it is in force")

    def _service(self) -> Json:
        target = path("rollcall.dev/v1alpha1", "serviceinstances", self.namespace, "web")
        return self.plane.client.get(target)

    def restart(self, name: str) -> None:
        """Begin a roll-out: the same program in new pods."""
        self.plane.kubectl("rollout", "restart", f"deployment/{name}", "-n", self.namespace)

    def annotate(self, name: str, annotations: dict[str, str]) -> None:
        """Begin a roll-out: new pods have annotations."""
        change = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        self.plane.client.patch(path("apps/v1", "deployments", self.namespace, name), change)

    def add_gate(self, name: str, gate: str) -> None:
        """Begin a roll-out: new pods have another readiness gate, and get ready once that is open."""
        gates = [{"conditionType": GATE}, {"conditionType": gate}]
        change = {"spec": {"template": {"spec": {"readinessGates": gates}}}}
        self.plane.client.patch(path("apps/v1", "deployments", self.namespace, name), change)

    def open_gate(self, pod: str, gate: str) -> None:
        """Set the condition of a readiness gate of a pod to True."""
        change = {"status": {"conditions": [{"type": gate, "status": "True"}]}}
        target = path("v1", "pods", self.namespace, pod)
        self.plane.client.patch(f"{target}/status", change, STRATEGIC_MERGE)

    def wait_complete(self, name: str) -> None:
        """Wait for the end of a roll-out, and until the pods that it has replaced have ended."""
        where = ["-n", self.namespace, f"--timeout={SECONDS:.0f}s"]
        self.plane.kubectl("rollout", "status", f"deployment/{name}", *where, timeout_seconds=SECONDS + 30)
        eventually(lambda: not any(_is_ending(pod) for pod in self.pods().values()), "old pods end", SECONDS)

    def now(self) -> Moment:
        """Return the pods as they are."""
        found = self.plane.client.list(path("v1", "pods", self.namespace))
        pods = {pod["metadata"]["name"]: pod for pod in found["items"]}
        return Moment(found["metadata"]["resourceVersion"], pods)

    def pods(self) -> dict[str, Json]:
        """Return the pods by name."""
        return self.now().pods

    def staying(self) -> set[str]:
        """Return the pods that are not being deleted."""
        return {name for name, pod in self.pods().items() if not _is_ending(pod)}

    def end(self, pod: str) -> None:
        """Tell a pod to end, as somebody does who is no roll-out."""
        self.plane.client.delete(path("v1", "pods", self.namespace, pod))

    def waiting(self) -> set[str]:
        """Return the pods of which everything is ready, but for the publication."""
        staying = {name: pod for name, pod in self.pods().items() if not _is_ending(pod)}
        return {
            name
            for name, pod in staying.items()
            if _condition(pod, "ContainersReady") == "True" and _condition(pod, "Ready") == "False"
        }

    def fewest_published(self, before: Moment) -> int:
        """Wait until all pods of a moment were told to end, and go through what has happened until then.

        Return how many published pods were there to stay, at least, whenever one of them was told.
        """
        everyone = len(before.pods)
        eventually(lambda: len(self._published_at_ends(before)) == everyone, "all are told to end", SECONDS)
        return min(self._published_at_ends(before))

    def _published_at_ends(self, before: Moment) -> list[int]:
        """Count the published pods there to stay, each time that one of `before` was told to end."""
        published = {name for name, pod in before.pods.items() if _condition(pod, GATE) == "True"}
        ending: set[str] = set()
        counts: list[int] = []
        for event in list(self.kubelet.events):
            name, pod = event["object"]["metadata"]["name"], event["object"]
            if int(pod["metadata"]["resourceVersion"]) <= int(before.version):
                continue
            if _is_ending(pod) and name not in ending:
                ending.add(name)
                if name in before.pods:
                    counts.append(len(published - ending))
            (published.add if _condition(pod, GATE) == "True" else published.discard)(name)
        return counts

    def remove(self) -> None:
        """Remove everything, what makes pods before the pods."""
        for kind in ("deployments", "replicasets"):
            self.plane.client.delete(path("apps/v1", kind, self.namespace))
        self.plane.client.delete(path("v1", "pods", self.namespace), grace_seconds=0)


def _deployment(http_port: int) -> Json:
    """Return the Deployment of the page, which asks our Rollcall."""
    text = next(block.text for block in blocks_of(_DRAINING) if "kind: Deployment" in block.text)
    assert _HTTP in text
    made: Json = yaml.safe_load(text.replace(_HTTP, f"127.0.0.1:{http_port}"))
    return made


def _is_ending(pod: Json) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _condition(pod: Json, kind: str) -> str:
    conditions = pod.get("status", {}).get("conditions", ())
    return next((each["status"] for each in conditions if each["type"] == kind), "")
