"""Which service a name belongs to, which instances an answer names, and why there is no more in it.

The server itself says whose a name is: below the name of each service stands a TXT record `_rollcall` with
its namespace and name. Only where that is missing is the service guessed from the zones.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdatatype
from dns.message import Message

from rollcall.model import Key, ListedInstance, Naming, Policy
from rollcall.model.state import Health
from rollcall.zone.marker import LABEL, service_of

from .ask import Nameserver, NoReply, Reply, ask
from .cluster import Cluster
from .objects import ServiceObject, ZoneObject
from .options import NotThere

DEEPEST = 4
"""Labels that a name has above its service's at most: _port._proto.<version>.versions."""


@dataclass(frozen=True, slots=True)
class ExplainedRecord:
    """A record of an answer. `owner` and `data` are without the last dot of names."""

    owner: str
    ttl: int
    rdtype: str
    data: str


def records(section: Iterable[dns.rrset.RRset]) -> list[ExplainedRecord]:
    """Write the records of a section one by one."""
    return [
        ExplainedRecord(
            _text(rrset.name),
            rrset.ttl,
            dns.rdatatype.to_text(rrset.rdtype),
            rdata.to_text().removesuffix("."),
        )
        for rrset in section
        for rdata in rrset
    ]


async def find_service(server: Nameserver, name: dns.name.Name, replies: Iterable[Reply]) -> Key | None:
    """Ask the server whose a name is; for an address, whose the name is that it points to."""
    named = [name]
    for reply in replies:
        for rrset in reply.message.answer:
            if rrset.rdtype == dns.rdatatype.PTR:
                named += [rdata.target for rdata in rrset]
    asked = dict.fromkeys(owner for each in named for owner in _ancestors(each))
    async with asyncio.TaskGroup() as group:
        found = [group.create_task(_marked(server, owner)) for owner in asked]
    return next((key for task in found if (key := task.result()) is not None), None)


def guess_service(name: dns.name.Name, zones: Iterable[ZoneObject]) -> tuple[ZoneObject, Key | None] | None:
    """Find the zone that a name lies in and, by the zone's naming, the service that it would belong to.

    None where no zone has the name. The key is None at the top of a zone, and in a flat one, where a name
    does not say its namespace.
    """
    covering = [
        (origin, zone) for zone in zones if name.is_subdomain(origin := dns.name.from_text(zone.spec.domain))
    ]
    if not covering:
        return None
    origin, zone = max(covering, key=lambda pair: len(pair[0]))
    labels = [label.decode() for label in name.relativize(origin).labels]
    if zone.spec.naming is not Naming.NAMESPACED or len(labels) < 2:
        return zone, None
    return zone, Key(labels[-1], labels[-2])


async def explain(
    cluster: Cluster, name: dns.name.Name, key: Key | None
) -> tuple[ServiceObject | None, list[str]]:
    """Read the service of a name, and say what its answer can't."""
    if key is None:
        placed = guess_service(name, await cluster.zones())
        if placed is None:
            return None, [f"No DiscoveryZone has a domain that {_text(name)} lies in."]
        zone, key = placed
        if key is None:
            return None, [f"The DiscoveryZone {zone.metadata.name} has no service of this name."]
        missing = f"The DiscoveryZone {zone.metadata.name} has no service {key}."
        try:
            service = await cluster.service(key)
        except NotThere:
            return None, [
                f"{missing} There is no ServiceInstance {key}: no zone or file selects such a Service,"
                " or it has no selector."
            ]
        return service, [missing, *_state(service)]
    try:
        service = await cluster.service(key)
    except NotThere:
        return None, [
            f"The server knows the service {key}, but there is no ServiceInstance {key} in this cluster."
        ]
    return service, _state(service)


def instance_of(record: ExplainedRecord, service: ServiceObject) -> ListedInstance | None:
    """Find the instance that a record names, by address or by name."""
    for instance in service.status.instances:
        if record.rdtype in ("A", "AAAA") and record.data in instance.addresses:
            return instance
        # The target of an SRV or PTR record: the instance's label, then the service's name.
        if record.rdtype in ("SRV", "PTR") and _label(record.data) == instance.name:
            return instance
    return None


def limit(service: ServiceObject, name: str, replies: Iterable[Reply]) -> str:
    """Say why an answer to the name of a service holds fewer instances than are eligible, if it does."""
    eligible, answer = service.status.counts.eligible, service.spec.answer
    most = answer.limit
    is_full = any(len(rrset) == most for reply in replies for rrset in reply.message.answer)
    names = {place.dns_name for place in service.status.publications}
    if name.lower() not in names or not is_full or most >= eligible:
        return ""
    policy = f"{answer.policy} of {most}" if answer.policy is Policy.RANDOM else str(answer.policy)
    return f"One answer holds {most} of the {eligible} eligible instances (answer policy {policy})."


def _state(service: ServiceObject) -> list[str]:
    state = service.state
    return [] if state.health is Health.GOOD else [f"{service.key} {state.word}: {state.message}"]


async def _marked(server: Nameserver, owner: dns.name.Name) -> Key | None:
    try:
        reply = await ask(server, dns.name.Name((LABEL.encode(),)).concatenate(owner), dns.rdatatype.TXT)
    except (NoReply, dns.name.NameTooLong):
        return None
    return _key_in(reply.message)


def _key_in(message: Message) -> Key | None:
    for rrset in message.answer:
        for rdata in rrset:
            namespace, slash, name = service_of(rdata.to_wire()).partition("/")
            if slash:
                return Key(namespace, name)
    return None


def _ancestors(name: dns.name.Name) -> list[dns.name.Name]:
    """Return a name and those above it that could be its service's, nearest first."""
    found = [name]
    while len(found) <= DEEPEST and len(found[-1]) > 2:
        found.append(found[-1].parent())
    return found


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)


def _label(data: str) -> str:
    """Return the first label of the name that an SRV or PTR record points to."""
    return data.split(" ")[-1].split(".")[0]
