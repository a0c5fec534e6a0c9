"""Our kinds in a cluster, for tests that write them."""

from typing import Any, TypeAlias

from manifests.generate import CRDS

from controlplane import ApiError, ControlPlane, path
from waiting import eventually

Json: TypeAlias = dict[str, Any]

VERSION = "rollcall.dev/v1alpha1"
PLURALS = {
    "ServiceInstance": "serviceinstances",
    "DiscoveryZone": "discoveryzones",
    "DiscoveryFile": "discoveryfiles",
}


class Resources:
    """Our kinds in one cluster and one namespace."""

    def __init__(self, cluster: ControlPlane, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def path(self, kind: str, name: str | None = None) -> str:
        namespace = None if kind == "DiscoveryZone" else self.namespace
        return path(VERSION, PLURALS[kind], namespace, name)

    def body(self, kind: str, spec: Json | None, name: str = "web") -> Json:
        made: Json = {"apiVersion": VERSION, "kind": kind, "metadata": {"name": name}}
        return made if spec is None else {**made, "spec": spec}

    def dry_run(self, kind: str, spec: Json | None, name: str = "web") -> Json:
        """Let the API server judge an object; raises ApiError where it refuses it."""
        query = {"dryRun": "All", "fieldValidation": "Strict"}
        return self.cluster.client.request("POST", self.path(kind), self.body(kind, spec, name), query=query)

    def create(self, kind: str, spec: Json | None, name: str = "web") -> Json:
        return self.cluster.client.create(self.path(kind), self.body(kind, spec, name))

    def patch_status(self, kind: str, status: Json, name: str = "web") -> Json:
        """Write a status; a field that the schema doesn't have is an error."""
        target = f"{self.path(kind, name)}/status"
        return self.cluster.client.patch(target, {"status": status}, fieldValidation="Strict")


def apply_crds(cluster: ControlPlane) -> None:
    """Apply the CRDs and wait until they are served, and described in the OpenAPI document, which lags."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(CRDS))
    names = [f"crd/{plural}.rollcall.dev" for plural in PLURALS.values()]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
    eventually(lambda: _described(cluster), "the API server describes our kinds")


def _described(cluster: ControlPlane) -> bool:
    try:
        document = cluster.client.get(f"/openapi/v3/apis/{VERSION}")
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return all(f"/apis/{VERSION}/{plural}" in document["paths"] for plural in PLURALS.values())
