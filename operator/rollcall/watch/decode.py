"""From the API's shape of an object to the model's.

Strings that many objects share (labels, node and namespace names, port names) are interned: ten thousand
pods of a hundred services repeat the same few hundred of them.
"""

from functools import lru_cache
from sys import intern

import msgspec

from rollcall.kube.errors import UNDECODABLE
from rollcall.model import (
    PUBLISHED_GATE,
    ContainerPort,
    DiscoveryFile,
    DiscoveryZone,
    Gate,
    Key,
    Pod,
    RememberedRelease,
    Service,
    ServiceInstance,
)

from .origin import is_applied_by_helm, origin_of, release_of
from .wire import (
    ObjectMeta,
    WireContainer,
    WireDiscoveryFile,
    WireDiscoveryZone,
    WireIdentity,
    WirePod,
    WirePodSpec,
    WirePodStatus,
    WireService,
    WireServiceInstance,
)

_READY = {"True": True, "False": False, "Unknown": False}

# Replicas declare the same ports; they can share the objects.
_container_port = lru_cache(maxsize=4096)(ContainerPort)


_decode_release = msgspec.json.Decoder(RememberedRelease | None).decode


def key_of(meta: ObjectMeta | WireIdentity) -> Key:
    """Namespace and name; the namespace of a cluster-scoped object is empty."""
    return Key(intern(meta.namespace), meta.name)


def pod(wire: WirePod, key: Key) -> Pod:
    """Read a pod.

    A Ready condition of status Unknown (the node has stopped reporting) is not ready, as for the
    endpoints controllers of Kubernetes.
    """
    meta, spec, status = wire.metadata, wire.spec, wire.status
    ready: bool | None = None
    ready_message = ""
    for condition in status.conditions:
        if condition.type == "Ready":
            ready = _READY.get(condition.status)
            ready_message = condition.message
            break
    return Pod(
        key=key,
        uid=meta.uid,
        labels=_labels(meta.labels),
        phase=intern(status.phase),
        deleting=meta.deletion_timestamp is not None,
        ready=ready,
        ready_message=ready_message,
        addresses=_addresses(status),
        hostname=spec.hostname,
        subdomain=intern(spec.subdomain),
        node=intern(spec.node_name),
        ports=_ports(spec.containers or (), spec.init_containers),
        weight=meta.annotations.weight,
        drain=meta.annotations.drain,
        gate=_gate(spec, status, ready, ready_message) if spec.readiness_gates else None,
        restarts=sum(each.restart_count for each in (*status.containers, *status.init_containers)),
    )


def service(wire: WireService, key: Key) -> Service:
    """Read a Service; an empty selector is none, as it would be after a round trip through the API."""
    meta, spec = wire.metadata, wire.spec
    return Service(
        key=key,
        uid=meta.uid,
        created=meta.creation_timestamp or "",
        labels=_labels(meta.labels),
        selector=_labels(spec.selector) if spec.selector else None,
        type=intern(spec.type),
        ports=spec.ports,
        publish_not_ready=spec.publish_not_ready_addresses,
        ip_families=spec.ip_families,
        release=release_of(meta),
        is_applied_by_helm=is_applied_by_helm(meta),
    )


def service_instance(wire: WireServiceInstance, key: Key) -> ServiceInstance:
    """Read a ServiceInstance."""
    meta = wire.metadata
    remembered = _remembered(wire.status.release)
    return ServiceInstance(
        key=key,
        uid=meta.uid,
        generation=meta.generation,
        labels=_labels(meta.labels),
        origin=origin_of(meta),
        spec=wire.spec,
        released=remembered.released if remembered else None,
        progress=remembered.steps if remembered else None,
    )


def discovery_zone(wire: WireDiscoveryZone, key: Key) -> DiscoveryZone:
    """Read a DiscoveryZone."""
    meta = wire.metadata
    return DiscoveryZone(
        name=key.name,
        uid=meta.uid,
        generation=meta.generation,
        created=meta.creation_timestamp or "",
        spec=wire.spec,
        labels=_labels(meta.labels),
        owner=wire.status.owner,
        assigned=meta.annotations.owner,
    )


def discovery_file(wire: WireDiscoveryFile, key: Key) -> DiscoveryFile:
    """Read a DiscoveryFile."""
    meta = wire.metadata
    return DiscoveryFile(
        key=key,
        uid=meta.uid,
        generation=meta.generation,
        created=meta.creation_timestamp or "",
        spec=wire.spec,
    )


def _remembered(raw: msgspec.Raw) -> RememberedRelease | None:
    """Read what a status remembers of a release; None where there is nothing that we understand."""
    if not raw:
        return None
    try:
        remembered: RememberedRelease | None = _decode_release(raw)
    except UNDECODABLE:
        return None
    return remembered


def _labels(labels: dict[str, str]) -> dict[str, str]:
    return {intern(name): intern(value) for name, value in labels.items()}


def _gate(spec: WirePodSpec, status: WirePodStatus, ready: bool | None, ready_message: str) -> Gate | None:
    """Read what there is of our readiness gate; None where the pod has only others.

    Ready but for our gate is what the kubelet computes it from: all containers and all other gates. Where
    nobody has written ContainersReady, what Ready says has to do.
    """
    types = {gate.condition_type for gate in spec.readiness_gates}
    if PUBLISHED_GATE not in types:
        return None
    conditions = {condition.type: condition for condition in status.conditions}
    ours = conditions.get(PUBLISHED_GATE)
    published = None if ours is None else ours.status == "True"
    if "ContainersReady" not in conditions:
        return Gate(ready, ready_message, published)
    for kind in ("ContainersReady", *sorted(types - {PUBLISHED_GATE})):
        condition = conditions.get(kind)
        if condition is None or condition.status != "True":
            told = (condition and condition.message) or f"The pod's condition {kind} is not True."
            return Gate(False, told, published)
    return Gate(True, "", published)


def _addresses(status: WirePodStatus) -> tuple[str, ...]:
    # podIP is the first of podIPs wherever there is a kubelet of this decade; tools that write a status by
    # hand may know only the older field.
    if status.pod_ips:
        return tuple(pod_ip.ip for pod_ip in status.pod_ips if pod_ip.ip)
    return (status.pod_ip,) if status.pod_ip else ()


def _ports(
    containers: tuple[WireContainer, ...], init_containers: tuple[WireContainer, ...]
) -> tuple[ContainerPort, ...]:
    # An init container that restarts always is a sidecar and runs as long as the pod (KEP-753); its ports
    # come after those of the containers, the order in which Kubernetes resolves a named targetPort.
    sidecars = [container for container in init_containers if container.restart_policy == "Always"]
    return tuple(
        _container_port(intern(port.name), intern(port.protocol), port.container_port)
        for container in (*containers, *sidecars)
        for port in container.ports
    )
