"""A zone as a control process holds it: it says what changes, and what there is."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from random import Random

from rollcall.dnswire import rdata as rd
from rollcall.dnswire.types import Type
from rollcall.zone.changes import RRsetDelta, ZoneDelta
from rollcall.zone.names import below, from_text
from rollcall.zone.soa import soa_data

A = 1
TXT = 16
PTR = 12

Key = tuple[bytes, int]


class ZoneSource:
    """A zone that starts with an NS record. Every change has the next serial."""

    def __init__(self, domain: str = "k8s.example.com", serial: int = 1000, refresh_ttl: int = 5) -> None:
        self.apex = from_text(domain)
        self.serial = serial
        self.ttl = refresh_ttl
        self.sets: dict[Key, tuple[int, set[bytes]]] = {(self.apex, Type.NS): (5, {from_text("ns.invalid")})}

    @property
    def soa(self) -> bytes:
        """Record data of the SOA."""
        return soa_data(from_text("ns.invalid"), below(self.apex, "hostmaster"), self.serial, self.ttl)

    def name(self, *labels: str) -> bytes:
        """Return a name in the zone."""
        return below(self.apex, *labels)

    def whole(self) -> ZoneDelta:
        """Return the zone as it is."""
        return self._delta(
            RRsetDelta(owner, rdtype, ttl, 8, (), tuple((each, 1) for each in sorted(data)))
            for (owner, rdtype), (ttl, data) in self.sets.items()
        )

    def put(
        self, changes: Mapping[Key, Iterable[bytes]], ttl: int = 5, serial: int | None = None
    ) -> ZoneDelta:
        """Give RRsets other records, none to remove them; return the change."""
        deltas = []
        for key, wanted in changes.items():
            data = set(wanted)
            _, before = self.sets.get(key, (0, set()))
            deltas.append(
                RRsetDelta(
                    *key,
                    ttl,
                    8,
                    tuple(sorted(before - data)),
                    tuple((each, 1) for each in sorted(data - before)),
                )
            )
            if data:
                self.sets[key] = ttl, data
            else:
                self.sets.pop(key, None)
        self.serial = (self.serial + 1) & 0xFFFFFFFF if serial is None else serial
        return self._delta(deltas)

    def flip(self, random: Random, services: int = 20, instances: int = 12) -> ZoneDelta:
        """Let a service have other addresses, and their names and pointers; return the change."""
        service = f"s{random.randrange(services)}"
        chosen = random.sample(range(instances), random.randrange(instances + 1))
        addresses = [IPv4Address(0x0A000000 + number).packed for number in chosen]
        changes: dict[Key, list[bytes]] = {(self.name(service, "shop"), A): addresses}
        names = [self.name(f"i{number}", service, "shop") for number in chosen]
        changes[self.name("_http", "_tcp", service, "shop"), Type.SRV] = [
            rd.srv(1, 80, name) for name in names
        ]
        if random.random() < 0.2:
            changes[self.name("note", service), TXT] = [rd.txt("x" * random.randrange(200), str(self.serial))]
        return self.put(changes, ttl=random.choice((5, 5, 5, 30)))

    def _delta(self, rrsets: Iterable[RRsetDelta]) -> ZoneDelta:
        return ZoneDelta(self.apex, self.serial, self.soa, self.ttl, tuple(rrsets))


def large(records: int, domain: str = "k8s.example.com") -> ZoneSource:
    """Return a zone of so many records and a few: services of twenty instances, addresses and SRV."""
    source = ZoneSource(domain)
    changes: dict[Key, list[bytes]] = {}
    for service in range(records // 40):
        name = f"service-{service}", "shop"
        base = 0x0A000000 + 32 * service
        changes[source.name(*name), A] = [IPv4Address(base + each).packed for each in range(20)]
        changes[source.name("_http", "_tcp", *name), Type.SRV] = [
            rd.srv(1, 8080, source.name(f"10-0-{each}", *name)) for each in range(20)
        ]
    source.put(changes)
    return source
