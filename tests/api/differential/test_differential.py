"""Rollcall reads pods, others read what the EndpointSlice controller makes of them: at rest both agree.

Random worlds on a real API server, with the real controller of kube-controller-manager. ROLLCALL_WORLDS says
how many (a few dozen without), ROLLCALL_WORLDS_SEED with which seed they begin. A world that differs is told
with its steps; `worlds.make(seed, FEATURES)` is always the same one.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.differential.published import (
    Published,
    answered,
    by_slices,
    ended_pods,
    services_and_slices,
)
from api.differential.worlds import HOSTNAMES, Feature, Player, World, worlds
from api.test_operator import apply, zone
from controlplane import ControlPlane, FetchFailed, ProgramMissing
from rollcall_process import Rollcall
from waiting import eventually

COUNT = int(os.environ.get("ROLLCALL_WORLDS", "24"))
FIRST = int(os.environ.get("ROLLCALL_WORLDS_SEED", "0"))
BATCH = 32
PATIENCE_SECONDS = 60.0
"""How long nothing may come closer to agreement until what is left is a difference."""

FEATURES = frozenset(Feature)
PORTS = [
    ("http", "TCP"),
    ("metrics", "TCP"),
    ("dns", "UDP"),
    ("dns-tcp", "TCP"),
    ("side", "TCP"),
    ("all", "TCP"),
]
NAMES = [*HOSTNAMES, *(f"h{number}" for number in range(3))]
DOMAIN = "diff.example"

Differences = dict[str, tuple[Published, Published]]
"""By service: what the slices say, and what Rollcall answers."""

_DUAL_STACK = "--service-cluster-ip-range=10.96.0.0/12,fd96::/108"
_FAST = [
    "--kube-api-qps=1000",
    "--kube-api-burst=2000",
    "--concurrent-service-endpoint-syncs=20",
    "--mirroring-concurrent-service-endpoint-syncs=20",
]


@pytest.fixture(scope="module")
def plane(cluster_crds: Path) -> Iterator[ControlPlane]:
    """Start an API server for both families, with the controllers that write EndpointSlices."""
    with ControlPlane(apiserver_flags=[_DUAL_STACK]) as plane:
        if not plane.ours:
            pytest.skip("this cluster has controllers and nodes of its own")
        try:
            plane.start_controllers(flags=_FAST)
        except (FetchFailed, ProgramMissing) as error:
            pytest.skip(str(error))
        plane.kubectl("apply", "--server-side", "-f", str(cluster_crds))
        plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(cluster_crds))
        plane.workloads.make_node()
        apply(plane, zone("diff", DOMAIN, ttlSeconds=0))
        yield plane


class Comparison:
    """Holds what Rollcall answers against the slices; `compared` counts addresses that were the same."""

    def __init__(self, plane: ControlPlane, rollcall: Rollcall) -> None:
        self._plane = plane
        self._rollcall = rollcall
        self.compared = 0

    def settle(self, batch: list[World]) -> list[str]:
        """Wait until all worlds agree, or nothing moves any more; return what differs."""
        left: dict[int, tuple[World, Differences]] = {world.seed: (world, {}) for world in batch}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while left and time.monotonic() < deadline:
            worlds_left = [world for world, _ in left.values()]
            found = self._plane.workloads.many(self._differences, worlds_left)
            now = {world.seed: (world, its) for world, its in zip(worlds_left, found, strict=True) if its}
            if now != left:
                deadline = time.monotonic() + PATIENCE_SECONDS
            left = now
        return [
            "\n".join(
                (str(world), *(f"  {name}\n    slices: {a}\n    answer: {b}" for name, (a, b) in its.items()))
            )
            for world, its in left.values()
        ]

    def _differences(self, world: World) -> Differences:
        """Return what the slices say and what Rollcall answers, of each service where that isn't the same."""
        services, slices = services_and_slices(self._plane, world.namespace)
        ended = ended_pods(self._plane, world.namespace)
        found: Differences = {}
        same = 0
        for service in services:
            name = service["metadata"]["name"]
            said = by_slices(service, slices[name], ended)
            told = answered(self._rollcall, f"{name}.{world.namespace}.{DOMAIN}", NAMES, PORTS)
            if said != told:
                found[name] = said, told
            same += len(said.addresses)
        self.compared += 0 if found else same
        return found


def test_ready_addresses_ports_and_hostnames_are_those_of_the_endpoint_slices(plane, tmp_path):
    differing: list[str] = []
    with Rollcall(plane.kubeconfig, tmp_path) as rollcall:
        rollcall.wait_ready()
        comparison = Comparison(plane, rollcall)
        for first in range(FIRST, FIRST + COUNT, BATCH):
            batch = list(worlds(first, min(BATCH, FIRST + COUNT - first), FEATURES))
            plane.workloads.many(lambda world: Player(plane, world).play(), batch)
            arrive(plane, rollcall, f"last-{first}")
            differing += comparison.settle(batch)
        assert "Traceback" not in rollcall.text
    assert not differing, f"{len(differing)} of {COUNT} worlds differ:\n" + "\n".join(differing)
    assert comparison.compared > COUNT, "worlds without ready addresses prove nothing"


def arrive(plane: ControlPlane, rollcall: Rollcall, namespace: str) -> None:
    """Wait until a service that is made now is known to both."""
    plane.workloads.make_namespace(namespace)
    plane.workloads.make_service(namespace, "last", selector={"app": "last"})
    plane.workloads.make_pod(namespace, "last", ip="10.7.7.7", labels={"app": "last"})

    def there() -> bool:
        (service,), slices = services_and_slices(plane, namespace)
        return by_slices(service, slices["last"]).addresses == {"10.7.7.7"}

    eventually(there, "the controller is that far")
    rollcall.wait_answers(f"last.{namespace}.{DOMAIN}", {"10.7.7.7"})
