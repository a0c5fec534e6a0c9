"""What users write: the specs of our own custom resources.

The field names are those of manifests/crds/ in snake case; msgspec decodes the API's camel case. The schema
there has bounded every value before it gets here, so that the types hold no checks of their own.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import TypeAlias

import msgspec

from .keys import Key
from .origin import Origin
from .release import Progress, Release, Released
from .selector import LabelSelector
from .workload import IPFamily, ServicePort

DEFAULT_TTL_SECONDS = 5


class Policy(StrEnum):
    """How many of a name's addresses one answer holds."""

    RANDOM = "Random"
    ONE = "One"
    ALL = "All"


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer policy. `count` is the k of Random: how many of the eligible instances, 1 to 8.

    `max`: how many records an answer that tells the whole set holds at most, with All and of SRV.
    """

    policy: Policy = Policy.RANDOM
    count: int = 8
    max: int = 64

    @property
    def limit(self) -> int:
        """How many addresses one answer holds at most."""
        return {Policy.ONE: 1, Policy.ALL: self.max, Policy.RANDOM: self.count}[self.policy]


class InstanceNames(StrEnum):
    """Which instances have a name of their own."""

    ELIGIBLE = "Eligible"
    LIVE = "Live"


class Terminating(StrEnum):
    """Whether an instance that is being deleted leaves the answers, or stays as long as it is ready."""

    WITHDRAW = "withdraw"
    KEEP = "keep"


class Eligibility(msgspec.Struct, frozen=True, rename="camel"):
    """What makes an instance answerable. None leaves a choice to the Service."""

    publish_not_ready_addresses: bool | None = None
    instance_names: InstanceNames = InstanceNames.ELIGIBLE
    terminating: Terminating | None = None


class Drain(msgspec.Struct, frozen=True, rename="camel"):
    """`seconds`: how long an instance goes on serving after it was taken out of the answers."""

    seconds: int = 0


class InstanceSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`spec` of a ServiceInstance.

    `selector`, `ports` and `ip_families` stand in for those of a Service. `zones` names DiscoveryZones;
    empty: all that select the service.
    """

    selector: dict[str, str] | None = None
    ports: tuple[ServicePort, ...] = ()
    ip_families: tuple[IPFamily, ...] = ()
    ttl_seconds: int | None = None
    negative_ttl_seconds: int | None = None
    answer: Answer = Answer()
    eligibility: Eligibility = Eligibility()
    release: Release = Release()
    drain: Drain = Drain()
    zones: tuple[str, ...] = ()


class ServiceInstance(msgspec.Struct, frozen=True):
    """A ServiceInstance as the user left it. `created` is RFC 3339.

    `origin` is what of it is ours. `released` is what its status remembers of the release, None where it has
    none yet; `progress` how far the steps of a canary have got.
    """

    key: Key
    uid: str
    generation: int
    created: str = ""
    labels: dict[str, str] = {}
    origin: Origin = Origin()
    spec: InstanceSpec = InstanceSpec()
    released: Released | None = None
    progress: Progress | None = None


class Naming(StrEnum):
    """The owner name of a service below the domain: `<svc>.<ns>.<domain>` or `<svc>.<domain>`."""

    NAMESPACED = "Namespaced"
    FLAT = "Flat"


class FlatName(msgspec.Struct, frozen=True, rename="camel"):
    """The leave of a namespace to have a name in a zone with naming Flat."""

    name: str
    namespace: str


class NameServer(msgspec.Struct, frozen=True, rename="camel"):
    """A server in the NS RRset at the apex; `addresses` are published where the name is in the zone."""

    name: str
    addresses: tuple[str, ...] = ()


class UpdateTarget(msgspec.Struct, frozen=True, rename="camel"):
    """A DNS server that takes updates (RFC 2136).

    `server` is an address or a host name. `key_secret` names a Secret in the operator's namespace. `domains`
    are those of the zone, reverse ones included, that go there; empty means all. `adopt` takes over names
    that exist there without our marker.
    """

    name: str
    server: str
    key_secret: str
    port: int = 53
    domains: tuple[str, ...] = ()
    adopt: bool = False


class Secondary(msgspec.Struct, frozen=True, rename="camel"):
    """A DNS server that transfers the zone from us; it is notified and asked for its serial.

    Without a `key_secret` neither is signed, and `allow_unsigned` has to let its transfers through.
    """

    name: str
    address: str
    port: int = 53
    key_secret: str = ""


class Transfer(msgspec.Struct, frozen=True, rename="camel"):
    """Who may transfer the zone. `allow_unsigned` are networks, `catalog` is a catalog zone (RFC 9432)."""

    secondaries: tuple[Secondary, ...] = ()
    allow_unsigned: tuple[str, ...] = ()
    catalog: str = ""


class OctodnsTarget(msgspec.Struct, frozen=True, rename="camel"):
    """An octoDNS provider. `config_secret` names a Secret in the operator's namespace with its settings."""

    name: str
    config_secret: str
    domains: tuple[str, ...] = ()


WrittenTarget: TypeAlias = UpdateTarget | OctodnsTarget
"""A target that we write to; a secondary comes for its zone itself."""


class ZoneSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`spec` of a DiscoveryZone. An empty `namespaces` means all of them.

    `flat_names` say who may have which name with naming FLAT; empty means everybody, where that is the one
    namespace of the zone, and nobody elsewhere.

    `ip_families` stand in for those of Services; a ServiceInstance can only leave out some of them.
    """

    domain: str
    namespaces: tuple[str, ...] = ()
    service_selector: LabelSelector = LabelSelector()
    naming: Naming = Naming.NAMESPACED
    flat_names: tuple[FlatName, ...] = ()
    ip_families: tuple[IPFamily, ...] = ()
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    negative_ttl_seconds: int = DEFAULT_TTL_SECONDS
    name_servers: tuple[NameServer, ...] = ()
    reverse_domains: tuple[str, ...] = ()
    updates: tuple[UpdateTarget, ...] = ()
    transfer: Transfer | None = None
    octodns: tuple[OctodnsTarget, ...] = ()

    @property
    def written_targets(self) -> tuple[WrittenTarget, ...]:
        """The targets that we write to."""
        return (*self.updates, *self.octodns)

    @property
    def destinations(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Where the zone goes but for our own server: each target, and which domains go there, () for all."""
        yield from ((target.name, target.domains) for target in self.written_targets)
        if self.transfer is not None:
            yield from ((secondary.name, ()) for secondary in self.transfer.secondaries)


class DiscoveryZone(msgspec.Struct, frozen=True):
    """A DiscoveryZone. `created` (RFC 3339) decides which of two that claim one domain has it.

    `owner` is the identity of the installation that has it, by its status; "" where none has. `assigned` is
    the one that a user has given it to, by an annotation; "" leaves it to who comes first.
    """

    name: str
    uid: str
    generation: int
    created: str
    spec: ZoneSpec
    labels: dict[str, str] = {}
    owner: str = ""
    assigned: str = ""


class FileServices(msgspec.Struct, frozen=True, rename="camel"):
    """Which services a file holds: of these names and selected; empty parts select everything."""

    names: tuple[str, ...] = ()
    selector: LabelSelector = LabelSelector()
    namespaces: tuple[str, ...] = ()


class ConfigMapTarget(msgspec.Struct, frozen=True, rename="camel"):
    """The ConfigMap, in the file's own namespace, and the key in it."""

    name: str
    key: str


class FileSpec(msgspec.Struct, frozen=True, rename="camel"):
    """`spec` of a DiscoveryFile.

    `format` is a key of `publish.files.FORMATS`; `port` names the service port for formats that hold one port
    an instance ("" is the first); `domain` is what names end in (hosts, dnsmasq, zonefile); an empty
    `services.namespaces` means the file's own; `ip_families` are as in a zone.
    """

    format: str
    config_map: ConfigMapTarget
    services: FileServices = FileServices()
    port: str = ""
    domain: str = ""
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    ip_families: tuple[IPFamily, ...] = ()


class DiscoveryFile(msgspec.Struct, frozen=True):
    """A DiscoveryFile."""

    key: Key
    uid: str
    generation: int
    spec: FileSpec
    created: str = ""
