"""The services and pods of this part, a namespace for each zone.

Services that flip have 20 pods, as has the name of the bare UPDATE beside them.
"""

from collections.abc import Iterator

from bench.world import Fleet, Pod, Service, plan
from controlplane import ControlPlane, manifests
from controlplane.client import Json
from controlplane.seed import seed, stored_pod

FLIPPING_SERVICES, PODS_EACH = 5, 20

LARGE_SERVICES, LARGE_PODS_EACH = 770, 7
"""Dual stack, two named ports and a version: a service has 1 name, 7 of its pods, 2 of its ports, 1 of its
version and 2 of the ports of that, 13 in all and the marker, with 70 records and that of the marker. That is
10,010 names and 53,900 records, of 5,390 pods: fewer pods can't have both without ports that nobody has."""

LARGE_NAMES = 10_000
LARGE_RECORDS = 50_000

_LARGE = "large"
_PORTS = (("http", 8080), ("metrics", 9090))
_VERSION_LABEL = "app.kubernetes.io/version"


def flipping(namespace: str, network: int) -> Fleet:
    """Lay out the services of which one pod at a time flips."""
    return plan(namespace, network, FLIPPING_SERVICES, PODS_EACH)


def bursting(namespace: str, network: int) -> Fleet:
    """Lay out 60 services of 5 pods, which flip all at once."""
    return plan(namespace, network, services=60, pods_each=5)


def make_large(plane: ControlPlane) -> None:
    """Make the large namespace: pods straight into etcd, as the API would take a minute for them.

    To be done before anybody watches pods.
    """
    work = plane.workloads
    work.make_namespace(_LARGE)
    services = list(range(LARGE_SERVICES))
    work.many(
        lambda n: work.make_service(_LARGE, _name(n), selector={"app": _name(n)}, ports=_PORTS), services
    )
    seed(plane.faults.etcd, _large_pods())


def large_service(number: int) -> Service:
    """Return one service of the large namespace; its pods have the slots from 0 on."""
    pods = tuple(
        Pod(pod, _LARGE, f"{_name(number)}-{pod}", _address(number, pod)) for pod in range(LARGE_PODS_EACH)
    )
    return Service(_LARGE, _name(number), pods)


def _large_pods() -> Iterator[Json]:
    for number in range(LARGE_SERVICES):
        for pod in range(LARGE_PODS_EACH):
            labels = {"app": _name(number), _VERSION_LABEL: "1.4.2"}
            made = manifests.pod(_LARGE, f"{_name(number)}-{pod}", labels=labels, ports=_PORTS)
            address = _address(number, pod)
            yield stored_pod(made, [address, f"fd00::{address.replace('.', ':')}"])


def _address(service: int, pod: int) -> str:
    slot = service * LARGE_PODS_EACH + pod
    return f"10.200.{slot // 250}.{slot % 250 + 1}"


def _name(service: int) -> str:
    return f"svc-{service:03}"
