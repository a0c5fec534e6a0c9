"""A zone in the terms of octoDNS: names relative to the domain, values as text, one unit a service.

A unit is what one marker stands for: a service with all names at and below its own, or one PTR owner. What is
in no unit isn't ours to publish: the apex, and the addresses of our name servers.

A marker is one string there (octoDNS holds no others) and names no generation, which would be one more
change at the provider each time: octoDNS has no way to make a write depend on it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple
from urllib.parse import quote

from rollcall.zone import rdata as rd
from rollcall.zone.names import parents, split, to_text
from rollcall.zone.placement import MARKER

from .exchange import RRset

_PLAIN = re.compile(rb"[a-z0-9_-]+")
_GENERATION = "generation="
_HERITAGE = "heritage=rollcall"
_PREFIX = bytes((len(MARKER),)) + MARKER.encode()


class Desired(NamedTuple):
    """An RRset: the unit it belongs to, its name, and what octoDNS makes a record of."""

    root: str
    name: str
    data: dict[str, Any]

    @property
    def is_marker(self) -> bool:
        """Whether this is the marker of its unit."""
        return self.name == marker_name(self.root)


def desired(rrsets: Iterable[RRset], domain: bytes, identity: str, left_out: list[str]) -> Iterator[Desired]:
    """Yield what has to be at the provider; add to `left_out` what octoDNS has no form for."""
    rrsets = list(rrsets)
    roots = {owner[len(_PREFIX) :] for owner, rdtype, _, _ in rrsets if _is_marker(owner, rdtype, domain)}
    for owner, rdtype, ttl, data in rrsets:
        root = owner if rdtype == rd.PTR else _root_of(owner, roots)
        if root is None or root == domain:
            continue
        if not all(map(_PLAIN.fullmatch, split(owner)[:-1])) or rdtype not in _VALUES:
            left_out.append(f"{to_text(owner)} (type {rdtype})")
            continue
        unit, name = relative(root, domain), relative(owner, domain)
        kind, value = _VALUES[rdtype]
        yield Desired(unit, name, {"type": kind, "ttl": ttl, "values": [value(each) for each in data]})
        if rdtype == rd.PTR:
            text = f"{_HERITAGE},{_owner(identity)}"
            yield Desired(unit, marker_name(unit), {"type": "TXT", "ttl": ttl, "values": [text]})


def marker_name(root: str) -> str:
    """Return the name of a unit's marker."""
    return f"{MARKER}.{root}"


def is_own_marker(text: str, identity: str) -> bool:
    """Whether a TXT record is a marker of this installation."""
    own = f"{_HERITAGE},{_owner(identity)}"
    return text == own or text.startswith(f"{own},")


def relative(name: bytes, domain: bytes) -> str:
    """Write a name of plain labels as octoDNS does: without the domain, "" at the apex."""
    return ".".join(each.decode() for each in split(name[: -len(domain)] + b"\0")[:-1])


def suffixes(name: str) -> Iterator[str]:
    """Yield a relative name and those above it, the apex left out."""
    while name:
        yield name
        name = name.partition(".")[2]


def _is_marker(owner: bytes, rdtype: int, domain: bytes) -> bool:
    return rdtype == rd.TXT and owner.startswith(_PREFIX) and owner[len(_PREFIX) :] != domain


def _root_of(owner: bytes, roots: set[bytes]) -> bytes | None:
    return next((name for name in (owner, *parents(owner)) if name in roots), None)


def _owner(identity: str) -> str:
    return _safe(f"owner={identity}")


def _safe(text: str) -> str:
    """Write a string of a marker so that no provider has to escape anything: they differ in how."""
    return quote(text, safe="=/")


def _marker(data: bytes) -> str:
    strings = []
    while data:
        strings.append(data[1 : 1 + data[0]].decode(errors="replace"))
        data = data[1 + data[0] :]
    return ",".join(_safe(each) for each in strings if not each.startswith(_GENERATION))


def _srv(data: bytes) -> dict[str, Any]:
    priority, weight, port = (int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4))
    return {"priority": priority, "weight": weight, "port": port, "target": _target(data[6:])}


def _target(name: bytes) -> str:
    return f"{to_text(name)}."


_VALUES: dict[int, tuple[str, Callable[[bytes], Any]]] = {
    rd.A: ("A", lambda data: str(IPv4Address(data))),
    rd.AAAA: ("AAAA", lambda data: str(IPv6Address(data))),
    rd.SRV: ("SRV", _srv),
    rd.PTR: ("PTR", _target),
    rd.TXT: ("TXT", _marker),
}
