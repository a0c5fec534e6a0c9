"""Lists and watch events as an API server writes them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from rollcall.watch import Resource

KINDS = {
    "pods": "Pod",
    "services": "Service",
    "serviceinstances": "ServiceInstance",
    "discoveryzones": "DiscoveryZone",
    "discoveryfiles": "DiscoveryFile",
    "endpointslices": "EndpointSlice",
    "secrets": "Secret",
    "configmaps": "ConfigMap",
    "deployments": "Deployment",
    "replicasets": "ReplicaSet",
    "rollouts": "Rollout",
    "canaries": "Canary",
}


def kind_of(resource: Resource[Any]) -> dict[str, str]:
    """Return what an object of a kind begins with."""
    return {"kind": KINDS[str(resource)], "apiVersion": resource.group_version}


def listed(
    resource: Resource[Any], items: Iterable[dict[str, Any]], version: object = 1, **metadata: Any
) -> bytes:
    """Make a page of a list; `metadata` is what it has besides its version."""
    kind = kind_of(resource)
    head = {"kind": kind["kind"] + "List", "apiVersion": kind["apiVersion"]}
    return msgspec.json.encode(
        head | {"metadata": {"resourceVersion": str(version)} | metadata, "items": list(items)}
    )


def event(resource: Resource[Any], type: str, obj: dict[str, Any]) -> bytes:
    """Make a line of a watch."""
    return msgspec.json.encode({"type": type, "object": kind_of(resource) | obj})
