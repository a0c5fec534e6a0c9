"""The newest leader's writes stand; a write whose answer is lost is made once."""

from contextlib import AsyncExitStack

import dns.opcode
import dns.update
import pytest

from nameservers import Delay, Fault, FaultProxy, Nameserver, send
from rollcall.publish.update.reasons import UpdateReason
from updates import Fence, Running, Source, at_server, many, markers, running
from waiting import until

ZONES = 15
LOST = [Fault.DUPLICATE, Fault.RESET, Fault.CUT_REQUEST, Fault.CUT_ANSWER, Fault.ANSWER_LOST]


class Deposed(Fence):
    """Says that it leads, until it is asked to make sure."""

    async def confirm(self) -> bool:
        self.confirmed += 1
        self.leading = False
        return False


async def generations(server: Nameserver, domain: str) -> list[str]:
    """Return the generations in markers."""
    found = await markers(server, domain)
    return [marker.partition('"generation=')[2].rstrip('"') for _, marker in sorted(found.items())]


async def test_a_new_leader(server: Nameserver, domain: str) -> None:
    source = Source(domain)
    source.service("web.shop", many(2))
    async with running(source, server, fence=Fence(3)) as it:
        await it.current()
    async with running(source, server, fence=Fence(4)) as it:
        await it.current()
        assert await generations(server, domain) == [f"3.{source.serial}"]
        source.service("web.shop", many(3))
        await it.current()
        assert await generations(server, domain) == [f"4.{source.serial}"]
        assert it.fence.confirmed == 0


async def test_a_deposed_writer_is_refused_and_stops(server: Nameserver, domain: str) -> None:
    old, new = Source(domain), Source(domain, serial=2_000_000)
    for source in (old, new):
        source.service("web.shop", many(2))
    deposed = Deposed(1)
    async with AsyncExitStack() as stack:
        it = await stack.enter_async_context(running(old, server, fence=deposed))
        await it.current()
        other = await stack.enter_async_context(running(new, server, fence=Fence(2)))
        await other.current()
        new.service("web.shop", many(5))
        await other.current()
        old.service("web.shop", many(1))
        await it.said(UpdateReason.DEPOSED)
        assert it.outcomes["conflict"] == 1
        assert await at_server(server, domain) == new.records()
        assert await generations(server, domain) == [f"2.{new.serial}"]
        new.service("web.shop", many(4))
        await other.current()
        assert await at_server(server, domain) == new.records()


async def test_a_leader_that_finds_a_higher_epoch_goes_on_above_it(server: Nameserver, domain: str) -> None:
    """The Lease was deleted and begun anew: epochs start from 0."""
    source = Source(domain)
    source.service("web.shop", many(2))
    async with running(source, server, fence=Fence(7)) as it:
        await it.current()
    source.service("web.shop", many(3))
    async with running(source, server, fence=Fence(0)) as it:
        await it.current()
        assert it.fence.raised == [7]
        assert await at_server(server, domain) == source.records()
        assert await generations(server, domain) == [f"8.{source.serial}"]


async def test_two_writers_of_one_epoch(server: Nameserver, domain: str) -> None:
    """Without an election: who finds the other's write raises its epoch, and its view is what stands."""
    one, two = Source(domain), Source(domain, serial=2_000_000)
    for source in (one, two):
        source.service("web.shop", many(2))
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(one, server))
        await first.current()
        second = await stack.enter_async_context(running(two, server))
        await second.current()
        two.service("web.shop", many(5))
        await second.current()
        one.service("web.shop", many(3))
        await first.current()
        assert first.fence.raised == [1]
        await until(lambda: is_right(server, one, domain))


async def test_a_marker_that_no_leader_can_have_written(server: Nameserver, domain: str) -> None:
    """It is reported, and its service left alone; the others go on. Without the marker it is taken over."""
    source = Source(domain)
    source.services({"web.shop": many(2), "api.shop": many(2, "10.1.0.1")})
    generation = f"{10**18 - 1}.{10**18 - 1}"
    planted = f'heritage=rollcall owner=rollcall service=shop/web "domain={domain}" generation={generation}'

    def plant(text: str) -> None:
        message = dns.update.UpdateMessage(domain)
        message.delete("_rollcall.web.shop", "TXT")
        if text:
            message.add("_rollcall.web.shop", 5, "TXT", text)
        assert send(server, message).rcode() == 0

    async with running(source, server) as it:
        await it.current()
        plant(planted)
        source.services({"web.shop": many(3), "api.shop": many(3, "10.1.0.1")})
        said = await it.said(UpdateReason.IMPLAUSIBLE_MARKER)
        assert f"`update delete _rollcall.web.shop.{domain}. TXT`" in said.message
        others = Source(domain)
        others.services({"web.shop": many(2), "api.shop": many(3, "10.1.0.1")})
        await until(lambda: is_right(server, others, domain))
        assert it.fence.raised == []
        plant("")
        it.repair()
        await it.current()
        assert await at_server(server, domain) == source.records()
        assert sorted(await generations(server, domain)) == [f"1.{source.serial}"] * 2


async def test_a_withdrawn_service_with_such_a_marker_is_said_and_stays(
    server: Nameserver, domain: str
) -> None:
    """Until the marker is deleted: then it goes, as it should have."""
    source = Source(domain)
    source.services({"web.shop": many(2), "api.shop": many(2, "10.1.0.1")})
    generation = f"{10**18 - 1}.{10**18 - 1}"
    planted = f'heritage=rollcall owner=rollcall service=shop/web "domain={domain}" generation={generation}'
    replace = dns.update.UpdateMessage(domain)
    replace.replace("_rollcall.web.shop", 5, "TXT", planted)
    delete = dns.update.UpdateMessage(domain)
    delete.delete("_rollcall.web.shop", "TXT")
    async with running(source, server) as it:
        await it.current()
        before = await at_server(server, domain)
        assert send(server, replace).rcode() == 0
        await it.repaired()
        source.remove("web.shop")
        said = await it.said(UpdateReason.IMPLAUSIBLE_MARKER)
        assert f"web.shop.{domain}" in said.message
        assert await at_server(server, domain) == before
        assert send(server, delete).rcode() == 0
        it.repair()
        await it.current()
        await until(lambda: is_right(server, source, domain))


async def test_one_that_does_not_lead_writes_nothing(server: Nameserver, domain: str) -> None:
    source = Source(domain)
    source.service("web.shop", many(2))
    fence = Fence()
    fence.leading = False
    async with running(source, server, fence=fence) as it:
        await it.said(UpdateReason.DEPOSED)
        assert not it.outcomes
        fence.leading = True
        await it.current()


async def test_a_restored_server_is_brought_up_again(server: Nameserver, domain: str) -> None:
    """Its markers are those of an old backup: generations below ours."""
    source = Source(domain)
    source.service("web.shop", many(2))
    async with running(source, server, fence=Fence(5)) as it:
        await it.current()
        async with running(Source(domain), server, fence=Fence(1)) as other:
            await other.until(lambda report: bool(other.outcomes) or report.serial > 0)
        source.service("web.shop", many(3))
        await it.current()
        assert await at_server(server, domain) == source.records()


@pytest.mark.parametrize("fault", LOST)
async def test_a_write_that_goes_wrong(
    server: Nameserver, domain: str, proxy: FaultProxy, fault: Fault
) -> None:
    source = Source(domain)
    source.service("web.shop", many(2))
    async with running(source, ("127.0.0.1", proxy.port)) as it:
        await it.current()
        sent = updates(proxy)
        proxy.inject(fault, dns.opcode.UPDATE)
        source.service("web.shop", many(3))
        await it.current()
        assert await at_server(server, domain) == source.records()
        assert it.fence.confirmed == 0
        if fault in (Fault.CUT_ANSWER, Fault.ANSWER_LOST):
            assert updates(proxy) == sent + 1  # it was found to have had effect
        assert UpdateReason.DEPOSED not in {report.reason for report in it.reports}


async def test_a_connection_that_was_closed_while_idle(
    server: Nameserver, domain: str, proxy: FaultProxy
) -> None:
    source = Source(domain)
    source.service("web.shop", many(2))
    async with running(source, ("127.0.0.1", proxy.port)) as it:
        await it.current()
        before = proxy.connections
        proxy.disconnect()
        await until(lambda: not is_open(it))
        source.service("web.shop", many(3))
        await it.current()
        assert proxy.connections == before + 1
        assert it.outcomes == {"applied": 2}


async def test_changes_while_a_message_is_under_way(
    server: Nameserver, domain: str, proxy: FaultProxy
) -> None:
    """They go with the next one, all together."""
    source = Source(domain)
    source.services({f"s{number}.shop": many(2) for number in range(30)})
    async with running(source, ("127.0.0.1", proxy.port)) as it:
        await it.current()
        sent = updates(proxy)
        proxy.inject(Delay(0.3), dns.opcode.UPDATE)
        for number in range(30):
            source.service(f"s{number}.shop", many(3))
            if number == 0:
                await proxy.until(lambda: len(proxy.requests) > 0 and updates(proxy) == sent + 1)
        await it.current()
        assert updates(proxy) == sent + 2
        assert await at_server(server, domain) == source.records()


async def is_right(server: Nameserver, source: Source, domain: str) -> bool:
    return await at_server(server, domain) == source.records()


def updates(proxy: FaultProxy) -> int:
    """Return how many updates were sent."""
    return sum(1 for each in proxy.requests if each[2] >> 3 & 15 == dns.opcode.UPDATE)


def is_open(it: Running) -> bool:
    session = it.worker._writer._session
    return session is not None and session.usable
