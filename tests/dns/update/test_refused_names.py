"""A name that the server doesn't take delays no other, and is tried again."""

import pytest

from nameservers import DOMAIN, Bind, Knot, data, serving
from rollcall.dnswire.types import Type
from rollcall.publish.update.reasons import Reason
from rollcall.zone.names import from_text
from updates import Source, at_server, label, many, running


@pytest.mark.parametrize("kind", [Bind, Knot])
async def test_a_type_that_is_not_granted(kind, tmp_path) -> None:
    source = Source()
    services = {f"s{number}.shop": many(3, f"10.0.{number}.1") for number in range(50)}
    source.services(services)
    bad = source.root("bad.shop")
    source.put("bad.shop", {(bad, Type.PTR): {from_text("x.example.com")}})
    with serving(kind.primary(tmp_path)) as [server]:
        async with running(source, server) as it:
            said = await it.said(Reason.REJECTED)
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
            assert r"not\032a\032host.web.shop" in (await it.said(Reason.REJECTED)).message
            assert len(await at_server(server, DOMAIN)) == 21
            assert data(server, f"i19.web.shop.{DOMAIN}", "A") == {"10.0.0.1"}
            source.put("web.shop", {(owner, Type.A): {address} for owner in (root, *fine)})
            await it.current()
