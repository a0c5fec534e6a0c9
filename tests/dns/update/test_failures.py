"""Each thing that can be wrong with a target has a reason of its own, and ends when it is put right."""

import asyncio
import re
import time
from collections.abc import Iterator
from types import SimpleNamespace

import dns.rcode
import pytest

from controlplane.ports import free_port
from nameservers import DOMAIN, KEY, SHARED, Bind, Knot, Nameserver, PowerDNS, data, serving
from rollcall.dnswire import tsig
from rollcall.model import KeyRing, Problem, parse_key
from rollcall.publish.update import session, worker, writer
from rollcall.publish.update.reasons import UpdateReason
from updates import Source, many, running
from updates.stub import stub

OTHER_NAME = KEY.replace(":rollcall:", ":other:")
OTHER_SECRET = KEY.replace(":cm9", ":cm8")
FEW = 10
"""Messages: a refused one is taken apart, down to single names."""

KINDS = [Bind, Knot, PowerDNS]


def shop(domain: str = DOMAIN) -> Source:
    source = Source(domain)
    source.service("web.shop", many(2))
    return source


@pytest.fixture(scope="module", params=KINDS)
def server(request, tmp_path_factory) -> Iterator[Nameserver]:
    with serving(request.param.primary(tmp_path_factory.mktemp("server"))) as [running]:
        yield running


def unsigned(server: Nameserver, reason: UpdateReason) -> UpdateReason:
    """Return what a fault of our signature looks like: PowerDNS says nothing but that it refuses."""
    return UpdateReason.UNSIGNED if isinstance(server, PowerDNS) else reason


async def test_an_unknown_key(server: Nameserver) -> None:
    async with running(shop(), server, key=OTHER_NAME) as it:
        said = await it.said(unsigned(server, UpdateReason.BAD_KEY))
        assert "other" in said.message
        it.ring = KeyRing(parse_key(KEY))
        it.worker.on_secrets_changed()
        await it.current()


async def test_another_secret(server: Nameserver) -> None:
    async with running(shop(), server, key=OTHER_SECRET) as it:
        await it.said(unsigned(server, UpdateReason.BAD_SIGNATURE))
        it.ring = KeyRing(parse_key(KEY))
        it.worker.on_secrets_changed()
        await it.current()


@pytest.mark.parametrize("offset", [-400, 400])
async def test_clocks_apart(server: Nameserver, patience: float, monkeypatch, offset: int) -> None:
    clock = SimpleNamespace(time=lambda: time.time() + offset)
    with monkeypatch.context() as patch:
        patch.setattr(tsig, "time", clock)
        async with running(shop(), server) as it:
            said = await it.said(unsigned(server, UpdateReason.CLOCK_SKEW))
            if not isinstance(server, PowerDNS):
                seconds, where = re.findall(r"its clock is (\d+) s (behind|ahead of) ours", said.message)[0]
                assert where == ("behind" if offset > 0 else "ahead of")
                assert int(seconds) == pytest.approx(abs(offset), abs=patience), "its answer was on its way"


@pytest.mark.parametrize("wrong", [OTHER_NAME, OTHER_SECRET])
async def test_the_server_has_the_previous_key_still(server: Nameserver, wrong: str) -> None:
    source = shop()
    async with running(source, server, key=KeyRing(parse_key(wrong), parse_key(KEY))) as it:
        assert "previous" in (await it.current()).message
        source.service("web.shop", many(3))
        await it.current()
        it.ring = KeyRing(parse_key(KEY), parse_key(wrong))
        it.worker.on_secrets_changed()
        await it.until(lambda report: report.message == "")
        source.service("web.shop", many(4))
        assert (await it.current()).message == ""


async def test_a_key_that_goes_while_it_runs(server: Nameserver) -> None:
    source = shop()
    async with running(source, server) as it:
        await it.current()
        it.ring = Problem("KeyMissing", "There is no Secret.")
        it.worker.on_secrets_changed()
        assert (await it.said("KeyMissing")).message == "There is no Secret."
        it.ring = KeyRing(parse_key(KEY))
        it.worker.on_secrets_changed()
        await it.current()


async def test_no_zone(server: Nameserver) -> None:
    async with running(shop("elsewhere.example.org"), server) as it:
        assert "elsewhere.example.org" in (await it.said(UpdateReason.NOT_AUTH)).message


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_that_may_write_nothing(kind, tmp_path) -> None:
    before = kind.primary(tmp_path)
    granted = "update-type: [A, AAAA, SRV, TXT]" if kind is Knot else "A AAAA SRV TXT"
    before.config = before.config.replace(
        granted, granted.replace("A, AAAA, SRV, TXT", "MX").replace("A AAAA SRV TXT", "MX")
    )
    with serving(before) as [server]:
        if isinstance(server, PowerDNS):
            server.pdnsutil("set-meta", DOMAIN, "TSIG-ALLOW-DNSUPDATE", "nobody")
        async with running(shop(), server) as it:
            assert DOMAIN in (await it.said(UpdateReason.REFUSED)).message
            assert it.outcomes.keys() == {"refused"}


async def test_a_server_that_acknowledges_and_writes_nothing(tmp_path) -> None:
    """PowerDNS with a script that doesn't grant the names."""
    with serving(PowerDNS.primary(tmp_path, SHARED)) as [server]:
        async with running(shop("other.example.com"), server) as it:
            assert "writes nothing" in (await it.said(UpdateReason.REFUSED)).message


async def test_nobody_there() -> None:
    async with running(shop(), ("127.0.0.1", free_port())) as it:
        assert "check the address" in (await it.said(UpdateReason.UNREACHABLE)).message


async def test_a_host_that_has_no_address() -> None:
    async with running(shop(), ("host.invalid", 53)) as it:
        await it.said(UpdateReason.UNREACHABLE)


async def test_silence(tmp_path, monkeypatch) -> None:
    with serving(Knot.primary(tmp_path)) as [server]:
        source = shop()
        async with running(source, server) as it:
            await it.current()
            server.pause()
            with monkeypatch.context() as patch:
                for module in (session, writer):
                    patch.setattr(module, "TIMEOUT_SECONDS", 0.5)
                source.service("web.shop", many(3))
                await it.said(UpdateReason.TIMED_OUT)
            server.resume()
            await it.current()
            assert len(data(server, f"web.shop.{DOMAIN}", "A")) == 3


async def test_a_restart_of_the_server(tmp_path) -> None:
    with serving(Bind.primary(tmp_path)) as [server]:
        source = shop()
        async with running(source, server) as it:
            await it.current()
            await asyncio.to_thread(server.restart)
            source.service("web.shop", many(3))
            await it.current()
            assert len(data(server, f"web.shop.{DOMAIN}", "A")) == 3
            assert it.outcomes["unknown"] == 0


@pytest.mark.parametrize(
    ("rcode", "reason"),
    [
        (dns.rcode.SERVFAIL, UpdateReason.SERV_FAIL),
        (dns.rcode.NOTZONE, UpdateReason.NOT_ZONE),
        (dns.rcode.NOTAUTH, UpdateReason.NOT_AUTH),
        (dns.rcode.NOTIMP, UpdateReason.REFUSED),
        (dns.rcode.FORMERR, UpdateReason.REJECTED),
        (dns.rcode.YXDOMAIN, UpdateReason.REJECTED),
    ],
)
async def test_codes(rcode: dns.rcode.Rcode, reason: UpdateReason, monkeypatch) -> None:
    """A server that answers so to everything is asked a few times, and then there is a rest."""
    monkeypatch.setattr(worker, "FIRST_RETRY_SECONDS", worker.LAST_RETRY_SECONDS)
    async with (
        stub(DOMAIN, lambda request: rcode) as server,
        running(shop(), ("127.0.0.1", server.port)) as it,
    ):
        await it.said(reason)
        assert server.updates <= FEW


async def test_an_answer_that_is_no_message() -> None:
    async with (
        stub(DOMAIN, lambda request: request.id.to_bytes(2, "big") + b"HTTP/1.1 400") as server,
        running(shop(), ("127.0.0.1", server.port)) as it,
    ):
        await it.said(UpdateReason.MALFORMED)
