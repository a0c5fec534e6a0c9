"""Services whose pods are of several versions, with the release that decides who is answered."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.progress import say
from bench.stage import Stage
from bench.world import Pod, Service
from controlplane import ControlPlaneError, path

_RESOURCES = "rollcall.dev/v1alpha1", "serviceinstances"
PORT = "http", 8080

_IN_FORCE_SECONDS = 60.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Versioned:
    """A service, its pods by version, and the `spec` of its ServiceInstance."""

    namespace: str
    name: str
    pods: Mapping[str, tuple[Pod, ...]]
    spec: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The path of its ServiceInstance."""
        return path(*_RESOURCES, self.namespace, self.name)

    def answering(self, *versions: str) -> Service:
        """Return the service as its names show it while these versions are answered."""
        pods = tuple(pod for version in versions for pod in self.pods[version])
        return Service(self.namespace, self.name, pods)

    def of_version(self, version: str) -> Service:
        """Return what answers under the name of one version."""
        return Service(self.namespace, f"{version}.versions.{self.name}", self.pods[version])


def lay_out(
    namespace: str, network: int, services: Mapping[str, tuple[Mapping[str, int], Mapping[str, Any]]]
) -> list[Versioned]:
    """Plan services, each given as the numbers of its pods by version and its spec.

    Addresses are in 10.<network>.0.0/16.
    """
    planned = []
    slot = 0
    for name, (numbers, spec) in services.items():
        pods: dict[str, tuple[Pod, ...]] = {}
        for version, number in numbers.items():
            slots = range(slot, slot + number)
            slot += number
            pods[version] = tuple(
                Pod(each, namespace, f"{name}-{each}", f"10.{network}.{each // 250}.{each % 250 + 1}")
                for each in slots
            )
        planned.append(Versioned(namespace, name, pods, spec))
    return planned


@contextmanager
def made(stage: Stage, services: Sequence[Versioned]) -> Iterator[None]:
    """Make services of one namespace with all their pods, ready; remove them in the end.

    The ServiceInstances come first, so that a release holds from the first answer on.
    """
    workloads, namespace = stage.plane.workloads, services[0].namespace
    pods = [
        (service, version, pod)
        for service in services
        for version in service.pods
        for pod in service.pods[version]
    ]
    say(f"making {len(pods)} pods of {len(services)} services in namespace {namespace}")
    workloads.make_namespace(namespace)
    collection = path(*_RESOURCES, namespace)
    for service in services:
        stage.plane.client.create(collection, _resource(service))
        workloads.make_service(namespace, service.name, selector={"app": service.name}, ports=[PORT])

    def make_pod(one: tuple[Versioned, str, Pod]) -> None:
        service, version, pod = one
        labels = {"app": service.name, "version": version}
        workloads.make_pod(namespace, pod.name, ip=pod.address, labels=labels, ports=[PORT])

    workloads.many(make_pod, pods)
    try:
        yield
    finally:
        if not isinstance(sys.exc_info()[1], KeyboardInterrupt):  # then the cluster itself is thrown away
            workloads.remove_namespace(namespace)
            stage.plane.client.delete(collection)


def wait_answered(stage: Stage, services: Sequence[Service]) -> None:
    """Wait until all pods are in the answers and Rollcall is at rest. Raises ControlPlaneError."""
    stage.observers[0].wait_ready(services)
    stage.settle()


def set_release(stage: Stage, services: Sequence[Versioned], release: Mapping[str, Any] | None) -> None:
    """Give services another release, or none, and wait until it is in force and Rollcall at rest."""
    client = stage.plane.client
    stage.plane.workloads.many(
        lambda service: client.patch(service.path, {"spec": {"release": release}}), services
    )
    wanted = None if release is None else "Canary" if "canary" in release else "BlueGreen"
    deadline = time.monotonic() + _IN_FORCE_SECONDS
    for service in services:
        while (strategy := _strategy(client.get(service.path))) != wanted:
            if time.monotonic() > deadline:
                raise ControlPlaneError(
                    f"the release of {service.namespace}/{service.name} is {strategy}, not {wanted}"
                )
            time.sleep(_LOOK_SECONDS)
    stage.settle()


def _strategy(resource: Mapping[str, Any]) -> str | None:
    """Return the strategy of the release in force, None without one."""
    strategy: str | None = resource.get("status", {}).get("release", {}).get("strategy")
    return strategy


def _resource(service: Versioned) -> dict[str, Any]:
    return {
        "apiVersion": _RESOURCES[0],
        "kind": "ServiceInstance",
        "metadata": {"namespace": service.namespace, "name": service.name},
        "spec": dict(service.spec),
    }
