"""`status` of a ServiceInstance."""

import msgspec

from .instance import Counts
from .release_status import ReleaseStatus
from .status import Status, always


class ServicePublication(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A place where a service should be, and what is there.

    `serial` is that of the zone's version that last changed the service, as far as the target has it.
    `reason` is "" where it is there as it is answered by us.
    """

    zone: str
    target: str
    dns_name: str
    serial: int = always(0)
    time: str = ""
    reason: str = ""
    message: str = ""


class ListedPort(msgspec.Struct, frozen=True, omit_defaults=True):
    """A port of a listed instance, resolved."""

    port: int
    protocol: str
    name: str = ""


class ListedInstance(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An instance, with the reason where it is not answered.

    `name` is its own DNS label. Where there is an `endpoint_slice`, `pod` is not a pod, but the endpoint's
    hostname or address. One that is draining left the answers at `draining_since` and may end at
    `draining_until`.
    """

    pod: str
    live: bool
    ready: bool
    eligible: bool
    name: str = ""
    addresses: tuple[str, ...] = ()
    ports: tuple[ListedPort, ...] = ()
    node: str = ""
    zone: str = ""
    version: str = ""
    weight: int = always(0)
    reason: str = ""
    message: str = ""
    draining_since: str = ""
    draining_until: str = ""
    endpoint_slice: str = ""


class InstanceStatus(Status, frozen=True, rename="camel", omit_defaults=True):
    """What Rollcall sees of a service, and where it is published.

    `ready` and `targets` are fractions such as `3/5`, `reason` the one that matters most: columns of kubectl
    get. `left_out` counts what is not answered by its reason, and pods that have ended, which are not
    instances. `instances` may be cut (`truncated`), `counts` and `left_out` are exact all the same.
    """

    dns_name: str = ""
    ready: str = ""
    targets: str = ""
    reason: str = ""
    counts: Counts = Counts()
    left_out: dict[str, int] = msgspec.field(default_factory=dict)
    release: ReleaseStatus = ReleaseStatus()
    publications: tuple[ServicePublication, ...] = always(())
    instances: tuple[ListedInstance, ...] = always(())
    truncated: bool = always(False)
    last_change_time: str = ""
