"""A domain as the control process has it, written service by service."""

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from rollcall.dnswire import rdata as rd
from rollcall.dnswire.types import Type
from rollcall.zone.changes import RRsetDelta, ZoneDelta
from rollcall.zone.exported import ExportedZone, RRsetKey, Version
from rollcall.zone.names import from_text, to_text
from rollcall.zone.reverse import reverse_name
from rollcall.zone.soa import soa_data

Address = IPv4Address | IPv6Address
Records = set[tuple[str, int, str, str]]
IDENTITY = "rollcall"


def label(text: str | bytes) -> bytes:
    """Return a label of any octets, in wire format."""
    raw = text.encode() if isinstance(text, str) else text
    return bytes((len(raw),)) + raw


class Source:
    """A zone that says what changes. Every change has the next serial; `listeners` get its Version."""

    def __init__(self, domain: str = "k8s.example.com", serial: int = 1_000_000) -> None:
        self.apex = from_text(domain)
        self.published = ExportedZone(self.apex)
        self.listeners: list[Callable[[Version], None]] = []
        self._serial = serial
        self._services: dict[bytes, set[RRsetKey]] = {}
        self._members: dict[RRsetKey, set[bytes]] = {}
        self._apply([RRsetDelta(self.apex, Type.NS, 5, 64, (), ((from_text("ns.invalid"), 1),))])

    @property
    def serial(self) -> int:
        """The serial of the newest version."""
        return self.published.serial

    def root(self, name: str) -> bytes:
        """Return the main name of a service that is given as `service.namespace`."""
        return b"".join(label(each) for each in name.split(".")) + self.apex

    def service(self, name: str, addresses: Iterable[str | Address], ttl: int = 5, serial: int = 0) -> None:
        """Give a service these instances, in one version: one with none keeps its marker alone."""
        self.services({name: addresses}, ttl, serial)

    def services(
        self, services: Mapping[str, Iterable[str | Address]], ttl: int = 5, serial: int = 0
    ) -> None:
        """Give several services their instances, in one version."""
        deltas: list[RRsetDelta] = []
        for name, addresses in services.items():
            root = self.root(name)
            marker = rd.txt(
                "heritage=rollcall",
                f"owner={IDENTITY}",
                f"service={'/'.join(reversed(name.split('.')))}",
                "generation=1",
            )
            wanted: dict[RRsetKey, set[bytes]] = {(label("_rollcall") + root, Type.TXT): {marker}}
            for address in map(ip_address, addresses):
                rdtype, data = rd.address(address)
                own = label(str(address).replace(".", "-").replace(":", "-")) + root
                wanted.setdefault((root, rdtype), set()).add(data)
                wanted.setdefault((own, rdtype), set()).add(data)
                port = label("_http") + label("_tcp") + root
                wanted.setdefault((port, Type.SRV), set()).add(rd.srv(1, 80, own))
            deltas += self._replace(root, wanted, ttl)
        self._apply(deltas, serial)

    def remove(self, *names: str) -> None:
        """Withdraw services."""
        deltas: list[RRsetDelta] = []
        for name in names:
            deltas += self._replace(self.root(name), {}, 5)
        self._apply(deltas)

    def pointers(self, targets: dict[str, str], ttl: int = 5) -> None:
        """Give addresses pointers; an empty target takes one away. For a reverse domain."""
        deltas: list[RRsetDelta] = []
        for address, target in targets.items():
            owner = reverse_name(ip_address(address))
            deltas += self._replace(owner, {(owner, Type.PTR): {from_text(target)}} if target else {}, ttl)
        self._apply(deltas)

    def put(self, name: str, wanted: dict[RRsetKey, set[bytes]], ttl: int = 5) -> None:
        """Give a service records of any kind, beside its marker."""
        root = self.root(name)
        marker = rd.txt("heritage=rollcall", f"owner={IDENTITY}", "service=shop/any", "generation=1")
        self._apply(self._replace(root, {(label("_rollcall") + root, Type.TXT): {marker}, **wanted}, ttl))

    def records(self) -> Records:
        """Return what has to be at a server, markers and apex left out."""
        found = set()
        for (owner, rdtype), rrset in self.published.rrsets.items():
            if owner == self.apex or owner.startswith(label("_rollcall")):
                continue
            kind = dns.rdatatype.RdataType.make(rdtype)
            for data in rrset.records:
                value = dns.rdata.from_wire(dns.rdataclass.IN, kind, data, 0, len(data))
                text = dns.rdatatype.to_text(kind)
                found.add((str(dns.name.from_wire(owner, 0)[0]), rrset.ttl, text, value.to_text()))
        return found

    def _replace(self, root: bytes, wanted: dict[RRsetKey, set[bytes]], ttl: int) -> list[RRsetDelta]:
        deltas = []
        for key in self._services.get(root, set()) | wanted.keys():
            before, now = self._members.get(key, set()), wanted.get(key, set())
            if now:
                self._members[key] = now
            else:
                self._members.pop(key, None)
            add = tuple((data, 1) for data in sorted(now - before))
            deltas.append(RRsetDelta(*key, ttl if now else 0, 64, tuple(sorted(before - now)), add))
        if wanted:
            self._services[root] = set(wanted)
        else:
            self._services.pop(root, None)
        return deltas

    def _apply(self, deltas: list[RRsetDelta], serial: int = 0) -> None:
        self._serial = serial or self._serial + 1
        soa = soa_data(from_text("ns.invalid"), from_text("hostmaster.invalid"), self._serial, 5)
        version = self.published.advance(ZoneDelta(self.apex, self._serial, soa, 5, tuple(deltas)))
        for listener in self.listeners:
            listener(version)


def many(count: int, first: str = "10.0.0.1") -> list[Address]:
    """Return so many addresses."""
    return [ip_address(first) + number for number in range(count)]


def text_of(name: bytes) -> str:
    """Return a name as `nameservers` writes it."""
    return f"{to_text(name)}."
