"""The services and pods that are measured: made through the API, as workloads without a kubelet."""

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.progress import say
from controlplane import Workloads


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a fleet, and its number there, which is its slot while it is measured."""

    slot: int
    namespace: str
    name: str
    address: str

    @property
    def packed(self) -> bytes:
        """The address as it is in an A record."""
        return bytes(map(int, self.address.split(".")))


@dataclass(frozen=True, slots=True)
class Service:
    """A headless service and all its pods."""

    namespace: str
    name: str
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True)
class Fleet:
    """The services of one namespace, with equally many pods each."""

    namespace: str
    services: tuple[Service, ...]

    @property
    def pods(self) -> list[Pod]:
        """All pods, in the order of their slots."""
        return [pod for service in self.services for pod in service.pods]

    def shuffled(self, seed: int) -> list[Pod]:
        """All pods in a random order, the same one for a seed: pods of a lost node are of any service."""
        pods = self.pods
        random.Random(seed).shuffle(pods)
        return pods


def plan(namespace: str, network: int, services: int, pods_each: int) -> Fleet:
    """Lay out a fleet with addresses in 10.<network>.0.0/16."""

    def pod(service: int, number: int) -> Pod:
        slot = service * pods_each + number
        address = f"10.{network}.{slot // 250}.{slot % 250 + 1}"
        return Pod(slot, namespace, f"{_name(service)}-{number}", address)

    return Fleet(
        namespace,
        tuple(
            Service(namespace, _name(service), tuple(pod(service, number) for number in range(pods_each)))
            for service in range(services)
        ),
    )


@contextmanager
def made(workloads: Workloads, fleet: Fleet) -> Iterator[Fleet]:
    """Make a fleet, all of it ready, and remove it in the end."""
    count = len(fleet.pods)
    say(f"making {count} pods of {len(fleet.services)} services in namespace {fleet.namespace}")
    workloads.make_namespace(fleet.namespace)
    workloads.many(lambda each: _make_service(workloads, each), fleet.services)
    workloads.many(lambda pair: _make_pod(workloads, *pair), _pairs(fleet.services))
    try:
        yield fleet
    finally:
        if not isinstance(sys.exc_info()[1], KeyboardInterrupt):  # then the cluster itself is thrown away
            workloads.remove_namespace(fleet.namespace)


def _pairs(services: Sequence[Service]) -> list[tuple[Service, Pod]]:
    return [(service, pod) for service in services for pod in service.pods]


def _name(service: int) -> str:
    return f"svc-{service:03}"


def _make_service(workloads: Workloads, service: Service) -> None:
    workloads.make_service(
        service.namespace, service.name, selector={"app": service.name}, ports=[("http", 8080)]
    )


def _make_pod(workloads: Workloads, service: Service, pod: Pod) -> None:
    workloads.make_pod(
        pod.namespace, pod.name, ip=pod.address, labels={"app": service.name}, ports=[("http", 8080)]
    )
