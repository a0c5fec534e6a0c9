"""The records at the apex of a zone: SOA and NS, and the addresses of servers named inside it."""

from dataclasses import dataclass
from ipaddress import ip_address

from rollcall.dnswire import rdata as rd
from rollcall.dnswire.names import is_at_or_below
from rollcall.dnswire.types import Type
from rollcall.model import ZoneSpec

from .changes import MAX_ANSWER, all_up_to
from .content import Record, ZoneContent
from .names import below, from_text

NS_TTL_SECONDS = 3600
UNDELEGATED = from_text("ns.invalid")
"""The name server of a zone that names none: a valid name that leads nowhere (RFC 6761 section 6.4)."""


@dataclass(frozen=True, slots=True)
class Apex:
    """What stands at the apex of a zone. `server_names` are owners in the zone that are taken by it."""

    records: frozenset[Record]
    server_names: frozenset[bytes]

    @classmethod
    def install(cls, content: ZoneContent, spec: ZoneSpec, old: "Apex | None") -> "Apex":
        """Put the apex of a spec that `of` accepts into a zone, in place of an earlier one."""
        apex = cls.of(content.apex, spec)
        mname = from_text(spec.name_servers[0].name) if spec.name_servers else UNDELEGATED
        content.set_soa(mname, below(content.apex, "hostmaster"), spec.negative_ttl_seconds)
        before = old.records if old else frozenset()
        for record in before - apex.records:
            content.remove(record)
        for record in apex.records - before:
            content.add(record, NS_TTL_SECONDS, all_up_to(MAX_ANSWER))
        return apex

    @classmethod
    def of(cls, apex: bytes, spec: ZoneSpec) -> "Apex":
        """Return the apex that a spec asks for.

        Raises:
            ValueError: a server's name is not a domain name (InvalidName), or an address is not one.
        """
        if not spec.name_servers:
            return cls(frozenset((Record(apex, Type.NS, UNDELEGATED, 1),)), frozenset())
        records = set()
        inside = set()
        for server in spec.name_servers:
            name = from_text(server.name)
            records.add(Record(apex, Type.NS, name, 1))
            if is_at_or_below(name, apex):
                inside.add(name)
                records.update(
                    Record(name, *rd.address(ip_address(text)), weight=1) for text in server.addresses
                )
        return cls(frozenset(records), frozenset(inside))
