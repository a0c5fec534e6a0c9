"""The secondaries of the pages, with a Knot as the primary: they fetch, follow a NOTIFY, and remember."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import dns.rcode
import dns.update
import pytest

from nameservers import (
    CATALOG,
    DEDICATED,
    DOMAIN,
    KEY,
    REVERSE,
    REVERSE_ZONE,
    Bind,
    CoreDNS,
    Knot,
    Nameserver,
    Nsd,
    PowerDNS,
    Zone,
    data,
    notify,
    send,
    serial,
    serving,
    wait_until,
)

WEB = f"web.shop.{DOMAIN}"
FOREVER = 100_000  # seconds: no secondary looks by itself
Kind: TypeAlias = type[Bind] | type[Knot] | type[Nsd] | type[PowerDNS] | type[CoreDNS]
KINDS = [Bind, Knot, Nsd, PowerDNS, CoreDNS]
WITH_CATALOG = [Bind, Knot, PowerDNS]
UNSIGNED = "    action: transfer\n  - id: unsigned\n    address: 127.0.0.1\n    action: transfer\n"


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Knot]:
    """Start a primary whose zones have to be notified of; it takes updates with the key."""
    zones = [
        Zone(zone.name, zone.kind, refresh_seconds=FOREVER).holding("first A 10.0.0.1")
        for zone in (DEDICATED, REVERSE_ZONE)
    ]
    catalog = Zone(CATALOG).holding(f'version 0 TXT "2"\none.zones 0 PTR {DOMAIN}.')
    knot = Knot.primary(tmp_path / "primary", *zones, catalog)
    with serving(knot) as [running]:
        yield running


def of(primary: Nameserver) -> tuple[str, int]:
    return primary.address, primary.port


def change(primary: Nameserver, address: str) -> int:
    """Give a name another address; return the zone's serial after that."""
    message = dns.update.UpdateMessage(DOMAIN)
    message.replace("web.shop", 5, "A", address)
    assert send(primary, message).rcode() == dns.rcode.NOERROR
    found = serial(primary, DOMAIN)
    assert found is not None
    return found


def wait_for(secondary: Nameserver, wanted: int, zone: str = DOMAIN) -> None:
    wait_until(secondary, lambda: serial(secondary, zone) == wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_secondary(tmp_path: Path, primary: Knot, kind: Kind) -> None:
    """It fetches two zones, takes a NOTIFY, and has what it had when it comes back without its primary."""
    key: str | None = KEY
    if kind is CoreDNS:
        key = None
        primary.config = primary.config.replace("    action: transfer\n", UNSIGNED, 1)
        primary.config = primary.config.replace("acl: [", "acl: [unsigned, ")
        primary.restart()
    with serving(kind.secondary(tmp_path / "secondary", of(primary), DOMAIN, REVERSE)) as [secondary]:
        wait_for(secondary, 1)
        wait_for(secondary, 1, REVERSE)
        for number in range(3):
            wanted = change(primary, f"10.0.0.{number}")
            assert notify(secondary, DOMAIN, key).rcode() == dns.rcode.NOERROR
            wait_for(secondary, wanted)
            assert data(secondary, WEB, "A") == {f"10.0.0.{number}"}
        if kind is CoreDNS:
            return
        assert f"[{DOMAIN}.] IXFR, outgoing" in primary.log
        secondary.stop()
        primary.stop()
        secondary.start()
        wait_until(secondary, lambda: data(secondary, WEB, "A") == {"10.0.0.2"})


@pytest.mark.parametrize("kind", [Knot, Nsd, PowerDNS])
def test_a_notify_needs_the_key(tmp_path: Path, primary: Knot, kind: Kind) -> None:
    """BIND is not among them: it takes one from the primary's address as well."""
    with serving(kind.secondary(tmp_path / "secondary", of(primary))) as [secondary]:
        wait_for(secondary, 1)
        assert notify(secondary, DOMAIN, key=None).rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH)


def test_bind_looks_by_itself(tmp_path: Path) -> None:
    """At the zone's refresh of 5 s, and not only each 300 s: a NOTIFY may be lost."""
    with (
        serving(Knot.primary(tmp_path / "primary", DEDICATED)) as [primary],
        serving(Bind.secondary(tmp_path / "secondary", of(primary))) as [secondary],
    ):
        wait_for(secondary, 1)
        wait_for(secondary, change(primary, "10.0.0.1"))


@pytest.mark.parametrize("kind", WITH_CATALOG)
def test_a_catalog(tmp_path: Path, primary: Knot, kind: type[Bind] | type[Knot] | type[PowerDNS]) -> None:
    """Zones come and go with the primary's catalog zone."""
    with serving(kind.catalog_consumer(tmp_path / "secondary", of(primary))) as [secondary]:
        if isinstance(secondary, PowerDNS):
            wait_until(secondary, lambda: f"create zone '{DOMAIN}'" in secondary.log)
            secondary.sign_member(DOMAIN)
        wait_for(secondary, 1)
        assert serial(secondary, REVERSE) is None
        message = dns.update.UpdateMessage(CATALOG)
        message.add("two.zones", 0, "PTR", f"{REVERSE}.")
        message.delete("one.zones", "PTR")
        # The page's rule is for types of services: this is the test's own catalog.
        primary.config = primary.config.replace("[A, AAAA, SRV, TXT]", "[A, AAAA, SRV, TXT, PTR]")
        primary.restart()
        assert send(primary, message).rcode() == dns.rcode.NOERROR
        notify(secondary, CATALOG)
        if isinstance(secondary, PowerDNS):
            wait_until(secondary, lambda: f"create zone '{REVERSE}'" in secondary.log)
            secondary.sign_member(REVERSE)
        wait_for(secondary, 1, REVERSE)
        wait_until(secondary, lambda: serial(secondary, DOMAIN) is None)
