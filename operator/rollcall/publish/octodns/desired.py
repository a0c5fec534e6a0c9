"""A zone in the terms of octoDNS: names relative to the domain, values as text, one unit a service.

What is in no unit isn't ours to publish: the apex, and the addresses of our name servers.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from rollcall.dnswire.names import split
from rollcall.dnswire.types import Type
from rollcall.zone.marker import LABEL, is_marker_name, one_string, own_string, root_of_marker
from rollcall.zone.names import to_text
from rollcall.zone.unit import root_of

from .exchange import WireRRset

_PLAIN = re.compile(rb"[a-z0-9_-]+")


class Desired(NamedTuple):
    """An RRset: the unit it belongs to, its name, and what octoDNS makes a record of."""

    root: str
    name: str
    data: dict[str, Any]

    @property
    def is_marker(self) -> bool:
        """Whether this is the marker of its unit."""
        return self.name == marker_name(self.root)


def desired(
    rrsets: Iterable[WireRRset], domain: bytes, identity: str, left_out: list[str]
) -> Iterator[Desired]:
    """Yield what has to be at the provider; add to `left_out` what octoDNS has no form for."""
    rrsets = list(rrsets)
    roots = {
        root_of_marker(owner)
        for owner, rdtype, _, _ in rrsets
        if rdtype == Type.TXT and is_marker_name(owner)
    }
    for owner, rdtype, ttl, data in rrsets:
        root = root_of((owner, rdtype), roots.__contains__)
        if root is None or root == domain:
            continue
        if not all(map(_PLAIN.fullmatch, split(owner)[:-1])) or rdtype not in FORMS:
            left_out.append(f"{to_text(owner)} (type {rdtype})")
            continue
        unit, name = relative(root, domain), relative(owner, domain)
        values = [FORMS[rdtype](each) for each in data]
        yield Desired(unit, name, {"type": Type(rdtype).name, "ttl": ttl, "values": values})
        if rdtype == Type.PTR:
            marker = {"type": "TXT", "ttl": ttl, "values": [own_string(identity)]}
            yield Desired(unit, marker_name(unit), marker)


def marker_name(root: str) -> str:
    """Return the name of a unit's marker."""
    return f"{LABEL}.{root}"


def relative(name: bytes, domain: bytes) -> str:
    """Write a name of plain labels as octoDNS does: without the domain, "" at the apex."""
    return ".".join(each.decode() for each in split(name[: -len(domain)] + b"\0")[:-1])


def suffixes(name: str) -> Iterator[str]:
    """Yield a relative name and those above it, the apex left out."""
    while name:
        yield name
        name = name.partition(".")[2]


def _srv(data: bytes) -> dict[str, Any]:
    priority, weight, port = (int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4))
    return {"priority": priority, "weight": weight, "port": port, "target": _target(data[6:])}


def _target(name: bytes) -> str:
    return f"{to_text(name)}."


FORMS: dict[int, Callable[[bytes], Any]] = {
    Type.A: lambda data: str(IPv4Address(data)),
    Type.AAAA: lambda data: str(IPv6Address(data)),
    Type.SRV: _srv,
    Type.PTR: _target,
    Type.TXT: one_string,
}
"""How octoDNS writes the data of a record, for each managed type and the marker's."""
