"""A domain whose services tests change, in the form that targets get it; records are written as text."""

from collections.abc import Iterable, Iterator

import dns.name
import dns.rdata
import dns.rdatatype

from rollcall.zone import RRsetDelta, ZoneDelta
from rollcall.zone.exported import ExportedZone, Version
from rollcall.zone.names import from_text

IDENTITY = "prod"
TTL = 5


def web(*addresses: str, name: str = "web.shop", owner: str = IDENTITY, generation: int = 1) -> list[str]:
    """Return the records of a service with an instance at each address."""
    marker = f'"heritage=rollcall" "owner={owner}" "service=shop/web" "generation={generation}"'
    return [
        f"_rollcall.{name} TXT {marker}",
        *(
            line
            for address in addresses
            for own in [f"{address.replace('.', '-').replace(':', '-')}.{name}"]
            for kind in ["AAAA" if ":" in address else "A"]
            for line in (
                f"{name} {kind} {address}",
                f"{own} {kind} {address}",
                f"_http._tcp.{name} SRV 0 100 80 {own}",
            )
        ),
    ]


class Domain:
    """A domain, from a first version without a service on."""

    def __init__(self, name: str = "k8s.example.com") -> None:
        self.name = name
        self._origin = dns.name.from_text(name)
        self._records: set[tuple[bytes, int, bytes]] = set()
        self.published = ExportedZone(from_text(name))
        self.hold("@ NS ns.invalid.")

    def hold(self, *lines: str) -> Version:
        """Go to a version with these records (owners relative) and no others."""
        records = set(self._parsed(lines))
        changed = {key[:2] for key in records ^ self._records}
        rrsets = tuple(
            RRsetDelta(
                owner,
                rdtype,
                TTL,
                8,
                tuple(data for _, _, data in self._of(self._records - records, owner, rdtype)),
                tuple((data, 1) for _, _, data in self._of(records - self._records, owner, rdtype)),
            )
            for owner, rdtype in sorted(changed)
        )
        self._records = records
        apex = self.published.apex
        return self.published.advance(ZoneDelta(apex, self.published.serial + 1, b"soa", TTL, rrsets))

    def rrsets(self) -> tuple[tuple[bytes, int, int, tuple[bytes, ...]], ...]:
        """Return the RRsets as a run gets them."""
        return tuple((*key, *rrset) for key, rrset in self.published.rrsets.items())

    @staticmethod
    def _of(
        records: Iterable[tuple[bytes, int, bytes]], owner: bytes, rdtype: int
    ) -> list[tuple[bytes, int, bytes]]:
        return sorted(record for record in records if record[:2] == (owner, rdtype))

    def _parsed(self, lines: Iterable[str]) -> Iterator[tuple[bytes, int, bytes]]:
        for line in lines:
            owner, kind, text = line.split(maxsplit=2)
            rdtype = dns.rdatatype.from_text(kind)
            name = self._origin if owner == "@" else dns.name.from_text(owner, self._origin)
            data = dns.rdata.from_text("IN", rdtype, text, self._origin, relativize=False)
            yield name.to_wire() or b"", int(rdtype), data.to_wire(origin=self._origin) or b""
