"""A name that the server doesn't take delays no other, and is tried again."""

from pathlib import Path
from typing import Any

import dns.opcode
import pytest

from nameservers import DOMAIN, SHARED, Bind, Fault, FaultProxy, Knot, Nameserver, PowerDNS, data, serving
from rollcall.dnswire.types import Type
from rollcall.publish.update import rejections, worker
from rollcall.publish.update.reasons import UpdateReason
from rollcall.zone.names import from_text
from updates import Source, at_server, label, many, running


@pytest.mark.parametrize("kind", [Bind, Knot])
async def test_a_type_that_is_not_granted(kind, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(rejections, "FIRST_RETRY_SECONDS", 3600.0)  # the test counts what is refused
    source = Source()
    services = {f"s{number}.shop": many(3, f"10.0.{number}.1") for number in range(50)}
    source.services(services)
    bad = source.root("bad.shop")
    source.put("bad.shop", {(bad, Type.PTR): {from_text("x.example.com")}})
    with serving(kind.primary(tmp_path)) as [server]:
        async with running(source, server) as it:
            said = await it.said(UpdateReason.REJECTED)
            assert f"bad.shop.{DOMAIN}" in said.message
            assert said.serial == source.serial
            wanted = {each for each in source.records() if each[2] != "PTR"}
            assert await at_server(server, DOMAIN) == wanted
            assert it.outcomes["refused"] < 20
            refused = it.outcomes["refused"]
            source.service("s7.shop", many(5))
            await it.until(lambda report: report.serial == source.serial)
            assert it.outcomes["refused"] == refused
            source.remove("bad.shop")
            await it.current()


async def test_a_name_that_one_server_does_not_take(tmp_path) -> None:
    """BIND has rules for names with addresses: one is left out of a service, the others are not."""
    source = Source()
    root = source.root("web.shop")
    odd = label(b"not a host") + root
    address = b"\x0a\0\0\1"
    fine = [label(f"i{number}") + root for number in range(20)]
    source.put("web.shop", {(owner, Type.A): {address} for owner in (root, odd, *fine)})
    with serving(Bind.primary(tmp_path)) as [server]:
        async with running(source, server) as it:
            assert r"not\032a\032host.web.shop" in (await it.said(UpdateReason.REJECTED)).message
            assert len(await at_server(server, DOMAIN)) == 21
            assert data(server, f"i19.web.shop.{DOMAIN}", "A") == {"10.0.0.1"}
            source.put("web.shop", {(owner, Type.A): {address} for owner in (root, *fine)})
            await it.current()


async def test_a_question_about_a_refused_name_that_goes_wrong(tmp_path) -> None:
    """It is refused again, and said; it is not forgotten."""
    source = Source()
    source.service("web.shop", many(2))
    bad = source.root("bad.shop")
    with serving(Bind.primary(tmp_path)) as [server]:
        async with (
            FaultProxy(server.address, server.port) as proxy,
            running(source, ("127.0.0.1", proxy.port)) as it,
        ):
            await it.current()
            proxy.inject(Fault.RESET, dns.opcode.QUERY)
            source.put("bad.shop", {(bad, Type.PTR): {from_text("x.example.com")}})
            said = await it.until(lambda report: report.serial == source.serial)
            assert said.reason == UpdateReason.REJECTED


def without_a_namespace(kind: Any, folder: Path) -> Nameserver:
    """Return a server where our key may not write below bad.DOMAIN."""
    server: Nameserver = kind.primary(folder, SHARED) if kind is PowerDNS else kind.primary(folder)
    if kind is Bind:
        server.config = server.config.replace(
            "update-policy { ", f"update-policy {{ deny rollcall subdomain bad.{DOMAIN} ANY; "
        )
    elif kind is Knot:
        server.config = server.config.replace(
            f"update-owner-name: {DOMAIN}.", f"update-owner-name: shop.{DOMAIN}."
        )
    else:
        script = server._files["rollcall.lua"]
        refused = f'  if name:isPartOf(newDN("bad.{DOMAIN}")) then return false end\n'
        server._files["rollcall.lua"] = script.replace(
            "  local name = update:getQName()\n", "  local name = update:getQName()\n" + refused
        )
    return server


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDNS])
async def test_services_that_are_refused_delay_no_other(kind: Any, tmp_path: Path, monkeypatch) -> None:
    """There are many of them, and they come first. A rest would take longer than the test waits."""
    monkeypatch.setattr(worker, "FIRST_RETRY_SECONDS", 10 * worker.LAST_RETRY_SECONDS)
    monkeypatch.setattr(worker, "LAST_RETRY_SECONDS", 10 * worker.LAST_RETRY_SECONDS)
    source = Source()
    source.services({f"s{number}.bad": many(3) for number in range(6)} | {"api.shop": many(2)})
    with serving(without_a_namespace(kind, tmp_path)) as [server]:
        async with running(source, server) as it:
            said = await it.said(UpdateReason.REJECTED)
            assert f".bad.{DOMAIN}" in said.message
            for number in range(3, 6):
                source.service("api.shop", many(number))
                source.service("s0.bad", many(number))
                await it.until(lambda report: report.serial == source.serial)
                assert len(data(server, f"api.shop.{DOMAIN}", "A")) == number
            assert {report.reason for report in it.reports} <= {"Behind", UpdateReason.REJECTED}
            source.remove(*(f"s{number}.bad" for number in range(6)))
            await it.current()


@pytest.mark.parametrize("kind", [Bind, Knot, PowerDNS])
async def test_a_service_that_comes_where_all_others_are_refused(
    kind: Any, tmp_path: Path, monkeypatch
) -> None:
    """It ends the rest of the target: what is new may be taken."""
    monkeypatch.setattr(worker, "FIRST_RETRY_SECONDS", 10 * worker.LAST_RETRY_SECONDS)
    monkeypatch.setattr(worker, "LAST_RETRY_SECONDS", 10 * worker.LAST_RETRY_SECONDS)
    source = Source()
    source.services({f"s{number}.bad": many(3) for number in range(4)})
    with serving(without_a_namespace(kind, tmp_path)) as [server]:
        async with running(source, server) as it:
            await it.said(UpdateReason.REFUSED)
            source.service("api.shop", many(2))
            await it.until(
                lambda report: (report.reason, report.serial) == (UpdateReason.REJECTED, source.serial)
            )
            assert len(data(server, f"api.shop.{DOMAIN}", "A")) == 2
