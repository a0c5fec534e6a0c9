"""Deployments, Rollouts and Canaries in a real API server, written as their controllers would."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from api.test_operator import wait_instance
from controlplane import ControlPlane, path
from controlplane.client import MERGE
from waiting import eventually

Json = dict[str, Any]

ROLLOUTS = "argoproj.io/v1alpha1"
FLAGGER = "flagger.app/v1beta1"
HASH = "pod-template-hash"
ROLLOUTS_HASH = "rollouts-pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"
_PLURALS = {
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "Rollout": "rollouts",
    "Canary": "canaries",
}


def crd(group_version: str, kind: str) -> Json:
    """Make a CRD that lets everything through, with a status of its own."""
    group, version = group_version.split("/")
    plural = _PLURALS[kind]
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": free},
                }
            ],
        },
    }


@contextmanager
def installed(plane: ControlPlane, group_version: str, kind: str) -> Iterator[None]:
    """Install a CRD for the length of the block."""
    made = crd(group_version, kind)
    crds = path("apiextensions.k8s.io/v1", "customresourcedefinitions")
    plane.client.create(crds, made)
    try:
        name = f"crd/{made['metadata']['name']}"
        plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", name)
        yield
    finally:
        plane.client.delete(f"{crds}/{made['metadata']['name']}")
        plane.kubectl("wait", "--for=delete", "--timeout=60s", name)


class Workbench:
    """A namespace with a service `web` of pods with the label app=web, or others."""

    def __init__(self, plane: ControlPlane, namespace: str, selector: Mapping[str, str]) -> None:
        self.plane, self.namespace = plane, namespace
        self.name = f"web.{namespace}.follow.example"
        self._addresses: dict[str, set[str]] = {}
        self._made = 0
        plane.workloads.make_service(namespace, "web", selector=selector)
        self._si = path("rollcall.dev/v1alpha1", "serviceinstances", namespace, "web")
        wait_instance(plane, namespace)

    def follow(self, **release: Any) -> None:
        """Write spec.release."""
        self.plane.client.patch(self._si, {"spec": {"release": release}}, MERGE)

    def status(self) -> Json:
        found: Json = self.plane.client.get(self._si).get("status") or {}
        return found

    def released(self) -> tuple[str, str]:
        """Return the reason of the condition Released, and the release in a line."""
        status = self.status()
        conditions = {each["type"]: each["reason"] for each in status.get("conditions", ())}
        return conditions.get("Released", ""), status.get("release", {}).get("summary", "")

    def wait_released(self, reason: str, summary: str) -> None:
        eventually(lambda: self.released() == (reason, summary), f"{reason} {summary}, is {self.released()}")

    def pods(self, version: str, count: int, label: str = HASH, **labels: str) -> set[str]:
        """Make ready pods of a version; return the addresses of all that it has."""
        mine = self._addresses.setdefault(version, set())
        for _ in range(count):
            self._made += 1
            ip = f"10.44.{self._made >> 8}.{self._made & 255}"
            self.plane.workloads.make_pod(
                self.namespace,
                f"web-{self._made}",
                ip=ip,
                labels={"app": "web", **labels, label: version},
            )
            mine.add(ip)
        return mine

    def create(self, group_version: str, kind: str, name: str, body: Json, **metadata: Any) -> Json:
        """Create an object, with its status."""
        collection = path(group_version, _PLURALS[kind], self.namespace)
        made = self.plane.client.create(
            collection,
            {
                "apiVersion": group_version,
                "kind": kind,
                "metadata": {"name": name, "namespace": self.namespace, **metadata},
                **body,
            },
        )
        if "status" in body:
            self.set_status(group_version, kind, name, body["status"])
        return made

    def set_status(self, group_version: str, kind: str, name: str, status: Json) -> None:
        target = path(group_version, _PLURALS[kind], self.namespace, name)
        self.plane.client.patch(f"{target}/status", {"status": status}, MERGE)

    def delete(self, group_version: str, kind: str, name: str) -> None:
        self.plane.client.delete(path(group_version, _PLURALS[kind], self.namespace, name))

    def deployment(self, name: str, labels: Mapping[str, str], revision: int, **metadata: Any) -> Json:
        annotations = {_REVISION: str(revision)}
        return self.create(
            "apps/v1", "Deployment", name, {"spec": pods(labels)}, annotations=annotations, **metadata
        )

    def replica_set(self, deployment: Json, version: str, revision: int, replicas: int) -> Json:
        owner = deployment["metadata"]
        labels = {**deployment["spec"]["template"]["metadata"]["labels"], HASH: version}
        return self.create(
            "apps/v1",
            "ReplicaSet",
            f"{owner['name']}-{version}",
            {"spec": pods(labels) | {"replicas": replicas}, "status": {"replicas": replicas}},
            labels=labels,
            annotations={_REVISION: str(revision)},
            ownerReferences=[owned("apps/v1", "Deployment", owner)],
        )

    def revise(self, kind: str, name: str, revision: int) -> None:
        """Write the revision of a Deployment or a ReplicaSet."""
        target = path("apps/v1", _PLURALS[kind], self.namespace, name)
        self.plane.client.patch(target, {"metadata": {"annotations": {_REVISION: str(revision)}}}, MERGE)

    def clear(self) -> None:
        """Remove what a namespace without its controller would keep."""
        self.plane.client.delete(self._si)
        for kind in ("Deployment", "ReplicaSet"):
            self.plane.client.delete(path("apps/v1", _PLURALS[kind], self.namespace))


def pods(labels: Mapping[str, str]) -> Json:
    """Make what Deployments, ReplicaSets and Rollouts say of their pods."""
    template = {
        "metadata": {"labels": dict(labels)},
        "spec": {"containers": [{"name": "web", "image": "web"}]},
    }
    return {"selector": {"matchLabels": dict(labels)}, "template": template}


def owned(group_version: str, kind: str, metadata: Json) -> Json:
    """Make the reference of a controller."""
    return {
        "apiVersion": group_version,
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
