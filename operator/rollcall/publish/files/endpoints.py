"""One address and one port an instance: what most consumers that aren't DNS take."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, Self

from rollcall.model import DiscoveryFile, Instance, Key, Members, ServicePort
from rollcall.model.wording import share

from .format import Block, Contents, LeftOut


class InstanceEndpoint(NamedTuple):
    """Where one instance is reached. `port` is None only in a service that declares no port at all."""

    instance: Instance
    address: IPv4Address | IPv6Address
    port: int | None
    weight: int

    @classmethod
    def of(cls, instance: Instance, port: int | None, weight: int) -> Self:
        """Return the endpoint of an instance: its address of the first family that it has one of."""
        version = instance.addresses[0].version
        address = min(instance.ipv4) if version == 4 else min(instance.ipv6)
        return cls(instance, address, port, weight)

    @property
    def host_port(self) -> str:
        """Return the address and the port as most consumers write them: IPv6 in brackets."""
        host = str(self.address) if self.address.version == 4 else f"[{self.address}]"
        return host if self.port is None else f"{host}:{self.port}"


class Endpoints(NamedTuple):
    """The endpoints of one service, in order."""

    key: Key
    port: ServicePort | None
    endpoints: tuple[InstanceEndpoint, ...]


def in_order(instances: Sequence[Instance]) -> list[Instance]:
    """Return instances in the order in which every file holds them."""
    return sorted(instances, key=lambda instance: (instance.label, instance.pod, instance.uid))


def weights(instances: Sequence[Instance]) -> list[int]:
    """Return the weights of instances; where all are 0 they say nothing, and all are 1.

    A service that has eligible instances is never rendered as one that has none.
    """
    if any(instance.weight for instance in instances):
        return [instance.weight for instance in instances]
    return [1] * len(instances)


def resolve(
    members: Members, wanted: str, protocols: tuple[str, ...], left_out: list[LeftOut]
) -> Endpoints | None:
    """Resolve a service to endpoints by the name of a port, "" for its first one.

    What is left out is added to `left_out`: some of its instances, or with a None the service.
    """
    port, problem = _port(members, wanted, protocols)
    if port is None:
        left_out.append(LeftOut(members.key, "NoSuchPort", problem))
        return None
    resolved: list[tuple[Instance, int]] = []
    without: list[str] = []
    for instance in in_order(members.instances):
        number = next(
            (p.number for p in instance.ports if (p.name, p.protocol) == (port.name, port.protocol)), None
        )
        if number is None or not instance.addresses:
            without.append(instance.pod.name)
        else:
            resolved.append((instance, number))
    if without:
        left_out.append(_unresolved(members, port, without))
        if not resolved:
            return None
    shares = weights([instance for instance, _ in resolved])
    endpoints = tuple(
        InstanceEndpoint.of(instance, number, weight)
        for (instance, number), weight in zip(resolved, shares, strict=True)
    )
    return Endpoints(members.key, port, endpoints)


def contents(
    file: DiscoveryFile,
    services: Sequence[Members],
    protocols: tuple[str, ...],
    block: Callable[[DiscoveryFile, Endpoints], Block],
) -> Contents:
    """Resolve services by the port of the spec, and make a block of each."""
    result = Contents([], [])
    for members in services:
        if endpoints := resolve(members, file.spec.port, protocols, result.left_out):
            result.blocks.append(block(file, endpoints))
    return result


def _port(members: Members, wanted: str, protocols: tuple[str, ...]) -> tuple[ServicePort | None, str]:
    if not members.ports:
        return None, (
            f"The service {members.key} declares no port, and this format needs one: declare it,"
            " or use a format without ports, such as hosts."
        )
    port = next((port for port in members.ports if port.name == wanted), None) if wanted else members.ports[0]
    if port is None:
        names = ", ".join(port.name or "(unnamed)" for port in members.ports)
        return None, (
            f"The service {members.key} has no port named {wanted!r}: write one of {names} in spec.port."
        )
    if port.protocol not in protocols:
        return None, (
            f"The port {port.name or port.number} of the service {members.key} is {port.protocol}, and the"
            f" consumers of this format speak {' and '.join(protocols)}: name another port in spec.port."
        )
    return port, ""


def _unresolved(members: Members, port: ServicePort, without: Sequence[str]) -> LeftOut:
    return LeftOut(
        members.key,
        "PortUnresolved",
        f"{share(len(without), len(members.instances), 'eligible instance has', 'eligible instances have')}"
        f" no port for {port.name or port.number} (target {port.target!r}), {without[0]} first:"
        " let a container of the pod declare a port of that name.",
    )
