"""Where a service stands in a zone, and which records each of its instances contributes there.

    <svc>.<ns>.<domain>                     A, AAAA   eligible instances
    _<port>._<proto>.<svc>.<ns>.<domain>    SRV       a record an instance, target = the instance's name
    <instance>.<svc>.<ns>.<domain>          A, AAAA   one instance
    <version>.versions.<svc>.<ns>.<domain>  A, AAAA, and SRV below it: the available instances of one version,
                                            whether or not the release has it answered by the names above
    _rollcall.<svc>.<ns>.<domain>           TXT       the marker: owner, generation

Follows the Kubernetes DNS specification 1.1.0, section 2.4, for headless services; unnamed ports have no SRV.
"""

from collections.abc import Iterator

import msgspec

from rollcall.directory import Entry
from rollcall.dnswire import rdata as rd
from rollcall.dnswire.names import MAX_LABEL, MAX_NAME
from rollcall.dnswire.types import ADDRESS_TYPES, Type
from rollcall.model import (
    Answer,
    Instance,
    InstancePort,
    IPFamily,
    Key,
    Naming,
    Policy,
    ServicePort,
    ZoneSpec,
    common_families,
    version_to_label,
)

from .changes import all_up_to
from .content import Record
from .marker import marker_name, served_data
from .names import InvalidName, below

VERSIONS = "versions"

_SRV, _TXT = int(Type.SRV), int(Type.TXT)


class Placement(msgspec.Struct, frozen=True):
    """All that decides a service's records in a zone, but for its instances.

    Equal placements give equal records, so that a change of instances alone needs no second look at the rest.
    `families` are those that the zone publishes of it, None where that is the service's own choice.
    `ports` are the names of its SRV records, which exist while the service does, with records or not.
    `versions` is False where the names of versions would be too long; `withheld_versions` are labels that
    two versions would share.
    """

    root: bytes
    ttl: int
    pointer_ttl: int
    negative_ttl: int | None
    count: int
    families: tuple[IPFamily, ...] | None
    most: int
    versions: bool
    withheld_versions: frozenset[str]
    marker: Record
    ports: frozenset[bytes]

    def has_records_of(self, other: "Placement") -> bool:
        """Whether instances contribute the same to both: the rest is there without any of them."""
        head = {"marker": other.marker, "negative_ttl": other.negative_ttl, "ports": other.ports}
        return msgspec.structs.replace(self, **head) == other

    def narrowed(self, instance: Instance) -> Instance:
        """Return an instance with the addresses that the zone publishes of it."""
        return instance if self.families is None else instance.in_families(self.families)

    def records(self, instance: Instance) -> Iterator[Record]:
        """Yield what one instance, `narrowed`, contributes.

        Whatever other name answers it, it has one of its own, which SRV records lead to and which is only its
        own.
        """
        if not instance.named or not instance.addresses:
            return
        addresses = [rd.address(ip) for ip in instance.addresses]
        own = below(self.root, instance.label)
        for rdtype, data in addresses:
            yield Record(own, rdtype, data, 1)
        if not instance.available:
            return
        if instance.eligible:
            is_listed = instance.weight > 0 and instance.listed
            for rdtype, data in addresses:
                yield Record(self.root, rdtype, data, instance.weight, is_listed, instance.canary)
            yield from _services(self.root, own, instance, instance.weight, is_canary=instance.canary)
        version = version_to_label(instance.version) if self.versions else ""
        if version and version not in self.withheld_versions:
            parent = below(self.root, version, VERSIONS)
            # The weights of a canary change with each instance, those within a version do not.
            for rdtype, data in addresses:
                yield Record(parent, rdtype, data, instance.own_weight, instance.own_weight > 0)
            yield from _services(parent, own, instance, instance.own_weight, is_canary=False)

    def count_for(self, rdtype: int) -> int:
        """Return how many records of a type one answer holds: the policy is about addresses only."""
        return self.count if rdtype in ADDRESS_TYPES else all_up_to(self.most)


def _services(
    parent: bytes, own: bytes, instance: Instance, weight: int, *, is_canary: bool
) -> Iterator[Record]:
    for port in instance.ports:
        if _has_name(port):
            owner = below(parent, *_port_labels(port))
            yield Record(owner, _SRV, rd.srv(weight, port.number, own), weight, weight > 0, is_canary)


def _has_name(port: InstancePort | ServicePort) -> bool:
    return bool(port.name) and len(port.name) < MAX_LABEL  # 63 octets and the underscore are not a label


def _port_labels(port: InstancePort | ServicePort) -> tuple[str, str]:
    return f"_{port.name}", f"_{port.protocol}"


def place(entry: Entry, spec: ZoneSpec, domain: bytes, identity: str) -> Placement:
    """Place a service in a zone.

    Raises:
        InvalidName: the service has no valid name there; the message says which name and why.
    """
    root = root_name(entry.key, spec.naming, domain)
    asked = entry.spec
    ttl = asked.ttl_seconds if asked.ttl_seconds is not None else spec.ttl_seconds
    negative_ttl = asked.negative_ttl_seconds
    marker = served_data(identity, str(entry.key), entry.generation)
    return Placement(
        root=root,
        ttl=ttl,
        pointer_ttl=spec.ttl_seconds,  # services can share the owner of a PTR record, but not its ttl
        negative_ttl=None if negative_ttl == spec.negative_ttl_seconds else negative_ttl,
        families=common_families(spec.ip_families, asked.ip_families) if spec.ip_families else None,
        count=_count(asked.answer),
        most=asked.answer.max,
        versions=len(root) <= MAX_NAME - _LONGEST_VERSION_PREFIX,
        withheld_versions=entry.colliding_versions,
        marker=Record(marker_name(root), _TXT, marker, 1),
        ports=frozenset(below(root, *_port_labels(port)) for port in entry.ports if _has_name(port)),
    )


def root_name(key: Key, naming: Naming, domain: bytes) -> bytes:
    """Return the main name of a service; room is left below it for the longest name of an instance.

    Raises:
        InvalidName: it is too long, or a part is not a label.
    """
    root = below(domain, key.name, key.namespace) if naming is Naming.NAMESPACED else below(domain, key.name)
    if len(root) > MAX_NAME - _LONGEST_PREFIX:
        raise InvalidName(
            f"the name has {len(root)} octets, which leaves no room for the names of its instances"
            f" below it (at most {MAX_NAME - _LONGEST_PREFIX}): use a shorter domain or service name"
        )
    return root


_LONGEST_PREFIX = 64 + 6  # _port._sctp; a label and its length are at most 64 octets
_LONGEST_VERSION_PREFIX = 64 + 6 + 64 + 9  # _port._sctp.<version>.versions


def _count(answer: Answer) -> int:
    return all_up_to(answer.limit) if answer.policy is Policy.ALL else answer.limit
