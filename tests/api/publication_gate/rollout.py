"""Deployments under the publication gate: rolled out by the real controllers, run by the kubelet stand-in."""

from typing import Any, NamedTuple

import yaml

from api.test_operator import apply
from controlplane import ControlPlane, Kubelet, path
from controlplane.manifests import NODE
from controlplane.ports import free_port
from rollcall_process import Rollcall, eventually
from unit.docs.pages import ROOT, blocks_of

GATE = "rollcall.dev/published"
SECONDS = 90.0

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

    def restart(self, name: str) -> None:
        """Begin a roll-out: the same program in new pods."""
        self.plane.kubectl("rollout", "restart", f"deployment/{name}", "-n", self.namespace)

    def wait_complete(self, name: str) -> None:
        """Wait for the end of a roll-out, and until the pods that it has replaced have ended."""
        where = ["-n", self.namespace, f"--timeout={SECONDS:.0f}s"]
        self.plane.kubectl("rollout", "status", f"deployment/{name}", *where)
        eventually(lambda: not any(_is_ending(pod) for pod in self.pods().values()), "old pods end", SECONDS)

    def now(self) -> Moment:
        """Return the pods as they are."""
        found = self.plane.client.list(path("v1", "pods", self.namespace))
        pods = {pod["metadata"]["name"]: pod for pod in found["items"]}
        return Moment(found["metadata"]["resourceVersion"], pods)

    def pods(self) -> dict[str, Json]:
        """Return the pods by name."""
        return self.now().pods

    def waiting(self) -> set[str]:
        """Return the pods of which everything is ready, but for the publication."""
        staying = {name: pod for name, pod in self.pods().items() if not _is_ending(pod)}
        return {
            name
            for name, pod in staying.items()
            if _condition(pod, "ContainersReady") == "True" and _condition(pod, "Ready") == "False"
        }

    def fewest_published(self, before: Moment) -> int:
        """Go through what has happened to the pods since a moment.

        Return how many published pods were there to stay, at least, whenever one of `before` was told to end.
        """
        published = {name for name, pod in before.pods.items() if _condition(pod, GATE) == "True"}
        ending: set[str] = set()
        counts = []
        pods = path("v1", "pods", self.namespace)
        for event in self.plane.client.watch(pods, resourceVersion=before.version, timeoutSeconds="1"):
            name, pod = event["object"]["metadata"]["name"], event["object"]
            if _is_ending(pod) and name not in ending:
                ending.add(name)
                if name in before.pods:
                    counts.append(len(published - ending))
            (published.add if _condition(pod, GATE) == "True" else published.discard)(name)
        return min(counts)

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
