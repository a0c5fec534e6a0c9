"""A worker brings services and pointers to BIND, Knot and PowerDNS, and keeps up with them."""

from ipaddress import ip_address

import pytest

from nameservers import REVERSE, REVERSE_ZONE, Bind, Knot, Nameserver, PowerDNS, data, serial, serving
from rollcall.dnswire import rdata as rd
from rollcall.dnswire.types import Type
from updates import Source, at_server, label, many, markers, running

ZONES = 9


async def test_create_change_delete(server: Nameserver, domain: str) -> None:
    source = Source(domain)
    source.service("web.shop", ["10.0.0.1", "10.0.0.2", "fd00::1"])
    async with running(source, server) as it:
        await it.current()
        assert await at_server(server, domain) == source.records()
        assert data(server, f"web.shop.{domain}", "A") == {"10.0.0.1", "10.0.0.2"}
        source.service("web.shop", ["10.0.0.2", "10.0.0.3"])
        source.service("api.shop", ["10.0.1.1"], ttl=30)
        await it.current()
        assert await at_server(server, domain) == source.records()
        source.service("api.shop", ["10.0.1.1"], ttl=5)  # nothing but the ttl
        source.remove("web.shop")
        await it.current()
        assert await at_server(server, domain) == source.records()
        assert list(await markers(server, domain)) == [f"_rollcall.api.shop.{domain}."]
        assert it.outcomes.keys() == {"applied"}


async def test_the_marker(server: Nameserver, domain: str) -> None:
    source = Source(domain, serial=5000)
    source.service("web.shop", ["10.0.0.1"])
    async with running(source, server) as it:
        await it.current()
        said = f'"heritage=rollcall" "owner=rollcall" "service=shop/web" "domain={domain}" "generation=1.%d"'
        assert await markers(server, domain) == {f"_rollcall.web.shop.{domain}.": said % source.serial}
        source.service("web.shop", ["10.0.0.2"])
        await it.current()
        assert await markers(server, domain) == {f"_rollcall.web.shop.{domain}.": said % source.serial}


@pytest.mark.parametrize("count", [1, 64, 65, 200])
async def test_sizes(server: Nameserver, domain: str, count: int) -> None:
    source = Source(domain)
    source.service("web.shop", many(count))
    async with running(source, server) as it:
        await it.current()
        assert await at_server(server, domain) == source.records()
        assert len(data(server, f"web.shop.{domain}", "A")) == min(count, 64)
        source.service("web.shop", many(count)[1:])
        await it.current()
        assert await at_server(server, domain) == source.records()


async def test_names_at_the_limits(server: Nameserver, domain: str) -> None:
    """Labels of 63 octets, a name of 255, octets that have to be escaped."""
    source = Source(domain)
    service = "s" * 63 + "." + "n" * 63
    root = source.root(service)
    longest = root
    while len(longest) < 255:
        longest = label("x" * min(63, 254 - len(longest))) + longest
    odd = label(b'_a.b "\\;@\x00\xff') + root  # BIND has rules of its own for names with addresses
    address = ip_address("10.0.0.1").packed
    source.put(
        service,
        {(root, Type.A): {address}, (longest, Type.A): {address}, (odd, Type.SRV): {rd.srv(1, 80, longest)}},
    )
    async with running(source, server) as it:
        await it.current()
        assert await at_server(server, domain) == source.records()
        assert len(source.records()) == 3
        assert len(longest) == 255
    async with running(source, server) as it:
        await it.current()
        assert not it.outcomes
        source.remove(service)
        await it.current()
        assert await at_server(server, domain) == set()


async def test_a_service_without_instances_keeps_its_marker(server: Nameserver, domain: str) -> None:
    """Its names are there, without addresses, and it comes back in one message."""
    source = Source(domain)
    source.service("web.shop", many(3))
    async with running(source, server) as it:
        await it.current()
        source.service("web.shop", [])
        await it.current()
        assert await at_server(server, domain) == set()
        assert list(await markers(server, domain)) == [f"_rollcall.web.shop.{domain}."]
        source.service("web.shop", many(2))
        await it.current()
        assert await at_server(server, domain) == source.records()
        assert it.outcomes == {"applied": 3}
    assert "".join(sorted(data(server, f"web.shop.{domain}", "A"))) == "10.0.0.110.0.0.2"


async def test_a_restart_without_a_change_sends_nothing(server: Nameserver, domain: str) -> None:
    source = Source(domain)
    source.services({f"s{number}.shop": many(5, f"10.0.{number}.1") for number in range(20)})
    async with running(source, server) as it:
        await it.current()
    before = serial(server, domain)
    async with running(source, server) as it:
        assert (await it.current()).serial == source.serial
        await it.repaired()
        assert not it.outcomes
    assert serial(server, domain) == before


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDNS])
async def test_pointers(kind, tmp_path) -> None:
    source = Source(REVERSE)
    targets = {str(address): "web.shop.k8s.example.com" for address in many(70)}
    with serving(kind.primary(tmp_path, REVERSE_ZONE)) as [server]:
        source.pointers(targets)
        async with running(source, server) as it:
            await it.current()
            assert await at_server(server, REVERSE) == source.records()
            assert len(await markers(server, REVERSE)) == 70
            source.pointers({"10.0.0.1": "other.shop.k8s.example.com", "10.0.0.2": ""})
            await it.current()
            assert await at_server(server, REVERSE) == source.records()
            assert len(await markers(server, REVERSE)) == 69
        async with running(source, server) as it:
            await it.current()
            assert not it.outcomes


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDNS])
async def test_a_service_of_5000_instances(kind, tmp_path) -> None:
    """Longer than a message, and a small service beside it doesn't wait for its end."""
    source = Source()
    source.service("huge.shop", many(5000))
    with serving(kind.primary(tmp_path)) as [server]:
        async with running(source, server) as it:
            await it.until(lambda report: it.outcomes["applied"] > 0)
            source.service("web.shop", many(2, "10.9.0.1"))
            await it.current()
            assert await at_server(server, "k8s.example.com") == source.records()
            sent = it.outcomes["applied"]
            source.service("huge.shop", many(5000)[1:])
            await it.current()
            assert it.outcomes["applied"] == sent + 1
            assert await at_server(server, "k8s.example.com") == source.records()
