"""What others delete or change comes back; what nobody wants goes, in two steps."""

from pathlib import Path
from typing import Any

import dns.update
import pytest

from nameservers import DOMAIN, Bind, Knot, Nameserver, PowerDNS, data, send, serial, serving
from rollcall.publish.update import orphans, writer
from rollcall.publish.update.reasons import UpdateReason
from updates import Source, at_server, many, markers, running
from waiting import until

ZONES = 6


def change(server: Nameserver, zone: str, what) -> None:
    """Change a zone behind our back."""
    message = dns.update.UpdateMessage(zone)
    what(message)
    assert send(server, message).rcode() == 0


async def test_deleted_and_changed_records_come_back(server: Nameserver, domain: str) -> None:
    source = Source(domain)
    source.services({"web.shop": many(3), "api.shop": many(2, "10.1.0.1")})
    async with running(source, server) as it:
        await it.current()

        def damage(message: dns.update.UpdateMessage) -> None:
            message.replace("web.shop", 5, "A", "192.0.2.1")
            message.delete("10-0-0-2.web.shop", "A")
            message.delete("_http._tcp.api.shop", "SRV")

        change(server, domain, damage)
        it.repair()
        await until(lambda: is_right(server, source, domain))
        await it.current()


async def test_a_deleted_marker_comes_back(server: Nameserver, domain: str) -> None:
    """By the repair, and by a change that finds it gone."""
    source = Source(domain)
    source.services({"web.shop": many(3), "api.shop": many(2, "10.1.0.1")})
    async with running(source, server) as it:
        await it.current()
        change(server, domain, lambda message: message.delete("_rollcall.web.shop", "TXT"))
        it.repair()
        await until(lambda: has_markers(server, domain, 2))
        change(server, domain, lambda message: message.delete("_rollcall.web.shop", "TXT"))
        source.service("web.shop", many(3)[1:])
        await it.current()
        assert len(await markers(server, domain)) == 2
        assert await at_server(server, domain) == source.records()


async def test_everything_deleted(server: Nameserver, domain: str) -> None:
    source = Source(domain)
    source.service("web.shop", many(3))
    async with running(source, server) as it:
        await it.current()

        def damage(message: dns.update.UpdateMessage) -> None:
            for owner, _, kind, _ in source.records():
                message.delete(owner, kind)
            message.delete("_rollcall.web.shop", "TXT")

        change(server, domain, damage)
        source.service("web.shop", many(4))
        await it.current()
        assert await at_server(server, domain) == source.records()


async def test_what_is_found_and_not_wanted_is_buried_first(
    server: Nameserver, domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(domain)
    source.services({"web.shop": many(2), "old.shop": many(2, "10.1.0.1")})
    monkeypatch.setattr(orphans, "DELETED_AFTER_TTLS", 1000)
    monkeypatch.setattr(writer, "PROBE_SECONDS", 0.1)  # so often an idle one looks what is due
    async with running(source, server) as it:
        await it.current()
    before = await at_server(server, domain)
    source.remove("old.shop")  # nobody has seen it go
    async with running(source, server) as it:
        await it.current()
        found = await markers(server, domain)
        assert '"tombstone=' in found[f"_rollcall.old.shop.{domain}."]
        assert '"tombstone=' not in found[f"_rollcall.web.shop.{domain}."]
        assert await at_server(server, domain) == before
        monkeypatch.setattr(orphans, "DELETED_AFTER_TTLS", 0)  # all caches have forgotten it
        await until(lambda: is_right(server, source, domain))
        assert len(await markers(server, domain)) == 1


async def test_a_service_that_comes_back_from_the_dead(server: Nameserver, domain: str) -> None:
    source = Source(domain)
    source.service("old.shop", many(2), ttl=300)
    async with running(source, server) as it:
        await it.current()
    source.remove("old.shop")
    async with running(source, server) as it:
        await it.current()
        source.service("old.shop", many(3), ttl=300)
        await it.current()
        assert "tombstone" not in str(await markers(server, domain))
        assert await at_server(server, domain) == source.records()


async def test_a_repair_without_a_change_reads_nothing(server: Nameserver, domain: str) -> None:
    source = Source(domain)
    source.service("web.shop", many(2))
    async with running(source, server) as it:
        await it.current()
        before = serial(server, domain)
        for _ in range(3):
            await it.repaired()
        source.service("api.shop", many(2))
        await it.current()
        assert it.outcomes == {"applied": 2}
    assert serial(server, domain) == (before or 0) + 1


def without_transfers(kind: Any, folder: Path) -> Nameserver:
    """Return a server that serves us no transfer."""
    server: Nameserver = kind.primary(folder)
    if kind is Bind:
        server.config = server.config.replace("allow-transfer { key rollcall; }", "allow-transfer { none; }")
    if kind is Knot:
        server.config = server.config.replace(f", rollcall-read-{DOMAIN}", "")
    return server


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDNS])
async def test_a_server_that_serves_no_transfer(kind, tmp_path) -> None:
    source = Source()
    source.services({f"s{number}.shop": many(3, f"10.0.{number}.1") for number in range(40)})
    with serving(without_transfers(kind, tmp_path)) as [server]:
        if isinstance(server, PowerDNS):
            server.pdnsutil("set-meta", DOMAIN, "TSIG-ALLOW-AXFR", "nobody")
        change(server, DOMAIN, lambda message: message.add("s1.shop", 5, "A", "192.0.2.1"))
        async with running(source, server) as it:
            assert f"s1.shop.{DOMAIN}" in (await it.said(UpdateReason.NAMES_TAKEN)).message
            change(server, DOMAIN, lambda message: message.delete("s1.shop", "A"))
            it.repair()
            await it.current()
            assert data(server, f"s39.shop.{DOMAIN}", "A") == {"10.0.39.1", "10.0.39.2", "10.0.39.3"}
        async with running(source, server) as it:
            await it.current()
            assert not it.outcomes
            change(server, DOMAIN, lambda message: message.delete("s2.shop", "A"))
            it.repair()
            await until(lambda: len(data(server, f"s2.shop.{DOMAIN}", "A")) == 3)
            source.remove("s3.shop")
            await it.current()
            assert data(server, f"s3.shop.{DOMAIN}", "A") == set()


async def is_right(server: Nameserver, source: Source, domain: str) -> bool:
    return await at_server(server, domain) == source.records()


async def has_markers(server: Nameserver, domain: str, count: int) -> bool:
    return len(await markers(server, domain)) == count
