"""What Rollcall reads of pods and services: slim, immutable, no field that nobody uses.

A pod holds a few hundred bytes here and 8 KiB on the wire; with 50,000 of them each further field costs
megabytes and each change of it an event that reaches the directory. Add one only with its reader.
"""

from enum import StrEnum

import msgspec

from .keys import API_GROUP, Key
from .origin import HelmRelease


class IPFamily(StrEnum):
    """A family of addresses, as in spec.ipFamilies of a Service."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


class ContainerPort(msgspec.Struct, frozen=True):
    """A port that a container declares; only these can be named by a service's targetPort."""

    name: str
    protocol: str
    number: int


WEIGHT_ANNOTATION = f"{API_GROUP}/weight"
DRAIN_ANNOTATION = f"{API_GROUP}/drain"
"""Of a pod."""

PUBLISHED_GATE = f"{API_GROUP}/published"
"""The condition type of the readiness gate of pods that become ready only once they are in the answers."""


class Gate(msgspec.Struct, frozen=True):
    """What a pod says that declares this gate.

    `ready` is whether all its other conditions hold, None where the kubelet has written none yet; `message`
    says why not. `published` is the status of our own condition, None where there is none.
    """

    ready: bool | None
    message: str
    published: bool | None


class Pod(msgspec.Struct, frozen=True):
    """A pod as far as discovery is concerned.

    `ready` is the status of the Ready condition, None where the kubelet has not written one yet. `addresses`
    are status.podIPs as they were written: the directory checks them. `ports` are those of containers, then
    of sidecar init containers (restartPolicy Always), in order of declaration. `hostname` and `subdomain` are
    those of the spec: the first is a name in DNS only below the service that the second names. `weight` and
    `drain` are the annotations WEIGHT_ANNOTATION and DRAIN_ANNOTATION as written, None without one.
    `gate` is None where the pod does not declare the readiness gate PUBLISHED_GATE. `restarts` counts those
    of its containers.
    """

    key: Key
    uid: str
    labels: dict[str, str] = {}
    phase: str = "Pending"
    deleting: bool = False
    ready: bool | None = None
    ready_message: str = ""
    addresses: tuple[str, ...] = ()
    hostname: str = ""
    subdomain: str = ""
    node: str = ""
    ports: tuple[ContainerPort, ...] = ()
    weight: str | None = None
    drain: str | None = None
    gate: Gate | None = None
    restarts: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether it is in a terminal phase: it never comes back."""
        return self.phase in ("Succeeded", "Failed")


class ServicePort(msgspec.Struct, frozen=True, rename={"number": "port", "target": "targetPort"}):
    """A port of a service. `target` is a number or the name of a container's port; None: the same number."""

    number: int
    name: str = ""
    protocol: str = "TCP"
    target: int | str | None = None


class Service(msgspec.Struct, frozen=True):
    """A Service. `selector` is None where there is none; `type` as in spec.type; `created` is RFC 3339.

    `ip_families` are those that it publishes, the first one first; none in it: both.
    `release` is the one of Helm that it belongs to, None where it belongs to none; `is_applied_by_helm`:
    whether Helm has applied it server-side.
    """

    key: Key
    uid: str
    created: str = ""
    labels: dict[str, str] = {}
    selector: dict[str, str] | None = None
    type: str = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()
    publish_not_ready: bool = False
    ip_families: tuple[IPFamily, ...] = ()
    release: HelmRelease | None = None
    is_applied_by_helm: bool = False
