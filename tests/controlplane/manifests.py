"""The objects that simulated workloads are made of, as the kubelet and the API would show them.

Pure functions. A ready pod always has an address, as on a real node; what a test wants otherwise
it gives in `spec` or `status`, which are merged over what is made here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from controlplane.client import Json

NODE = "node-0"
CONTAINER = "app"
IMAGE = "example.invalid/app:1"
_NODE_ADDRESS = "127.0.0.1"

Port = tuple[str, int]
"""A port's name and number; TCP, or another protocol as in ("dns/udp", 53)."""


def now() -> str:
    """Return the present moment as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_STARTED = now()
"""When all containers started: readiness comes and goes without a restart."""


def pod(
    namespace: str,
    name: str,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    ports: Sequence[Port] = (),
    node: str = NODE,
    hostname: str | None = None,
    subdomain: str | None = None,
    readiness_gates: Sequence[str] = (),
    spec: Json | None = None,
) -> Json:
    """Make a pod as it is created, bound to its node already, so that no scheduler is needed."""
    made: Json = {
        "nodeName": node,
        "terminationGracePeriodSeconds": 30,
        "containers": [
            {
                "name": CONTAINER,
                "image": IMAGE,
                "ports": [{**_port(port, "containerPort"), "name": port[0].split("/")[0]} for port in ports],
            }
        ],
    }
    if hostname:
        made["hostname"] = hostname
    if subdomain:
        made["subdomain"] = subdomain
    if readiness_gates:
        made["readinessGates"] = [{"conditionType": gate} for gate in readiness_gates]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(name, namespace, labels, annotations),
        "spec": made | (spec or {}),
    }


def running(
    ips: Sequence[str], *, ready: bool, host_ip: str = _NODE_ADDRESS, started: str | None = None
) -> Json:
    """Make the status that a kubelet writes for a running pod."""
    when = started or now()
    conditions = [_condition("PodScheduled", True, when), _condition("Initialized", True, when)]
    return {
        "phase": "Running",
        "hostIP": host_ip,
        "podIP": ips[0],
        "podIPs": [{"ip": ip} for ip in ips],
        "startTime": when,
        **readiness(ready, when),
        "conditions": [*conditions, *readiness(ready, when)["conditions"]],
    }


def readiness(ready: bool, when: str | None = None, *, container: bool | None = None) -> Json:
    """Make the part of a status that changes with readiness.

    The container's readiness follows the pod's, unless a readiness gate keeps them apart.
    """
    moment = when or now()
    inner = ready if container is None else container
    return {
        "conditions": [
            _condition("ContainersReady", inner, moment),
            _condition("Ready", ready, moment),
        ],
        "containerStatuses": [
            {
                "name": CONTAINER,
                "image": IMAGE,
                "imageID": IMAGE,
                "ready": inner,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": _STARTED}},
            }
        ],
    }


def service(
    namespace: str,
    name: str,
    *,
    selector: Mapping[str, str] | None = None,
    ports: Sequence[Port] = (("http", 80),),
    headless: bool = True,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    spec: Json | None = None,
) -> Json:
    """Make a service; headless unless said otherwise, for those are what needs no cluster address."""
    made: Json = {
        "ports": [{**_port(port, "port"), "name": port[0].split("/")[0]} for port in ports],
    }
    if selector is not None:
        made["selector"] = dict(selector)
    if headless:
        made["clusterIP"] = "None"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(name, namespace, labels, annotations),
        "spec": made | (spec or {}),
    }


def namespace(name: str, labels: Mapping[str, str] | None = None) -> Json:
    """Make a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": _metadata(name, None, labels)}


def node(name: str, labels: Mapping[str, str] | None = None) -> Json:
    """Make a node, without its status."""
    own = {"kubernetes.io/hostname": name, **(labels or {})}
    return {"apiVersion": "v1", "kind": "Node", "metadata": _metadata(name, None, own)}


def node_status(address: str = _NODE_ADDRESS, *, ready: bool = True) -> Json:
    """Make the status of a node."""
    return {
        "addresses": [{"type": "InternalIP", "address": address}],
        "conditions": [_condition("Ready", ready, now())],
    }


def _metadata(
    name: str,
    namespace: str | None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Json:
    made: Json = {"name": name}
    if namespace is not None:
        made["namespace"] = namespace
    if labels:
        made["labels"] = dict(labels)
    if annotations:
        made["annotations"] = dict(annotations)
    return made


def _port(port: Port, key: str) -> dict[str, Any]:
    protocol = port[0].partition("/")[2].upper() or "TCP"
    return {key: port[1], "protocol": protocol}


def _condition(kind: str, value: bool, when: str) -> Json:
    return {"type": kind, "status": str(value), "lastTransitionTime": when}
