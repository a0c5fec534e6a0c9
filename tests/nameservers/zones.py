"""The zones that a server of the tests carries as primary."""

from dataclasses import dataclass, replace
from enum import StrEnum

from nameservers.snippets import DOMAIN, PARENT, REVERSE


class Kind(StrEnum):
    """Which of a page's snippets sets a zone up."""

    DEDICATED = "update"
    SHARED = "update-shared"
    REVERSE = "update-reverse"


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone with nothing but SOA and NS in it, and `records`: lines of a zone file.

    `domain` is the part of it that Rollcall may write: all of it, except in a shared zone.
    """

    name: str
    kind: Kind = Kind.DEDICATED
    domain: str = ""
    records: str = ""
    serial: int = 1
    refresh_seconds: int = 5

    def holding(self, records: str) -> "Zone":
        """Return the same zone with further lines of a zone file in it."""
        return replace(self, records=f"{self.records}{records}\n")

    def zone_file(self) -> str:
        """Return it as a zone file (RFC 1035 section 5); its minimum is short."""
        timers = f"{self.serial} {self.refresh_seconds} 5 604800 5"
        return (
            f"$ORIGIN {self.name}.\n$TTL 5\n"
            f"@ SOA ns1.example.net. hostmaster.example.net. {timers}\n"
            f"@ NS ns1.example.net.\n{self.records}"
        )


def placeholders(zone: Zone) -> dict[str, str]:
    """Return what stands for its names in the snippets of its kind."""
    match zone.kind:
        case Kind.DEDICATED:
            return {DOMAIN: zone.name}
        case Kind.SHARED:
            return {DOMAIN: zone.domain, PARENT: zone.name}
        case Kind.REVERSE:
            return {REVERSE: zone.name}


DEDICATED = Zone(DOMAIN)
REVERSE_ZONE = Zone(REVERSE, Kind.REVERSE)
SHARED = Zone(PARENT, Kind.SHARED, DOMAIN).holding(
    """\
www 300 A 198.51.100.10
www 300 AAAA 2001:db8::10
@ 300 MX 10 mail
mail 300 A 198.51.100.11
k8s 300 TXT "made by hand"
printer.k8s 300 A 198.51.100.12
app.shop.k8s 300 A 198.51.100.13
a-app.shop.k8s 300 TXT "heritage=external-dns,external-dns/owner=us,external-dns/resource=ingress/shop/app"
"""
)
"""What people and external-dns have put there, some of it below our domain."""
