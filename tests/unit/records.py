"""What a consumer of zone deltas holds, written as people write records."""

from collections.abc import Iterable

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from rollcall.zone import ZoneDelta


class Follower:
    """Applies deltas in order, as a DNS worker does, and says what it has in text."""

    def __init__(self) -> None:
        self.zones: dict[
            bytes, dict[tuple[bytes, int], tuple[int, int, dict[bytes, int], frozenset[bytes]]]
        ] = {}
        self.serials: dict[bytes, int] = {}
        self.negative_ttls: dict[bytes, dict[bytes, int]] = {}
        self.known: dict[bytes, set[bytes]] = {}

    def apply(self, deltas: Iterable[ZoneDelta]) -> None:
        for delta in deltas:
            if delta.gone:
                self.zones.pop(delta.apex, None)
                self.negative_ttls.pop(delta.apex, None)
                self.known.pop(delta.apex, None)
                continue
            rrsets = self.zones.setdefault(delta.apex, {})
            self.serials[delta.apex] = delta.serial
            ttls = self.negative_ttls.setdefault(delta.apex, {})
            for owner, seconds in delta.negative_ttls:
                if seconds < 0:
                    ttls.pop(owner, None)
                else:
                    ttls[owner] = seconds
            known = self.known.setdefault(delta.apex, set())
            for owner, is_known in delta.names:
                (known.add if is_known else known.discard)(owner)
            for change in delta.rrsets:
                held = rrsets.pop((change.owner, change.rdtype), None)
                members = held[2] if held else {}
                members = {data: weight for data, weight in members.items() if data not in change.remove}
                members.update(change.add)
                if members:
                    rrsets[change.owner, change.rdtype] = (
                        change.ttl,
                        change.count,
                        members,
                        frozenset(change.withheld),
                    )

    def text(self, apex: str = "example.com", *types: str) -> list[str]:
        """Return `owner type data` lines of a zone, sorted, owners relative to it."""
        origin = dns.name.from_text(apex)
        lines = []
        for (owner, rdtype), (_, _, members, _) in self.zones.get(origin.to_wire() or b"", {}).items():
            number = dns.rdatatype.RdataType.make(rdtype)
            kind = dns.rdatatype.to_text(number)
            if types and kind not in types:
                continue
            name = dns.name.from_wire(owner, 0)[0].relativize(origin)
            for data in members:
                value = dns.rdata.from_wire(dns.rdataclass.IN, number, data, 0, len(data))
                lines.append(f"{name} {kind} {value.to_text(origin=origin)}")
        return sorted(lines)
