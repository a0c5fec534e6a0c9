"""The DiscoveryZones of this part: one for each way to each server, so that no write has to wait for others.

What is read of them is what users read: `status.publications`.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench.targets.process import NAMESPACE, RollcallProcess
from controlplane import ControlPlane, ControlPlaneError, path
from controlplane.client import Json
from nameservers import KEY, Nameserver

FLOOR = "floor.example.com"
"""Not ours: the bare updates go there."""

BY_UPDATE = {"BIND": "bind.example.com", "Knot": "knot.example.com"}
BY_TRANSFER = {
    "BIND": "bind-secondary.example.com",
    "Knot": "knot-secondary.example.com",
    "CoreDNS": "coredns.example.com",
    "CoreDNS unnotified": "coredns-unnotified.example.com",
}
LARGE = "large.example.com"

LOOPBACK = "127.0.0.1"
_KEYS = "dns-servers"
_VERSION = "rollcall.dev/v1alpha1"
_POLL_SECONDS = 0.05


def make_key(plane: ControlPlane) -> None:
    """Make the Secret with the key that all servers know."""
    plane.workloads.make_namespace(NAMESPACE)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _KEYS},
        "stringData": {"key": KEY},
    }
    plane.client.create(path("v1", "secrets", NAMESPACE), secret)


def update_target(name: str, server: Nameserver) -> Json:
    """Name a server that takes updates."""
    return {"name": name, "server": server.address, "port": server.port, "keySecret": _KEYS}


def secondary(name: str, server: Nameserver, *, signed: bool) -> Json:
    """Name a secondary."""
    entry = {"name": name, "address": server.address, "port": server.port}
    return entry | ({"keySecret": _KEYS} if signed else {})


class DiscoveryZones:
    """Makes and changes them. A zone is named as its domain."""

    def __init__(self, plane: ControlPlane, process: RollcallProcess) -> None:
        self._client = plane.client
        self._process = process

    def make(self, domain: str, namespaces: Sequence[str], **spec: Any) -> None:
        """Create a zone of the services of some namespaces."""
        zone = {
            "apiVersion": _VERSION,
            "kind": "DiscoveryZone",
            "metadata": {"name": domain},
            "spec": {"domain": domain, "namespaces": list(namespaces), **spec},
        }
        self._client.create(path(_VERSION, "discoveryzones"), zone)

    def change(self, domain: str, **spec: Any) -> None:
        """Replace some fields of its spec."""
        self._client.patch(path(_VERSION, "discoveryzones", name=domain), {"spec": spec})

    def serial(self, domain: str) -> int:
        """Return the serial that Rollcall is at, 0 for a zone that it doesn't have."""
        return int(self._process.metrics().total("rollcall_zone_serial", zone=domain))

    def publications(self, domain: str) -> dict[str, Mapping[str, Any]]:
        """Return what the status says of each target, but for our own server."""
        zone = self._client.get(path(_VERSION, "discoveryzones", name=domain))
        found = zone.get("status", {}).get("publications", ())
        return {
            entry["target"]: entry
            for entry in found
            if entry["domain"].rstrip(".") == domain and entry["target"] != "serve"
        }

    def wait_current(self, domain: str, targets: Sequence[str], timeout_seconds: float = 120.0) -> None:
        """Wait until the status says that these targets have the newest version. Raises ControlPlaneError."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            known = self.publications(domain)
            states = [known.get(target, {}) for target in targets]
            if all(state.get("reason") == "Current" for state in states):
                serial = self.serial(domain)
                if all(state["serial"] == serial for state in states):
                    return
            if time.monotonic() > deadline:
                raise ControlPlaneError(
                    f"{domain} is not current at {', '.join(targets)} after {timeout_seconds:.0f} s: {states}"
                )
            time.sleep(_POLL_SECONDS)
