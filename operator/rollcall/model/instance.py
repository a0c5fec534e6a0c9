"""What the directory says of a service: its instances, and why some are left out."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

import msgspec

from .keys import Key
from .workload import IPFamily, ServicePort


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

    @property
    def is_on_its_way(self) -> bool:
        """Whether an instance that has a node is to be available soon."""
        return self in (Reason.PENDING, Reason.NO_ADDRESS, Reason.READY_MISSING, Reason.NOT_READY)


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
    `canary`: it is on the canary's side of a release.
    `mistake` says what is wrong with the pod's annotations, "" where nothing is. `restarts` counts those of
    the pod's containers. `terminating`: it is being deleted.

    `ipv4` and `ipv6` are the addresses that the service publishes, by its `families` (none: both); `unasked`
    are those of a family that it leaves out.

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
    canary: bool = False
    hostname: str = ""
    named: bool = True
    terminating: bool = False
    families: tuple[IPFamily, ...] = ()
    unasked: tuple[IPv4Address | IPv6Address, ...] = ()
    mistake: str = ""
    restarts: int = 0
    slice: str = ""

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """The addresses that are published, those of the first family first: IPv4 where nobody says."""
        if self.families[:1] == (IPFamily.IPV6,):
            return (*self.ipv6, *self.ipv4)
        return (*self.ipv4, *self.ipv6)

    def in_families(self, families: tuple[IPFamily, ...]) -> "Instance":
        """Return it with the addresses of these families, in place of those that its service publishes."""
        known = (*self.ipv4, *self.ipv6, *self.unasked)
        ipv4 = tuple(each for each in known if isinstance(each, IPv4Address))
        ipv6 = tuple(each for each in known if isinstance(each, IPv6Address))
        has_ipv4, has_ipv6 = IPFamily.IPV4 in families, IPFamily.IPV6 in families
        return msgspec.structs.replace(
            self,
            families=families,
            ipv4=ipv4 if has_ipv4 else (),
            ipv6=ipv6 if has_ipv6 else (),
            unasked=(*(() if has_ipv4 else ipv4), *(() if has_ipv6 else ipv6)),
        )


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
    `families` are those that its ServiceInstance asks for, () where it leaves that to the Service.
    """

    key: Key
    ports: tuple[ServicePort, ...]
    instances: tuple[Instance, ...]
    draining: tuple[Instance, ...] = ()
    drain_seconds: int = 0
    families: tuple[IPFamily, ...] = ()

    def in_families(self, families: tuple[IPFamily, ...]) -> "Members":
        """Return them where these families are asked for; () is the same as here."""
        if not families:
            return self
        common = common_families(families, self.families)
        instances, draining = (
            tuple(i for each in held if (i := each.in_families(common)).addresses)
            for held in (self.instances, self.draining)
        )
        return msgspec.structs.replace(self, instances=instances, draining=draining)


def common_families(place: tuple[IPFamily, ...], service: tuple[IPFamily, ...]) -> tuple[IPFamily, ...]:
    """Return the families that a zone or a file publishes of a service, when it asks for some itself.

    `service` are those that a ServiceInstance asks for; () where it asks for none.
    """
    return tuple(family for family in place if not service or family in service)
