"""Builders of what a file holds."""

from functools import cache
from ipaddress import IPv4Address, IPv6Address

from rollcall.model import (
    ConfigMapTarget,
    DiscoveryFile,
    FileServices,
    FileSpec,
    Instance,
    InstancePort,
    Key,
    Members,
    ServicePort,
)

HTTP = ServicePort(80, "http")
METRICS = ServicePort(9090, "metrics")

KEYS = {
    "prometheus": "targets.json",
    "envoy-eds": "eds.json",
    "nginx": "upstreams.conf",
    "haproxy": "backends.cfg",
}


def instance(
    number: int,
    *,
    namespace: str = "shop",
    service: str = "web",
    ipv4: bool = True,
    ipv6: bool = True,
    ports: dict[str, int] | None = None,
    weight: int = 100,
    label: str = "",
    listed: bool = True,
) -> Instance:
    """Make an eligible instance with addresses and names of this number."""
    v4 = IPv4Address("10.0.0.0") + number
    v6 = IPv6Address("fd00::") + number
    dashes = str(v4).replace(".", "-") if ipv4 else v6.exploded.replace(":", "-")
    return Instance(
        pod=Key(namespace, f"{service}-{number}"),
        uid=f"uid-{service}-{number}",
        label=label or dashes,
        ipv4=(v4,) if ipv4 else (),
        ipv6=(v6,) if ipv6 else (),
        ports=tuple(InstancePort(name, "TCP", port) for name, port in (ports or {"http": 8080}).items()),
        node=f"node-{number % 2}",
        zone=f"zone-{number % 2}",
        version="1.2",
        weight=weight,
        own_weight=100,
        live=True,
        ready=True,
        available=True,
        eligible=True,
        listed=listed,
    )


def members(
    name: str = "web",
    *instances: Instance,
    namespace: str = "shop",
    ports: tuple[ServicePort, ...] = (HTTP,),
) -> Members:
    """Make the members of a service."""
    return Members(Key(namespace, name), ports, instances)


@cache
def many(count: int, name: str = "web") -> Members:
    """Make a service with so many instances."""
    return members(name, *(instance(number, service=name) for number in range(1, count + 1)))


def file(
    form: str,
    *,
    key: str = "",
    name: str = "discovery",
    config_map: str = "web",
    domain: str = "",
    port: str = "",
    names: tuple[str, ...] = (),
    namespaces: tuple[str, ...] = (),
    generation: int = 1,
    uid: str = "",
) -> DiscoveryFile:
    """Make a DiscoveryFile in the namespace shop."""
    spec = FileSpec(
        format=form,
        config_map=ConfigMapTarget(config_map, key or KEYS.get(form, "file")),
        services=FileServices(names=names, namespaces=namespaces),
        port=port,
        domain=domain or ("example.org" if form == "zonefile" else ""),
    )
    return DiscoveryFile(Key("shop", name), uid or f"uid-{name}", generation, spec)


WEB = members("web", instance(1), instance(2, ipv6=False, weight=0), instance(3, ipv4=False, label="web-c"))
EMPTY = members("empty")
