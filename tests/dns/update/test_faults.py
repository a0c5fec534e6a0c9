"""Whatever happens to messages between us and the server: each change is written once, and none is lost."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import dns.opcode
import dns.rcode
import dns.update
import pytest

from nameservers import Delay, Fault, FaultProxy, Nameserver, send, serial
from rollcall.publish.update import worker
from rollcall.publish.update.reasons import UpdateReason
from rollcall.zone.names import to_text
from updates import Running, Source, at_server, many, running

ZONES = 26
FAULTS = [*Fault, Delay(0.1)]
LONG = 30
"""How many changes a sequence has."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_RETRY_SECONDS", 0.02)


@pytest.fixture
async def proxy(
    server: Nameserver, patience: float, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FaultProxy]:
    """Run a proxy. Where it drops a request, the time passes at once that an answer would be waited for."""
    loop = asyncio.get_running_loop()
    time, passed = loop.time, 0.0
    async with FaultProxy(server.address, server.port) as running:
        fate = running.fate

        def noted(request: bytes) -> Fault | Delay:
            nonlocal passed
            what = fate(request)
            if what is Fault.DROP:
                passed += patience
            return what

        monkeypatch.setattr(loop, "time", lambda: time() + passed)
        monkeypatch.setattr(running, "fate", noted)
        yield running


class Steps:
    """Makes changes one after the other; each is to raise the zone's serial by one, whatever goes wrong."""

    def __init__(self, server: Nameserver, source: Source, it: Running) -> None:
        self.server = server
        self.source = source
        self.it = it
        self.domain = to_text(source.apex)
        self.before = serial(server, self.domain)
        self.made = 0

    async def make(self, random: Random) -> None:
        """Change one of some services."""
        name = f"s{random.randrange(5)}.shop"
        before = self.source.records()
        while self.source.records() == before:
            self.source.service(name, random.sample(many(8), random.randint(0, 4)))
        self.made += 1
        await self.it.current()

    async def check(self) -> None:
        assert await at_server(self.server, self.domain) == self.source.records()
        assert serial(self.server, self.domain) == (self.before or 0) + self.made


async def begin(server: Nameserver, source: Source, it: Running) -> Steps:
    await it.current()
    return Steps(server, source, it)


def filled(domain: str) -> Source:
    source = Source(domain)
    source.services({f"s{number}.shop": many(3) for number in range(5)})
    return source


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_an_update_that_goes_wrong(
    server: Nameserver, domain: str, proxy: FaultProxy, fault: Fault | Delay
) -> None:
    source = filled(domain)
    async with running(source, ("127.0.0.1", proxy.port)) as it:
        steps = await begin(server, source, it)
        for number in range(3):
            proxy.inject(fault, dns.opcode.UPDATE)
            await steps.make(Random(number))
            await steps.check()
        assert it.fence.confirmed == 0
        assert all(report.healthy for report in it.reports)  # one loss is no news


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_question_that_goes_wrong_after_that(
    server: Nameserver, domain: str, proxy: FaultProxy, fault: Fault | Delay
) -> None:
    """The answer to an update is lost, and then so are those to the questions what has become of it."""
    source = filled(domain)
    async with running(source, ("127.0.0.1", proxy.port)) as it:
        steps = await begin(server, source, it)
        proxy.inject(Fault.ANSWER_LOST, dns.opcode.UPDATE)
        proxy.inject(fault, dns.opcode.QUERY, times=2)
        await steps.make(Random(1))
        await steps.check()


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CUT_ANSWER], ids=str)
async def test_a_question_that_goes_wrong_after_a_conflict(
    server: Nameserver, domain: str, proxy: FaultProxy, fault: Fault
) -> None:
    """Somebody has deleted a marker; what has made the next update fail can't be asked at first."""
    source = filled(domain)
    async with running(source, ("127.0.0.1", proxy.port)) as it:
        await it.current()
        message = dns.update.UpdateMessage(domain)
        message.delete("_rollcall.s0.shop", "TXT")
        assert send(server, message).rcode() == dns.rcode.NOERROR
        proxy.inject(fault, dns.opcode.QUERY)
        source.service("s0.shop", many(5))
        await it.current()
        assert it.outcomes["conflict"]
        assert await at_server(server, domain) == source.records()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.DROP, UpdateReason.TIMED_OUT),
        (Fault.RESET, UpdateReason.UNREACHABLE),
        (Fault.CUT_REQUEST, UpdateReason.UNREACHABLE),
        (Fault.CUT_ANSWER, UpdateReason.UNREACHABLE),
        (Fault.ANSWER_LOST, UpdateReason.UNREACHABLE),
    ],
    ids=str,
)
async def test_a_line_that_stays_broken(
    server: Nameserver, domain: str, proxy: FaultProxy, fault: Fault, reason: UpdateReason
) -> None:
    """It is said, and it ends when the line is well again."""
    source = filled(domain)
    async with running(source, ("127.0.0.1", proxy.port)) as it:
        steps = await begin(server, source, it)
        proxy.default = fault
        proxy.disconnect()
        source.service("s0.shop", many(5))
        steps.made += 1
        said = await it.said(reason)
        assert not said.healthy
        assert str(proxy.port) in said.message
        proxy.default = Fault.PASS
        proxy.disconnect()
        await it.current()
        await steps.check()


@pytest.mark.parametrize("seed", range(3))
async def test_many_changes_and_faults(server: Nameserver, domain: str, proxy: FaultProxy, seed: int) -> None:
    random = Random(seed)
    source = filled(domain)
    async with running(source, ("127.0.0.1", proxy.port)) as it:
        steps = await begin(server, source, it)
        for _ in range(LONG):
            if random.random() < 0.7:
                opcode = random.choice((dns.opcode.UPDATE, None))
                proxy.inject(random.choice([each for each in FAULTS if each is not Fault.DROP]), opcode)
            await steps.make(random)
            await steps.check()
