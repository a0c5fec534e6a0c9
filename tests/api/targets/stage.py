"""A service of some pods, a zone with targets, the Secret that they need, and Rollcall."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.test_operator import apply, status, zone
from controlplane import ControlPlane
from key_material import check_cluster
from nameservers import DOMAIN, KEY, Nameserver
from rollcall_process import Rollcall
from waiting import eventually

ZONE = "targets"
SECRET = "example-key"  # its name
EVERYONE = {"10.0.7.1", "10.0.7.2", "10.0.7.3"}
DEADLINE_SECONDS = 90.0

Json = dict[str, Any]


class Stage:
    """What the tests of targets share. The operator's namespace is that of the service."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.plane = plane
        self.namespace = namespace
        self.folder = folder
        self.name = f"web.{namespace}.{DOMAIN}"

    def zone(self, **spec: object) -> None:
        """Make the DiscoveryZone, or give it another spec."""
        apply(self.plane, zone(ZONE, DOMAIN, namespaces=[self.namespace], **spec))

    def update(self, name: str, server: Nameserver, port: int | None = None, **spec: object) -> Json:
        """Return an entry of spec.updates."""
        target = {"name": name, "server": server.address, "port": port or server.port, "keySecret": SECRET}
        return target | spec

    def set_ready(self, number: int, ready: bool) -> None:
        """Flip a pod."""
        self.plane.workloads.set_ready(self.namespace, f"web-{number}", ready)

    @contextmanager
    def rollcall(self, *options: str, state: str = "state") -> Iterator[Rollcall]:
        """Run the operator; the same `state` is the same folder on disk."""
        folder = self.folder / state
        folder.mkdir(exist_ok=True)
        where = f"--operator-namespace={self.namespace}"
        with Rollcall(self.plane.kubeconfig, folder, where, *options) as running:
            running.wait_ready()
            yield running
        assert "Traceback" not in running.text, running.text

    def targets(self) -> dict[tuple[str, str], Json]:
        """Return the entries of status.publications, by domain and target."""
        entries = status(self.plane, "dz", ZONE).get("publications") or ()
        return {(entry["domain"], entry["target"]): entry for entry in entries}

    def reasons(self, name: str) -> set[str]:
        """Return the reasons of a target, of all domains."""
        return {entry.get("reason", "") for (_, target), entry in self.targets().items() if target == name}

    def wait_reason(self, name: str, *reasons: str) -> None:
        """Wait until a target says one of these of all its domains."""
        eventually(
            lambda: self.reasons(name) and self.reasons(name) <= set(reasons),
            f"{name} {'/'.join(reasons)}, still {json.dumps(list(self.targets().values()))}",
            DEADLINE_SECONDS,
        )

    def wait_current(self, *names: str) -> None:
        """Wait until targets have the newest version."""
        for name in names:
            self.wait_reason(name, "Current")


@contextmanager
def staged(
    plane: ControlPlane, namespace: str, folder: Path, versions: Sequence[str] = ("", "", "")
) -> Iterator[Stage]:
    """Make the service, a pod for each version ("": unlabelled) and the Secret; in the end remove the zone.

    The pods are web-0, web-1 and so on, with the addresses 10.0.7.1, 10.0.7.2 and so on.
    """
    both_families = {"ipFamilyPolicy": "PreferDualStack"}
    plane.workloads.make_service(namespace, "web", selector={"app": "web"}, spec=both_families)
    for number, version in enumerate(versions):
        plane.workloads.make_pod(
            namespace,
            f"web-{number}",
            ip=f"10.0.7.{number + 1}",
            labels={"app": "web"} | ({"version": version} if version else {}),
            ports=[("http", 8080)],
        )
    plane.kubectl("create", "secret", "generic", SECRET, "-n", namespace, f"--from-literal=key={KEY}")
    stage = Stage(plane, namespace, folder)
    try:
        yield stage
        check_cluster(plane, namespace)
    finally:
        plane.kubectl("delete", "dz", ZONE, "--ignore-not-found")
