"""The DNS servers that are compared: Rollcall as `rollcall run` starts it, and CoreDNS."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import command_line, descendants
from bench.progress import say
from bench.world import Service
from controlplane import ControlPlane, path
from controlplane.child import Child

ZONE = "svc.cluster.local"
"""The domain of both, so that both get the same questions."""

_CRDS = Path(__file__).parents[1] / "manifests" / "crds"
_START_SECONDS = 60.0
_DNS_LINE = re.compile(r"dns on \S+:(\d+),")
_HTTP_LINE = re.compile(r"http on \S+:(\d+)")

_COREFILE = """
.:{$DNS_PORT} {
    bind 127.0.0.1
    errors
    kubernetes cluster.local {
        kubeconfig {$KUBECONFIG}
        pods disabled
        ttl 0
    }
    loadbalance
}
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A DNS server under measurement.

    `roles` gives the process ids by what they do, `serving` names the roles that answer queries. The
    controller that writes EndpointSlices is part of what it takes to run CoreDNS. `http_port` is that of
    Rollcall's metrics.
    """

    name: str
    port: int
    roles: Callable[[], dict[str, list[int]]]
    serving: tuple[str, ...]
    domain: str = ZONE
    http_port: int = 0

    @property
    def pids(self) -> list[int]:
        """All its processes."""
        return [pid for pids in self.roles().values() for pid in pids]

    @property
    def serving_pids(self) -> list[int]:
        """The processes that answer queries."""
        roles = self.roles()
        return [pid for role in self.serving for pid in roles.get(role, ())]

    def domain_name(self, service: Service) -> str:
        """Return the name of a service."""
        return f"{service.name}.{service.namespace}.{self.domain}"


def install_crds(plane: ControlPlane) -> None:
    """Install Rollcall's resources, and wait until the API server has them."""
    plane.kubectl("apply", "-f", str(_CRDS))
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")


@contextmanager
def rollcall(plane: ControlPlane) -> Iterator[Peer]:
    """Install the CRDs and a zone, and run Rollcall."""
    say("starting Rollcall")
    install_crds(plane)
    zone = {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "DiscoveryZone",
        "metadata": {"name": "bench"},
        "spec": {"domain": ZONE, "ttlSeconds": 0},
    }
    plane.client.create(path("rollcall.dev/v1alpha1", "discoveryzones"), zone)
    command: list[str | Path] = [
        Path(sys.executable).with_name("rollcall"),
        "run",
        f"--kubeconfig={plane.kubeconfig}",
        "--dns-listen=127.0.0.1:0",
        "--http-listen=127.0.0.1:0",
        "--lameduck=0",
        "--generate-after=0",
        f"--state-dir={plane.folder / 'rollcall'}",
    ]
    child = Child("rollcall", command, plane.folder / "rollcall.log")
    try:
        child.wait_until(lambda: all(_port(line, child) for line in (_DNS_LINE, _HTTP_LINE)), _START_SECONDS)
        yield Peer(
            "Rollcall",
            _port(_DNS_LINE, child),
            lambda: _rollcall_roles(child.pid),
            ("workers",),
            http_port=_port(_HTTP_LINE, child),
        )
    finally:
        child.stop(20.0)


@contextmanager
def coredns(plane: ControlPlane) -> Iterator[Peer]:
    """Run the controller that writes EndpointSlices, and CoreDNS."""
    say("starting kube-controller-manager (endpointslice) and CoreDNS")
    controller = plane.start_controllers()
    server = plane.start_coredns(_COREFILE)
    roles = {"server": [server.child.pid], "controller": [controller.child.pid]}
    try:
        yield Peer("CoreDNS", server.port, lambda: roles, ("server",))
    finally:
        server.stop()
        controller.stop()


def _port(line: re.Pattern[str], child: Child) -> int:
    """Return the port that Rollcall's log tells, 0 when it doesn't yet."""
    found = line.search(child.output())
    return int(found[1]) if found else 0


def _rollcall_roles(pid: int) -> dict[str, list[int]]:
    roles: dict[str, list[int]] = {"supervisor": [pid], "control": [], "workers": []}
    for child in descendants(pid):
        command = command_line(child)
        if "rollcall.app" in command:
            roles["control"].append(child)
        elif "rollcall.serve.worker" in command:
            roles["workers"].append(child)
    return roles
