"""What the directory says of a service: its instances, and why some are left out."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

import msgspec

from .keys import Key
from .workload import ServicePort


class Reason(StrEnum):
    """Why an instance is not eligible. CamelCase words, as users read them in status."""

    NONE = ""
    DELETING = "Deleting"
    PENDING = "Pending"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    PHASE_UNKNOWN = "PhaseUnknown"
    NO_ADDRESS = "NoAddress"
    INVALID_ADDRESS = "InvalidAddress"
    NOT_READY = "NotReady"
    READY_MISSING = "ReadyConditionMissing"
    DRAINING = "Draining"
    OTHER_VERSION = "OtherVersion"
    FQDN = "FQDN"


class InstancePort(msgspec.Struct, frozen=True):
    """A port of one instance, resolved: `name` is the service's name for it, "" where it has none."""

    name: str
    protocol: str
    number: int


class Instance(msgspec.Struct, frozen=True):
    """One pod of a service, or one endpoint of a Service that has no selector but EndpointSlices of its own.

    `label` is its own DNS label: the `hostname` that it has below this service ("" without one), unless
    another instance would have that too; else its first address with dashes. `named` is whether that is a
    name in DNS. `version` is "" where the pod has no version label. `weight` is its share of the answers
    against the others, 0 to 65,535: what the pod says (`own_weight`, 0 to 1,000), times what a canary gives
    its version. Among those of its own version the latter is the same for all.

    `available`: live, ready and not being drained; the names of its version answer it. `eligible`: let
    through by the release, too; the service's own names answer it. `reason` and `message` say why it is not,
    in a word and in a sentence. `listed` is whether sets of addresses that carry no weights hold it.
    `mistake` says what is wrong with the pod's annotations, "" where nothing is. `restarts` counts those of
    the pod's containers. `terminating`: it is being deleted.

    `slice` is the name of the EndpointSlice that an endpoint is from, "" for a pod. What stands in `pod` is
    then no pod: its name is the endpoint's hostname, or its address.
    """

    pod: Key
    uid: str
    label: str
    ipv4: tuple[IPv4Address, ...]
    ipv6: tuple[IPv6Address, ...]
    ports: tuple[InstancePort, ...]
    node: str
    zone: str
    version: str
    weight: int
    own_weight: int
    live: bool
    ready: bool
    available: bool
    eligible: bool
    reason: Reason = Reason.NONE
    message: str = ""
    listed: bool = True
    hostname: str = ""
    named: bool = True
    terminating: bool = False
    mistake: str = ""
    restarts: int = 0
    slice: str = ""

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """All addresses, IPv4 first."""
        return (*self.ipv4, *self.ipv6)


class Problem(msgspec.Struct, frozen=True):
    """Why a whole service can't be published as asked: a condition reason and what to do about it."""

    reason: str
    message: str


class Counts(msgspec.Struct, frozen=True):
    """How many instances a service has, exact whatever the length of a list in status."""

    total: int = 0
    live: int = 0
    ready: int = 0
    eligible: int = 0


class Members(msgspec.Struct, frozen=True):
    """The eligible instances of one service, sorted by label and pod: what a file holds of it.

    `ports` are those that the service (or its ServiceInstance) declares, in order of declaration. `draining`
    are instances that are no longer answered and go on serving, for `drain_seconds` after they left.
    """

    key: Key
    ports: tuple[ServicePort, ...]
    instances: tuple[Instance, ...]
    draining: tuple[Instance, ...] = ()
    drain_seconds: int = 0
