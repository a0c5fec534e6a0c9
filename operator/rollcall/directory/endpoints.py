"""The instances of a Service that has no selector: the endpoints of the EndpointSlices that name it.

An endpoint may be in several slices (another family, another port, or while it moves from one to the other),
so that readers have to put them together (k8s.io/api/discovery/v1, EndpointSlice). Here they become instances
by these rules:

- Each address is an instance, named by its hostname, or by the address with dashes. What several slices say
  of an address is put together; it is ready where one of them says so, and has the ports of those that do.
- Addresses with one hostname are one instance with several addresses, if they have the same ports (Kubernetes
  DNS specification, 2.4.1: one record for each address). Of these only those that are ready count, if any is.
- Names in the place of addresses (the type FQDN) are instances that are never answered.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import msgspec

from rollcall.model import (
    AddressType,
    Eligibility,
    Endpoint,
    EndpointSlice,
    Instance,
    InstanceNames,
    InstancePort,
    IPFamily,
    Key,
    Problem,
    Reason,
    ServicePort,
    Terminating,
)

from .addresses import IPAddress, read_address
from .eligibility import DEFAULT_WEIGHT
from .labels import address_label, usable_hostname

PENDING = Problem(
    "EndpointSlicesPending",
    "The Service has no selector, and its EndpointSlices have not been listed yet, which takes a moment once"
    " a zone or a file selects it.",
)
"""What is said of a Service without a selector until EndpointSlices have been applied."""

API_SERVER = Key("default", "kubernetes")
"""Every cluster's own Service for its API server: published only where its user writes a ServiceInstance."""

_IP = (AddressType.IPV4, AddressType.IPV6)


class _Said(NamedTuple):
    """What one slice says of one endpoint."""

    slice: EndpointSlice
    endpoint: Endpoint


class _Address:
    """What all slices together say of one address."""

    def __init__(self, ip: IPAddress, said: Sequence[_Said], asked: Eligibility) -> None:
        ready = [each for each in said if _is_ready(each.endpoint, asked)]
        self.ip = ip
        self.is_ready = bool(ready)
        self.said = ready or list(said)
        ports = (port for each in self.said for port in each.slice.ports)
        self.ports = tuple(dict.fromkeys(ports))
        self.hostname = next(
            filter(None, (usable_hostname(each.endpoint.hostname) for each in self.said)), ""
        )


def instances_of(
    slices: Iterable[EndpointSlice], ports: tuple[ServicePort, ...], asked: Eligibility
) -> dict[Key, Instance]:
    """Make the instances of one service of its slices, which come in the order of their names.

    `ports` are those that a user asks for in place of what the slices say, none for those. What a Service
    says of not-ready addresses is for whoever writes its slices; `asked` is what is asked of us.
    """
    said: dict[IPAddress, list[_Said]] = {}
    found: dict[Key, Instance] = {}
    for each in slices:
        for endpoint in each.endpoints:
            for text in endpoint.addresses:
                ip = read_address(text) if each.address_type in _IP else ""
                if isinstance(ip, str):
                    instance = _without_address(each, endpoint, text, ip)
                    found[instance.pod] = instance
                else:
                    said.setdefault(ip, []).append(_Said(each, endpoint))
    for name, group in _groups(_Address(ip, of_ip, asked) for ip, of_ip in said.items()):
        instance = _instance(name, group, ports, asked)
        found[instance.pod] = instance
    return found


def ports_of(slices: Iterable[EndpointSlice]) -> tuple[ServicePort, ...]:
    """Return the ports that a service has by its slices alone, each name and protocol once."""
    found: dict[tuple[str, str], ServicePort] = {}
    for each in slices:
        for port in each.ports:
            found.setdefault((port.name, port.protocol), ServicePort(port.number, port.name, port.protocol))
    return tuple(found.values())


def _groups(addresses: Iterable[_Address]) -> Iterator[tuple[str, list[_Address]]]:
    """Yield what to call each instance among those of its service, and its addresses in order."""
    by_name: dict[str, list[_Address]] = {}
    for address in sorted(addresses, key=lambda each: (each.ip.version, each.ip)):
        if address.hostname:
            by_name.setdefault(address.hostname, []).append(address)
        else:
            yield str(address.ip), [address]
    for name, group in by_name.items():
        ready = [each for each in group if each.is_ready] or group
        if len({frozenset(each.ports) for each in ready}) == 1:
            yield name, group
        else:
            yield from ((str(address.ip), [address]) for address in group)


def _instance(
    name: str, group: Sequence[_Address], wanted: tuple[ServicePort, ...], asked: Eligibility
) -> Instance:
    ready = [each for each in group if each.is_ready]
    taken = group if asked.publish_not_ready_addresses or not ready else ready
    left_out = [each for each in group if each not in taken]
    first = (ready or taken)[0]
    source, endpoint = first.said[0]
    ipv4 = tuple(each.ip for each in taken if isinstance(each.ip, IPv4Address))
    ipv6 = tuple(each.ip for each in taken if isinstance(each.ip, IPv6Address))
    is_ready = bool(ready) or asked.publish_not_ready_addresses is True
    reason, message = Reason.NONE, ""
    if not is_ready:
        reason, message = _why_not(source, endpoint)
    elif left_out:
        message = f"Not answered are {', '.join(str(each.ip) for each in left_out)}: not ready."
    return Instance(
        pod=Key(source.key.namespace, name),
        uid=source.uid,
        label=first.hostname or address_label(ipv4, ipv6),
        hostname=first.hostname,
        ipv4=ipv4,
        ipv6=ipv6,
        ports=_resolved(first.ports, wanted) if wanted else first.ports,
        node=endpoint.node,
        zone=endpoint.zone,
        version="",
        weight=DEFAULT_WEIGHT,
        own_weight=DEFAULT_WEIGHT,
        live=True,
        ready=is_ready,
        available=is_ready,
        named=is_ready or asked.instance_names is InstanceNames.LIVE,
        eligible=is_ready,
        reason=reason,
        message=message,
        terminating=endpoint.terminating,
        slice=source.key.name,
    )


def _is_ready(endpoint: Endpoint, asked: Eligibility) -> bool:
    """Whether an endpoint counts as ready; of one that is terminating a user can ask for the contrary."""
    if endpoint.terminating and asked.terminating is not None:
        return endpoint.serving and asked.terminating is Terminating.KEEP
    return endpoint.ready


def _without_address(source: EndpointSlice, endpoint: Endpoint, text: str, wrong: str) -> Instance:
    """Return an instance that can't be answered, for it has no address that a record can hold."""
    told, reason = f"The EndpointSlice {source.key.name}", Reason.INVALID_ADDRESS
    message = f"{told} has an address that can't be answered: {wrong}. Write one that others can reach."
    if source.address_type not in _IP:
        reason = Reason.FQDN
        message = (
            f"{told} is of the addressType {source.address_type}, and only addresses are published: write an"
            f" EndpointSlice of the type IPv4 or IPv6 with the addresses of {text[:253]}."
        )
    return Instance(
        pod=Key(source.key.namespace, text[:253]),
        uid=source.uid,
        label="",
        ipv4=(),
        ipv6=(),
        ports=source.ports,
        node=endpoint.node,
        zone=endpoint.zone,
        version="",
        weight=DEFAULT_WEIGHT,
        own_weight=DEFAULT_WEIGHT,
        live=False,
        ready=endpoint.ready,
        available=False,
        named=False,
        eligible=False,
        reason=reason,
        message=message,
        slice=source.key.name,
    )


def narrow(instance: Instance, families: tuple[IPFamily, ...]) -> Instance:
    """Return an endpoint with the addresses of these families, if a ServiceInstance asks for some.

    What a Service without a selector says of families doesn't count: whoever writes its slices decides.
    """
    if not families or not instance.addresses:
        return instance
    instance = instance.in_families(families)
    if instance.addresses:
        label = instance.hostname or address_label(instance.ipv4, instance.ipv6)
        return msgspec.structs.replace(instance, label=label)
    return msgspec.structs.replace(
        instance,
        label="",
        live=False,
        available=False,
        named=False,
        eligible=False,
        reason=Reason.NO_ADDRESS,
        message=f"ipFamilies leaves out its only address, {instance.unasked[0]}.",
    )


def _why_not(source: EndpointSlice, endpoint: Endpoint) -> tuple[Reason, str]:
    if endpoint.terminating:
        return Reason.DELETING, f"The EndpointSlice {source.key.name} says that it is terminating."
    return Reason.NOT_READY, f"The EndpointSlice {source.key.name} says that it is not ready."


def _resolved(ports: tuple[InstancePort, ...], wanted: tuple[ServicePort, ...]) -> tuple[InstancePort, ...]:
    """Resolve the ports that are asked for; a target by name is that of a port of the slice."""
    numbers = {(port.name, port.protocol): port.number for port in ports}
    found: list[InstancePort] = []
    for port in wanted:
        number = port.target or port.number
        if isinstance(number, str):
            number = numbers.get((number, port.protocol), 0)
        if number:
            found.append(InstancePort(port.name, port.protocol, number))
    return tuple(found)
