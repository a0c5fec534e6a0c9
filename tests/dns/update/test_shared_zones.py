"""In a zone with records of others nothing changes but what is ours, unless it is adopted."""

from collections.abc import Iterator

import dns.update
import pytest

from nameservers import (
    DOMAIN,
    PARENT,
    SHARED,
    Bind,
    Knot,
    Nameserver,
    PowerDNS,
    data,
    records,
    send,
    serving,
)
from rollcall.publish.update.reasons import UpdateReason
from updates import Source, many, running


@pytest.fixture(params=[Bind, Knot, PowerDNS])
def server(request, tmp_path) -> Iterator[Nameserver]:
    """Start a server with a zone of others, of which our domain is a part."""
    with serving(request.param.primary(tmp_path, SHARED)) as [running]:
        yield running


def by_hand(server: Nameserver, owner: str, kind: str, *values: str) -> None:
    """Let somebody else put records below our domain."""
    message = dns.update.UpdateMessage(PARENT)
    message.add(f"{owner}.{DOMAIN}.", 300, kind, *values)
    assert send(server, message).rcode() == 0


async def test_nothing_of_others_changes(server: Nameserver) -> None:
    before = records(server, PARENT)
    source = Source()
    source.services(
        {"web.shop": many(3), "app.shop": many(2, "10.1.0.1"), "printer.k8s": many(1, "10.2.0.1")}
    )
    async with running(source, server) as it:
        said = await it.said(UpdateReason.NAMES_TAKEN)
        assert "app.shop.k8s.example.com" in said.message
        assert "printer" not in said.message
        assert not said.healthy
        now = records(server, PARENT)
        assert before < now
        assert all(
            owner.split(".", 1)[1].startswith(("web.shop.", "_tcp.web.", "printer.k8s.k8s", "_tcp.printer"))
            or owner.startswith(("web.shop.", "printer.k8s.k8s."))
            for owner, *_ in now - before
        )
        source.remove("app.shop")
        await it.current()
        source.remove("web.shop", "printer.k8s")
        await it.current()
        await it.repaired()
        assert records(server, PARENT) == before


async def test_it_takes_a_name_over_when_it_is_told_to(server: Nameserver) -> None:
    before = records(server, PARENT)
    source = Source()
    source.service("app.shop", many(2, "10.1.0.1"))
    async with running(source, server, adopt=True) as it:
        await it.current()
        assert data(server, f"app.shop.{DOMAIN}", "A") == {"10.1.0.1", "10.1.0.2"}
        assert {it for it in before if not it[0].startswith("app.shop.")} < records(server, PARENT)
        source.remove("app.shop")
        await it.current()
    assert records(server, PARENT) == {it for it in before if not it[0].startswith("app.shop.")}


async def test_a_name_that_somebody_takes_later(server: Nameserver) -> None:
    """It is left alone, also by the repair; the rest of its service is published."""
    source = Source()
    source.service("web.shop", many(2))
    async with running(source, server) as it:
        await it.current()
        by_hand(server, "10-0-0-3.web.shop", "A", "198.51.100.99")
        source.service("web.shop", many(3))
        said = await it.said(UpdateReason.NAMES_TAKEN)
        assert "10-0-0-3.web.shop.k8s.example.com" in said.message
        assert data(server, f"web.shop.{DOMAIN}", "A") == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
        await it.repaired()
        source.service("web.shop", many(4))
        await it.until(lambda report: report.serial == source.serial)
        assert data(server, f"10-0-0-3.web.shop.{DOMAIN}", "A") == {"198.51.100.99"}
        message = dns.update.UpdateMessage(PARENT)
        message.delete(f"10-0-0-3.web.shop.{DOMAIN}.", "A")
        send(server, message)
        it.repair()
        await it.current()
    assert data(server, f"10-0-0-3.web.shop.{DOMAIN}", "A") == {"10.0.0.3"}


async def test_a_name_of_others_below_a_service_that_is_new(server: Nameserver) -> None:
    by_hand(server, "db.new.shop", "A", "198.51.100.98")
    source = Source()
    source.service("new.shop", many(2))
    async with running(source, server) as it:
        assert "db.new.shop" in (await it.said(UpdateReason.NAMES_TAKEN)).message
    assert data(server, f"new.shop.{DOMAIN}", "A") == set()


async def test_records_of_other_types_beside_ours(server: Nameserver) -> None:
    source = Source()
    source.service("web.shop", many(2))
    async with running(source, server) as it:
        await it.current()
        by_hand(server, "web.shop", "TXT", "heritage=external-dns,external-dns/owner=us")
        await it.repaired()
        source.service("web.shop", many(3))
        await it.current()
        source.remove("web.shop")
        await it.current()
    assert data(server, f"web.shop.{DOMAIN}", "TXT") == {'"heritage=external-dns,external-dns/owner=us"'}


async def test_what_another_installation_has(server: Nameserver) -> None:
    source, theirs = Source(), Source()
    theirs.service("web.shop", many(2, "10.9.0.1"))
    async with running(theirs, server, identity="other") as it:
        await it.current()
    before = records(server, PARENT)
    source.service("web.shop", many(2))
    async with running(source, server) as it:
        said = await it.said(UpdateReason.OWNED_BY_ANOTHER)
        assert "other" in said.message
        assert "web.shop.k8s.example.com" in said.message
        await it.repaired()
        assert not it.outcomes
        source.service("web.shop", many(3))
        await it.until(lambda report: report.serial == source.serial)
    assert records(server, PARENT) == before


async def test_another_domain_below_ours(server: Nameserver) -> None:
    """Its units are not ours to bury, though they are of the same installation."""
    inner = Source(f"inner.{DOMAIN}")
    inner.service("web.shop", many(2, "10.9.0.1"))
    async with running(inner, server) as it:
        await it.current()
    source = Source()
    source.service("web.shop", many(2))
    async with running(source, server) as it:
        await it.current()
        await it.repaired()
        assert it.outcomes == {"applied": 1}
        assert data(server, f"web.shop.inner.{DOMAIN}", "A") == {"10.9.0.1", "10.9.0.2"}
