"""Builders of pods and services for the tests of the pure core, and a check of what a cluster can't hold."""

from typing import Any

from rollcall.model import (
    Answer,
    ContainerPort,
    DiscoveryZone,
    Eligibility,
    InstanceSpec,
    Key,
    Pod,
    Service,
    ServiceInstance,
    ServicePort,
    ZoneSpec,
)

HTTP = ServicePort(80, "http", "TCP", "web")
NAMED = ContainerPort("web", "TCP", 8080)


def pod(name: str = "web-0", address: str = "10.0.0.1", **fields: Any) -> Pod:
    """Make a pod that runs and is ready, but for what is said otherwise."""
    namespace = fields.pop("namespace", "shop")
    usual: dict[str, Any] = {"labels": {"app": "web"}, "phase": "Running", "ready": True, "ports": (NAMED,)}
    fields = usual | fields
    fields.setdefault("addresses", (address,) if address else ())
    made = Pod(key=Key(namespace, name), uid=f"uid-{name}", **fields)
    if made.phase == "Pending" and made.ready:
        raise AssertionError("no kubelet says of a pending pod that it is ready")
    return made


def service(name: str = "web", **fields: Any) -> Service:
    """Make a Service that selects app=web and has one named port."""
    namespace = fields.pop("namespace", "shop")
    fields = {"selector": {"app": "web"}, "ports": (HTTP,), "created": "2026-01-01T00:00:00Z"} | fields
    return Service(key=Key(namespace, name), uid=f"uid-{name}", **fields)


def resource(
    name: str = "web", *, namespace: str = "shop", generation: int = 1, **spec: Any
) -> ServiceInstance:
    """Make a ServiceInstance with this spec."""
    return ServiceInstance(
        Key(namespace, name), f"uid-si-{name}", generation, "2026-01-02T00:00:00Z", spec=InstanceSpec(**spec)
    )


def zone(name: str = "main", domain: str = "example.com", **fields: Any) -> DiscoveryZone:
    """Make a DiscoveryZone."""
    created = fields.pop("created", "2026-01-01T00:00:00Z")
    generation = fields.pop("generation", 1)
    return DiscoveryZone(name, f"uid-{name}", generation, created, ZoneSpec(domain, **fields))


__all__ = ["Answer", "Eligibility", "pod", "resource", "service", "zone"]
