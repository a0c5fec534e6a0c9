"""The names of a service, its ports and its instances in DNS: what hosts, dnsmasq and zone files hold."""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from rollcall.dnswire.names import MAX_LABEL, MAX_NAME, ROOT
from rollcall.model import DiscoveryFile, FileSpec, Instance, Key, Members, is_host_label
from rollcall.model.wording import share
from rollcall.zone.names import InvalidName, below, from_text, to_text

from .endpoints import in_order
from .format import Block, CannotRender, Contents, LeftOut

_LONGEST_PREFIX = 1 + MAX_LABEL
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class NamedInstance(NamedTuple):
    """An instance with its own name. `answered` says whether the name of the service leads to it, too."""

    instance: Instance
    name: bytes
    answered: bool

    @property
    def addresses(self) -> list[IPv4Address | IPv6Address]:
        """Return all its addresses, in the order in which files hold them."""
        return [*sorted(self.instance.ipv4), *sorted(self.instance.ipv6)]


class NamedService(NamedTuple):
    """A service with its names in wire format; `ports` are the owners of SRV by port name and protocol."""

    key: Key
    domain: bytes
    name: bytes
    ports: dict[tuple[str, str], bytes]
    instances: tuple[NamedInstance, ...]


def contents(
    file: DiscoveryFile,
    services: Sequence[Members],
    block: Callable[[DiscoveryFile, NamedService], Block],
) -> Contents:
    """Name services below the domain of the spec, and make a block of each that has a valid name."""
    domain = domain_of(file.spec)
    result = Contents([], [])
    for members in services:
        try:
            named = _named(members, domain, result.left_out)
        except InvalidName as error:
            result.left_out.append(
                LeftOut(members.key, "InvalidName", f"{error}. Use a shorter name or domain.")
            )
        else:
            result.blocks.append(block(file, named))
    return result


def domain_of(spec: FileSpec) -> bytes:
    """Return the domain of a file in wire format, the root where it has none.

    Raises:
        CannotRender: it is not a domain of host names.
    """
    if not spec.domain:
        return ROOT
    try:
        domain = from_text(spec.domain)
    except InvalidName as error:
        raise CannotRender("InvalidDomain", f"spec.domain: {error}.") from None
    if not _HOST.fullmatch(to_text(domain)):
        raise CannotRender(
            "InvalidDomain",
            f"spec.domain {spec.domain!r} is not a domain of host names:"
            " use letters, digits and hyphens between dots.",
        )
    return domain


def comment_where_empty(service: NamedService) -> str:
    """Return a line that tells a reader of the file that a service is known, and empty."""
    return "" if service.instances else f"# {to_text(service.name)}: no eligible instance\n"


def _named(members: Members, domain: bytes, left_out: list[LeftOut]) -> NamedService:
    name = below(domain, members.key.name, members.key.namespace)
    if len(name) > MAX_NAME - _LONGEST_PREFIX:
        raise InvalidName(f"{to_text(name)!r} leaves no room for the names of its instances below it")
    instances: list[tuple[Instance, bytes]] = []
    invalid: list[str] = []
    for instance in in_order(members.instances):
        try:
            instances.append((instance, _below(name, instance.label)))
        except InvalidName as error:
            invalid.append(f"{instance.pod.name}: {error}")
    if invalid and not instances:
        raise InvalidName(f"no instance of {members.key} has a valid name ({invalid[0]})")
    if invalid:
        some = share(len(invalid), len(members.instances), "instance has", "instances have")
        left_out.append(LeftOut(members.key, "InvalidName", f"{some} no valid name: {invalid[0]}."))
    in_sets = any(instance.weight and instance.listed for instance, _ in instances)
    return NamedService(
        key=members.key,
        domain=domain,
        name=name,
        ports=_ports(members, name, left_out),
        # A name can't say that an instance is to get few requests or none; so it doesn't lead to one of
        # weight 0, nor to one that a canary release keeps out of where there are no weights.
        instances=tuple(
            NamedInstance(i, own, not in_sets or (i.weight > 0 and i.listed)) for i, own in instances
        ),
    )


def _below(service: bytes, label: str) -> bytes:
    if not is_host_label(label):
        raise InvalidName(f"{label!r} is not a label of a host name")
    return below(service, label)


def _ports(members: Members, name: bytes, left_out: list[LeftOut]) -> dict[tuple[str, str], bytes]:
    owners: dict[tuple[str, str], bytes] = {}
    for port in members.ports:
        if not port.name:  # an unnamed port has no SRV (Kubernetes DNS specification 1.1.0, 2.4.2)
            continue
        try:
            owners[port.name, port.protocol] = below(name, f"_{port.name}", f"_{port.protocol}")
        except InvalidName as error:
            message = f"the port {port.name!r} has no SRV record: {error}. Use at most 15 characters."
            left_out.append(LeftOut(members.key, "InvalidName", message))
    return owners
