"""What is published of a service: by its EndpointSlices, as their readers have it, and by Rollcall.

The differences that docs/reference/names.md lists are noted where the slices' word is left for ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from ipaddress import ip_address
from typing import Any, NamedTuple

import dns.message
import dns.query
import dns.rdatatype
import dns.rrset

from controlplane import ControlPlane, path
from rollcall_process import Rollcall
from waiting import SECONDS

Json = dict[str, Any]

_SERVICE = "kubernetes.io/service-name"
_MANAGER = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER = "endpointslice-controller.k8s.io"


class Published(NamedTuple):
    """The ready addresses of a service; its named ports with an address and a number each; hostnames."""

    addresses: frozenset[str] = frozenset()
    ports: frozenset[tuple[str, str, str, int]] = frozenset()
    hostnames: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        return ", ".join(f"{what} {sorted(its)}" for what, its in self._asdict().items())


class _Ready(NamedTuple):
    """One ready address in a slice; `pod` tells the endpoints of a pod in both families from others."""

    address: str
    hostname: str
    pod: str
    ports: frozenset[tuple[str, str, int]]


def by_slices(service: Json, slices: Iterable[Json], ended: Set[str] = frozenset()) -> Published:
    """Return what the slices of a service say, but for the differences that are documented.

    Difference: that a pod which wasn't ready has `ended` (these are uids) is no news to their controller.
    """
    selected = bool(service["spec"].get("selector"))
    ready = [
        each
        for it in slices
        if _is_read(it, selected=selected)
        for each in _ready(it)
        if each.pod not in ended
    ]
    ports: defaultdict[str, set[tuple[str, str, int]]] = defaultdict(set)
    for each in ready:
        ports[each.address] |= each.ports
    return Published(
        frozenset(ports),
        frozenset((name, protocol, ip, n) for ip, its in ports.items() for name, protocol, n in its if name),
        frozenset(_hostnames(ready, ports, selected=selected)),
    )


def _is_read(it: Json, *, selected: bool) -> bool:
    """Difference: of a Service with a selector the slices of its pods, of one without all others."""
    is_of_pods: bool = it["metadata"]["labels"].get(_MANAGER) == _CONTROLLER
    return is_of_pods == selected


def _ready(it: Json) -> Iterator[_Ready]:
    """Difference: names in the place of addresses are not published; nor ports without a number."""
    if it["addressType"] == "FQDN":
        return
    ports = frozenset(
        (port.get("name") or "", port.get("protocol") or "TCP", port["port"])
        for port in it.get("ports") or ()
        if port.get("port")
    )
    for endpoint in it.get("endpoints") or ():
        if endpoint.get("conditions", {}).get("ready") is False:
            continue
        for address in endpoint["addresses"]:
            pod = endpoint.get("targetRef", {}).get("uid", "")
            yield _Ready(str(ip_address(address)), endpoint.get("hostname") or "", pod, ports)


def _hostnames(
    ready: list[_Ready], ports: dict[str, set[tuple[str, str, int]]], *, selected: bool
) -> Iterator[tuple[str, str]]:
    """Difference: a hostname of several instances is given to none, nor is one that spells an address."""
    by_hostname: defaultdict[str, set[_Ready]] = defaultdict(set)
    for each in ready:
        if each.hostname and not each.hostname.replace("-", "").isdigit():
            by_hostname[each.hostname].add(each)
    for hostname, its in by_hostname.items():
        if selected:
            instances = len({each.pod for each in its})
        else:
            instances = len({frozenset(ports[each.address]) for each in its})
        if instances == 1:
            yield from ((hostname, each.address) for each in its)


def services_and_slices(plane: ControlPlane, namespace: str) -> tuple[list[Json], dict[str, list[Json]]]:
    """Read the Services of a namespace, and the slices by the name of their Service."""
    services = plane.client.list(path("v1", "services", namespace))["items"]
    slices: defaultdict[str, list[Json]] = defaultdict(list)
    for it in plane.client.list(path("discovery.k8s.io/v1", "endpointslices", namespace))["items"]:
        slices[it["metadata"].get("labels", {}).get(_SERVICE, "")].append(it)
    return services, slices


def ended_pods(plane: ControlPlane, namespace: str) -> frozenset[str]:
    """Return the uids of the pods that are in a terminal phase."""
    pods = plane.client.list(path("v1", "pods", namespace))["items"]
    ended = ("Failed", "Succeeded")
    return frozenset(pod["metadata"]["uid"] for pod in pods if pod["status"].get("phase") in ended)


def answered(
    rollcall: Rollcall, service: str, hostnames: Iterable[str], ports: Iterable[tuple[str, str]]
) -> Published:
    """Return what Rollcall answers: at the name of the service, its ports, and these hostnames below it."""
    pairs: set[tuple[str, str, str, int]] = set()
    led_to: set[str] = set()
    for name, protocol in ports:
        answer = _ask(rollcall, f"_{name}._{protocol.lower()}.{service}", "SRV")
        behind: defaultdict[str, set[str]] = defaultdict(set)
        for rrset in answer.additional:
            behind[rrset.name.to_text(omit_final_dot=True)] |= set(_texts([rrset]))
        for rrset in answer.answer:
            for record in rrset:
                target = record.target.to_text(omit_final_dot=True)
                pairs |= {(name, protocol, address, record.port) for address in behind[target]}
                led_to.add(target.removesuffix(f".{service}"))
    names = {label for label in led_to if not label.replace("-", "").isalnum() or not _is_dashed(label)}
    return Published(
        frozenset(_addresses(rollcall, service)),
        frozenset(pairs),
        frozenset(
            (hostname, address)
            for hostname in {*hostnames, *names}
            for address in _addresses(rollcall, f"{hostname}.{service}")
        ),
    )


def _is_dashed(label: str) -> bool:
    """Whether a label is that of an address, with what tells it from others or without."""
    parts = label.split("-")
    return len(parts) in (4, 5, 8, 9) and all(set(part) <= set("0123456789abcdef") for part in parts)


def _addresses(rollcall: Rollcall, name: str) -> Iterator[str]:
    for rdtype in ("A", "AAAA"):
        yield from _texts(_ask(rollcall, name, rdtype).answer)


def _texts(rrsets: Iterable[dns.rrset.RRset]) -> Iterator[str]:
    return (record.to_text() for rrset in rrsets for record in rrset)


def _ask(rollcall: Rollcall, name: str, rdtype: str) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=4096)
    answer, _ = dns.query.udp_with_fallback(query, "127.0.0.1", port=rollcall.ports["dns"], timeout=SECONDS)
    return answer
