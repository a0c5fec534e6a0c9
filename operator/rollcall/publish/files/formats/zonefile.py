"""A zone in the master file format (RFC 1035 section 5), for any authoritative server.

A zone that needs several parts has its SOA in the first, which includes the others: a server that lacks one
of them refuses the new zone and keeps the old, where it would otherwise serve half of it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import dns.name

from rollcall.dnswire import rdata as rd
from rollcall.dnswire.names import split
from rollcall.dnswire.types import Type
from rollcall.model import DiscoveryFile, Instance, Members
from rollcall.model.wording import counted
from rollcall.publish.files.dns_names import NamedService, contents, domain_of
from rollcall.publish.files.format import (
    Block,
    CannotRender,
    Contents,
    DocumentHead,
    Format,
    LeftOut,
    comment,
)
from rollcall.zone import MAX_ANSWER
from rollcall.zone.cut import as_told, chosen
from rollcall.zone.marker import HERITAGE, marker_name
from rollcall.zone.names import to_text
from rollcall.zone.soa import EXPIRE_SECONDS, REFRESH_SECONDS, RETRY_SECONDS

_NAME_SERVER = "ns.invalid."
_MAILBOX = "hostmaster.invalid."
"""Who answers for the zone is the business of the server that loads it (RFC 2606: invalid is nobody's)."""


def _contents(file: DiscoveryFile, services: Sequence[Members]) -> Contents:
    if not file.spec.domain:
        raise CannotRender(
            "DomainMissing", f"The format {file.spec.format} needs spec.domain: write the zone's name there."
        )
    left_out: list[LeftOut] = []
    found = contents(file, services, partial(_block, left_out=left_out))
    return Contents(found.blocks, found.left_out + left_out)


def _block(file: DiscoveryFile, service: NamedService, left_out: list[LeftOut]) -> Block:
    domain = service.domain
    main = _text(service.name, domain)
    ports = {port: _text(owner, domain) for port, owner in service.ports.items()}
    shared = _RRsets()
    own = _RRsets()
    sides = _Sides(domain)
    for instance, name, answered in service.instances:
        label = _text(name, domain)
        rank = _rank(instance)
        for address in instance.addresses:
            rdtype = "A" if address.version == 4 else "AAAA"
            own.add(label, rdtype, str(address), rank)
            if answered:
                shared.add(main, rdtype, str(address), rank)
        for port in instance.ports:
            if owner := ports.get((port.name, port.protocol)):
                shared.add(owner, "SRV", f"0 {instance.weight} {port.number} {label}", rank)
                sides.add(owner, rd.srv(instance.weight, port.number, name), is_canary=instance.canary)
    if (largest := max(shared.largest, own.largest)) > MAX_ANSWER:
        left_out.append(_capped(service, largest))
    # The marker makes the name known, so that an empty service is NODATA, not NXDOMAIN.
    marker = _text(marker_name(service.name), domain)
    return Block(
        service=service.key,
        items=(*shared.lines(sides.told()), *own.lines()),
        instances=len(service.instances),
        opening=f'{marker} IN TXT "{HERITAGE}" "file={file.key}"\n',
    )


class _RRsets:
    """Records by owner and type, each with the rank that decides who stays in a set that is too large."""

    def __init__(self) -> None:
        self._sets: dict[tuple[str, str], dict[str, str]] = {}

    def add(self, owner: str, rdtype: str, data: str, rank: str) -> None:
        self._sets.setdefault((owner, rdtype), {}).setdefault(data, rank)

    @property
    def largest(self) -> int:
        return max(map(len, self._sets.values()), default=0)

    def lines(self, services: Mapping[str, Iterable[str]] = MappingProxyType({})) -> Iterator[str]:
        """Yield a line a record. BIND refuses a whole zone for an RRset of more than 100.

        `services` are SRV records by owner, in place of those that were added.
        """
        for (owner, rdtype), ranks in self._sets.items():
            kept: Iterable[str] = sorted(ranks, key=lambda data: (ranks[data], data))[:MAX_ANSWER]
            if rdtype == "SRV":
                kept = services.get(owner, kept)
            for data in sorted(kept):
                yield f"{owner} IN {rdtype} {data}\n"


class _Sides:
    """SRV records by owner: in a set that is cut, both sides of a canary release keep their shares."""

    def __init__(self, domain: bytes) -> None:
        self._domain = domain
        self._sets: dict[str, set[bytes]] = {}
        self._canary: set[bytes] = set()

    def add(self, owner: str, data: bytes, *, is_canary: bool) -> None:
        self._sets.setdefault(owner, set()).add(data)
        if is_canary:
            self._canary.add(data)

    def told(self) -> dict[str, list[str]]:
        """Return what the sets hold that are cut and have two sides: see `rollcall.zone.cut`."""
        if not self._canary:
            return {}
        return {owner: self._cut(data) for owner, data in self._sets.items() if len(data) > MAX_ANSWER}

    def _cut(self, members: set[bytes]) -> list[str]:
        answerable = {data for data in members if rd.srv_fields(data)[1]} or members
        kept = dict.fromkeys(chosen(Type.SRV, answerable, MAX_ANSWER, self._canary), 0)
        told = map(rd.srv_fields, as_told(Type.SRV, kept, answerable, self._canary))
        return [
            f"{priority} {weight} {port} {_text(target, self._domain)}"
            for priority, weight, port, target in told
        ]


def _text(name: bytes, domain: bytes) -> str:
    """Return a name relative to the domain, escaped (RFC 1035 section 5.1)."""
    return dns.name.Name(split(name)[: -len(split(domain))]).to_text()


def _rank(instance: Instance) -> str:
    """Rank by a hash: a pod that comes or goes changes at most one other record of a capped set."""
    return hashlib.blake2b(f"{instance.pod} {instance.uid}".encode(), digest_size=8).hexdigest()


def _capped(service: NamedService, largest: int) -> LeftOut:
    return LeftOut(
        service.key,
        "Capped",
        f"A name of the service would have {counted(largest, 'record')}; a zone file holds {MAX_ANSWER} of"
        " them, which servers and clients take. Every instance has its own name.",
    )


def _head(head: DocumentHead) -> str:
    spec = head.file.spec
    lines = [
        f"$ORIGIN {to_text(domain_of(spec))}.",
        f"$TTL {spec.ttl_seconds}",
    ]
    if head.number == 1:
        timers = f"{REFRESH_SECONDS} {RETRY_SECONDS} {EXPIRE_SECONDS} {spec.ttl_seconds}"
        lines += [
            f"@ IN SOA {_NAME_SERVER} {_MAILBOX} {head.serial} {timers}",
            f"@ IN NS {_NAME_SERVER}",
            *(f"$INCLUDE {key}" for key in head.keys[1:]),
        ]
    return comment(head, ";") + "".join(f"{line}\n" for line in lines)


FORMAT = Format(content_type="text/dns", head=_head, contents=_contents, divisible=True, has_serial=True)
