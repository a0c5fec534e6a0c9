"""Refuses what no cluster could hand us: a test of such an input proves nothing.

`check` holds an object against what the API server validates and what the kubelet writes, `check_body` a pod
as the API shows it; a `History` holds a story of objects against what can become of what. The rules are those
of kubernetes/pkg/apis/core/validation and of the kubelet's status manager. A test of a defence against the
impossible says so where it makes the object.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from itertools import chain, count
from typing import Any, TypeAlias, TypeVar

import jsonschema
import msgspec

from rollcall.model import (
    DiscoveryZone,
    EndpointSlice,
    Key,
    Pod,
    Service,
    ServiceInstance,
    ServicePort,
    Workload,
)
from rollcall.watch import PODS
from unit.manifests.sources import json_schema, schema_of

Object: TypeAlias = Pod | Service | ServiceInstance | DiscoveryZone | EndpointSlice | Workload

T = TypeVar("T", bound=Object)

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?!.*--)(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?")

_PHASES = {"Pending", "Running", "Succeeded", "Failed", "Unknown"}
_TERMINAL = {"Succeeded", "Failed"}
_PROTOCOLS = {"TCP", "UDP", "SCTP"}
_SERVICE_TYPES = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}

_NEVER_CHANGES = {
    Pod: ("hostname", "subdomain", "ports"),
    Service: ("created",),
    EndpointSlice: ("address_type",),
}
"""What the API server lets nobody change of an object (of a pod's spec little more than images can be)."""


class Impossible(AssertionError):
    """No cluster has this: the message names the rule."""


def check(it: Object) -> None:
    """Hold an object against the rules for its kind.

    Raises:
        Impossible: it breaks one.
    """
    for broken in _broken(it):
        raise Impossible(f"{type(it).__name__} {_named(it)}: {broken}")


def check_body(body: dict[str, Any]) -> Pod:
    """Hold a pod as the API shows it against the rules, its containers too; return what we read of it.

    Raises:
        Impossible: it breaks one.
    """
    read = PODS.read_item(msgspec.Raw(msgspec.json.encode(body))).object
    name = body["metadata"]["name"]
    if read is None:
        raise Impossible(f"Pod {name}: a field is of another type than in the API")
    for container in [*body["spec"].get("containers", ()), *body["spec"].get("initContainers", ())]:
        names = [port["name"] for port in container.get("ports", ()) if port.get("name")]
        if len(names) != len(set(names)):
            raise Impossible(f"Pod {name}: a port name is in a container once")
    check(read)
    return read


class History:
    """What there is, and what was: each object that comes or goes is held against it."""

    def __init__(self) -> None:
        self._there: dict[tuple[type, Key], Object] = {}
        self._versions: dict[str, int] = {}
        self._names: dict[tuple[type, str], tuple[type, Key]] = {}
        self._gone: set[tuple[type, str]] = set()

    def put(self, it: Object) -> None:
        """Note that an object was made or changed.

        Raises:
            Impossible: it can't have become this.
        """
        for broken in self._broken(it):
            raise Impossible(f"{type(it).__name__} {_named(it)}: {broken}")
        before = self._there.get(_id(it))
        if before is not None and before.uid != it.uid:
            self._gone.add((type(it), before.uid))
        self._there[_id(it)] = it
        self._names[type(it), it.uid] = _id(it)

    def put_body(self, body: dict[str, Any]) -> None:
        """Note that a pod was made or changed, as the API shows it.

        Raises:
            Impossible: it breaks a rule, or can't have become this.
        """
        it = check_body(body)
        version = int(body["metadata"]["resourceVersion"])
        if version <= self._versions.get(it.uid, 0):
            raise Impossible(f"Pod {_named(it)}: a resourceVersion only rises")
        self.put(it)
        self._versions[it.uid] = version

    def drop(self, kind: type[Object], key: Key) -> None:
        """Note that an object was deleted; nothing where there is none."""
        it = self._there.pop((kind, key), None)
        if it is not None:
            self._gone.add((kind, it.uid))

    def get(self, kind: type[T], key: Key) -> T | None:
        """Return the object of a name, if there is one."""
        found = self._there.get((kind, key))
        return found if isinstance(found, kind) else None

    def present(self) -> list[Object]:
        """Return what there is."""
        return list(self._there.values())

    def possible(self, it: T) -> T:
        """Return the object as it can come now: another of its name where this one can't have become it.

        A spec that differs from that of the same object gets the next generation.
        """
        known: Any = self.get(type(it), _id(it)[1])
        uids = chain([known.uid] if known else [], [it.uid], (f"{it.uid}-{number}" for number in count(1)))
        if isinstance(known, ServiceInstance | DiscoveryZone):
            changed = it.spec != known.spec  # type: ignore[union-attr]  # it is of the same type
            it = msgspec.structs.replace(it, generation=known.generation + changed)
        tries = (msgspec.structs.replace(it, uid=uid) for uid in uids)
        return next(each for each in tries if not any(True for _ in self._broken(each)))

    def _broken(self, it: Object) -> Iterator[str]:
        if (type(it), it.uid) in self._gone:
            yield "a deleted object does not come back with its uid"
        if self._names.get((type(it), it.uid), _id(it)) != _id(it):
            yield "a uid is that of one object"
        before = self._there.get(_id(it))
        if before is None or before.uid != it.uid:
            return
        yield from (
            f"{name} never changes"
            for name in _NEVER_CHANGES.get(type(it), ())
            if getattr(before, name) != getattr(it, name)
        )
        if isinstance(it, Pod) and isinstance(before, Pod):
            if before.phase in _TERMINAL and it.phase != before.phase:
                yield f"a pod stays {before.phase}"
            if before.deleting and not it.deleting:
                yield "a deletion is not taken back"
            if before.node and it.node != before.node:
                yield "a pod stays on its node"
            if it.restarts < before.restarts:
                yield "restarts only rise"
        if isinstance(it, ServiceInstance | DiscoveryZone) and isinstance(before, type(it)):
            if it.generation < before.generation:
                yield "a generation only rises"
            if it.spec != before.spec and it.generation == before.generation:
                yield "another spec has another generation"


def _named(it: Object) -> str:
    return it.name if isinstance(it, DiscoveryZone) else str(it.key)


def _id(it: Object) -> tuple[type, Key]:
    return type(it), Key("", it.name) if isinstance(it, DiscoveryZone) else it.key


def _broken(it: Object) -> Iterator[str]:
    key = _id(it)[1]
    if not _is_subdomain(key.name):
        yield f"a name is an RFC 1123 subdomain, not {key.name!r}"
    if key.namespace and not _LABEL.fullmatch(key.namespace):
        yield f"a namespace is an RFC 1123 label, not {key.namespace!r}"
    if not it.uid:
        yield "the API server gives each object a uid"
    yield from _broken_labels(getattr(it, "labels", {}))
    match it:
        case Pod():
            yield from _broken_pod(it)
        case Service():
            yield from _broken_service(it)
        case EndpointSlice():
            yield from _broken_slice(it)
        case ServiceInstance():
            yield from _broken_spec("ServiceInstance", msgspec.json.encode(it.spec))
        case DiscoveryZone():
            yield from _broken_spec("DiscoveryZone", msgspec.json.encode(it.spec))


def _broken_pod(it: Pod) -> Iterator[str]:
    if it.phase not in _PHASES:
        yield f"no pod is in phase {it.phase!r}"
    if it.ready and it.phase != "Running":
        yield f"the kubelet says of no {it.phase} pod that it is ready"
    if it.ready and not it.addresses:
        yield "a ready pod has an address"
    if it.ready and it.gate is not None and not it.gate.published:
        yield "a pod is not ready while its readiness gate is not open"
    if not it.node and (it.addresses or it.phase == "Running"):
        yield "a pod that runs, or has an address, is on a node"
    yield from _broken_addresses(it.addresses)
    if it.hostname and not _LABEL.fullmatch(it.hostname):
        yield f"a hostname is an RFC 1123 label, not {it.hostname!r}"
    if it.subdomain and not _LABEL.fullmatch(it.subdomain):
        yield f"a subdomain is an RFC 1123 label, not {it.subdomain!r}"
    for port in it.ports:
        if port.name and not _PORT_NAME.fullmatch(port.name):
            yield f"a container's port name is an IANA service name, not {port.name!r}"
        yield from _broken_port(port.protocol, port.number)
    if it.restarts < 0:
        yield "restarts are counted from 0"


def _broken_slice(it: EndpointSlice) -> Iterator[str]:
    if it.address_type not in ("IPv4", "IPv6", "FQDN"):
        yield f"no EndpointSlice is of the addressType {it.address_type!r}"
    names = [port.name for port in it.ports]
    if len(names) != len(set(names)):
        yield "no two ports of an EndpointSlice have the same name"
    for port in it.ports:
        yield from _broken_port(port.protocol, port.number)
    for endpoint in it.endpoints:
        if not endpoint.addresses:
            yield "an endpoint has an address"
        if endpoint.hostname and not _LABEL.fullmatch(endpoint.hostname):
            yield f"a hostname is an RFC 1123 label, not {endpoint.hostname!r}"
        for text in endpoint.addresses:
            if it.address_type == "FQDN":
                if not _is_subdomain(text) or "." not in text:
                    yield f"an address of the type FQDN is a domain name, not {text!r}"
            elif f"IPv{_family(text)}" != it.address_type:
                yield f"an address is of the type of its slice, not {text!r}"


def _family(text: str) -> int:
    try:
        return ip_address(text).version
    except ValueError:
        return 0


def _broken_service(it: Service) -> Iterator[str]:
    if not _LABEL.fullmatch(it.key.name):
        yield f"a Service's name is a DNS label, not {it.key.name!r}"
    if it.type not in _SERVICE_TYPES:
        yield f"no Service is of type {it.type!r}"
    if it.selector is not None:
        yield from _broken_labels(it.selector)
    yield from _broken_service_ports(it.ports)
    if len(it.ip_families) != len(set(it.ip_families)):
        yield "a Service has a family of addresses once"


def _broken_service_ports(ports: tuple[ServicePort, ...]) -> Iterator[str]:
    names = [port.name for port in ports]
    if len(names) != len(set(names)):
        yield "the ports of a Service have a name each, and no two the same"
    if len({(port.protocol, port.number) for port in ports}) != len(ports):
        yield "no two ports of a Service have the same number and protocol"
    for port in ports:
        if port.name and not _LABEL.fullmatch(port.name):
            yield f"a Service's port name is a DNS label, not {port.name!r}"
        yield from _broken_port(port.protocol, port.number)
        if isinstance(port.target, str) and not _PORT_NAME.fullmatch(port.target):
            yield f"a targetPort is a number or an IANA service name, not {port.target!r}"
        if isinstance(port.target, int):
            yield from _broken_port(port.protocol, port.target)


def _broken_port(protocol: str, number: int) -> Iterator[str]:
    if protocol not in _PROTOCOLS:
        yield f"no port is of protocol {protocol!r}"
    if not 0 < number < 65536:
        yield f"a port is from 1 to 65535, not {number}"


def _broken_addresses(addresses: Iterable[str]) -> Iterator[str]:
    families = []
    for text in addresses:
        # Until they are strict (KEP-4858) API servers take leading zeros in IPv4, which ipaddress does not.
        plain = ".".join(part.lstrip("0") or "0" for part in text.split(".")) if ":" not in text else text
        try:
            if "%" in text:
                raise ValueError
            families.append(ip_address(plain).version)
        except ValueError:
            yield f"podIPs are addresses, not {text!r}"
    if len(families) != len(set(families)):
        yield "podIPs hold one address of a family"


def _broken_labels(labels: dict[str, str]) -> Iterator[str]:
    for name, value in labels.items():
        prefix, slash, rest = name.rpartition("/")
        if not _QUALIFIED.fullmatch(rest) or (slash and not _is_subdomain(prefix)):
            yield f"a label's name is a qualified name, not {name!r}"
        if value and not _QUALIFIED.fullmatch(value):
            yield f"a label's value is at most 63 letters, digits, '-', '_' and '.', not {value!r}"


def _is_subdomain(name: str) -> bool:
    return len(name) <= 253 and all(map(_LABEL.fullmatch, name.split(".")))


@lru_cache(maxsize=4096)
def _broken_spec(kind: str, spec: bytes) -> tuple[str, ...]:
    """Hold a spec against the schema of its CRD, as the API server does; but for the CEL rules."""
    try:
        jsonschema.validate(_written(msgspec.json.decode(spec)), _schema(kind))
    except jsonschema.ValidationError as error:
        return (f"the CRD refuses spec.{'.'.join(map(str, error.absolute_path))}: {error.message}",)
    return ()


@lru_cache
def _schema(kind: str) -> dict[str, Any]:
    return json_schema(schema_of(kind)["properties"]["spec"])


def _written(value: Any) -> Any:
    """Leave out what a user leaves out: what is empty."""
    if isinstance(value, dict):
        return {name: _written(each) for name, each in value.items() if each not in (None, "", [], {})}
    if isinstance(value, list):
        return [_written(each) for each in value]
    return value
