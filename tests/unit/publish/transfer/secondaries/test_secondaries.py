"""Secondaries as a whole: what is reported of them, and what follows from their serials. Time is virtual."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest

from rollcall.dnswire.header import Opcode, Rcode
from rollcall.dnswire.message import Message
from rollcall.feed.frames import SecondaryState, TransferSettings, TransferZone
from rollcall.model import KeyRing, Secondary
from rollcall.publish.transfer.journal.zones import TransferZones
from rollcall.publish.transfer.secondaries import secondaries as module
from rollcall.publish.transfer.secondaries.catalog import Catalogs
from rollcall.publish.transfer.secondaries.exchange import ServerAddress
from rollcall.publish.transfer.secondaries.secondaries import Secondaries
from rollcall.publish.transfer.secondaries.secondary_watch import STUCK_SECONDS
from rollcall.publish.transfer.secondaries.serial_query import SerialQuery
from rollcall.zone.names import from_text, to_text
from transfers.source import ZoneSource
from unit.publish.transfer.journal.feeding import load, unfiled
from unit.publish.transfer.secondaries.secondary import (
    APEX,
    KEY,
    ScriptedExchange,
    response,
    transfer_zone,
)

pytestmark = pytest.mark.looptime

NS1 = Secondary("ns1", "192.0.2.1")
NS2 = Secondary("ns2", "192.0.2.2")


class Servers:
    """Secondaries that answer for zones; `on_notify` is what a NOTIFY does to one, after a while."""

    def __init__(self) -> None:
        self.serials: dict[tuple[str, bytes], int] = {}
        self.codes: dict[Opcode, Rcode] = {}
        self.transfers_after: float | None = 0.01
        self.silent: set[Opcode] = set()
        self.notifies: list[tuple[float, str, bytes]] = []
        self.polls = Counter[str]()
        self.answer: Callable[[ServerAddress, Message], bytes | None] = self.usual

    def usual(self, endpoint: ServerAddress, request: Message) -> bytes | None:
        apex = request.questions[0].name
        opcode = Opcode(request.opcode)
        if opcode is Opcode.NOTIFY:
            loop = asyncio.get_running_loop()
            self.notifies.append((loop.time(), endpoint.address, apex))
            if self.transfers_after is not None and opcode not in self.codes:
                told = int.from_bytes(request.answers[0].data[-20:-16], "big")
                loop.call_later(
                    self.transfers_after, self.serials.__setitem__, (endpoint.address, apex), told
                )
        else:
            self.polls[endpoint.address] += 1
        if opcode in self.silent:
            return None
        if opcode in self.codes:
            return response(request, rcode=self.codes[opcode])
        if opcode is Opcode.NOTIFY:
            return response(request)
        serial = self.serials.get((endpoint.address, apex))
        return response(request, rcode=Rcode.SERVFAIL if serial is None else Rcode.NOERROR, serial=serial)


class _Exchange(ScriptedExchange):
    def __init__(self, servers: Servers) -> None:
        super().__init__(lambda wire, request: None)
        self._servers = servers

    def send(self, wire: bytes, endpoint: ServerAddress) -> None:
        self.answer = lambda wire, request: self._servers.answer(endpoint, request)
        super().send(wire, endpoint)


class NotedZones(TransferZones):
    """Zones that note the serials which they are to go beyond."""

    def __init__(self) -> None:
        super().__init__(unfiled())
        self.overtaken: list[tuple[bytes, int]] = []

    def overtake(self, apex: bytes, serial: int) -> None:
        self.overtaken.append((apex, serial))
        super().overtake(apex, serial)


class Primary:
    def __init__(self, *zones: TransferZone, serial: int = 5) -> None:
        self.zones = NotedZones()
        self.zones.configure(TransferSettings(True, zones, {}))
        self.sources = {zone.apex: ZoneSource(to_text(zone.apex), serial) for zone in zones}
        load(self.zones, *self.sources.values())
        self.servers = Servers()
        self.states: list[SecondaryState] = []
        self.counts = Counter[str]()
        self.problems: dict[bytes, str] = {}
        self.is_catalog: Callable[[bytes], bool] = lambda apex: False
        self.secondaries: Secondaries

    def set(self, *zones: TransferZone, leading: bool = True, keys: dict[str, KeyRing] | None = None) -> None:
        self.zones.configure(TransferSettings(leading, zones, keys or {}))

    def change(self, serial: int | None = None) -> None:
        self.zones.apply_delta(self.sources[APEX].put({}, serial=serial))

    def report(self, state: SecondaryState) -> None:
        self.states.append(state)

    def count(self, outcome: str) -> None:
        self.counts[outcome] += 1

    @property
    def last(self) -> SecondaryState:
        return self.states[-1]


@contextlib.asynccontextmanager
async def running(primary: Primary) -> AsyncIterator[Primary]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "Exchange", lambda sock=None: _Exchange(primary.servers))

        class Known(Catalogs):
            problems = primary.problems

            def is_catalog(self, apex: bytes) -> bool:
                return primary.is_catalog(apex)

        catalogs = object.__new__(Known)
        primary.secondaries = Secondaries(primary.zones, primary.report, primary.count, catalogs)
    primary.zones.on_settings.append(primary.secondaries.on_settings)
    primary.zones.on_version.append(primary.secondaries.on_version)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(primary.secondaries.run())
        yield primary
        task.cancel()


async def test_a_secondary_follows_and_is_current() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        await asyncio.sleep(10)
        assert (primary.last.apex, primary.last.name, primary.last.serial) == (APEX, "ns1", 5)
        assert primary.last.reason == "Current"

        primary.change()
        await asyncio.sleep(0.1)
        assert (primary.last.serial, primary.last.reason) == (6, "Current")


async def test_at_rest_there_is_a_report_each_15_s_and_nothing_else() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        await asyncio.sleep(10)
        notifies, states = len(primary.servers.notifies), len(primary.states)
        await asyncio.sleep(600)

        assert len(primary.servers.notifies) == notifies
        assert 35 <= len(primary.states) - states <= 45
        assert len({state.at for state in primary.states[states:]}) == 1


async def test_a_burst_is_few_messages_and_few_reports() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1, NS2))) as primary:
        await asyncio.sleep(60)
        notifies, states, polls = (
            len(primary.servers.notifies),
            len(primary.states),
            sum(primary.servers.polls.values()),
        )
        for _ in range(500):
            primary.change()
            await asyncio.sleep(0.002)
        await asyncio.sleep(1)

        assert len(primary.servers.notifies) - notifies <= 2 * 12
        assert len(primary.states) - states <= 2 * 8
        assert sum(primary.servers.polls.values()) - polls <= 2 * 8
        assert {state.serial for state in primary.states[-2:]} == {505}


async def test_a_notify_that_is_lost_is_made_good() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        await asyncio.sleep(20)
        primary.servers.silent.add(Opcode.NOTIFY)
        primary.servers.transfers_after = None
        primary.change()
        await asyncio.sleep(0.5)
        primary.servers.silent.clear()
        primary.servers.transfers_after = 0.01
        await asyncio.sleep(2)

        assert (primary.last.serial, primary.last.reason) == (6, "Current")


async def test_a_transfer_that_failed_is_asked_for_again() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        await asyncio.sleep(20)
        primary.servers.transfers_after = None  # it answers the NOTIFY, and then its transfer fails
        primary.change()
        await asyncio.sleep(3)
        assert primary.last.reason == "Behind"
        primary.servers.transfers_after = 0.01
        await asyncio.sleep(20)

        assert (primary.last.serial, primary.last.reason) == (6, "Current")


async def test_one_that_gets_no_further_is_trouble_after_a_minute() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        await asyncio.sleep(3600)
        primary.servers.transfers_after = None
        primary.change()
        await asyncio.sleep(STUCK_SECONDS / 2)
        assert primary.last.reason == "Behind"
        await asyncio.sleep(STUCK_SECONDS)
        assert primary.last.reason == "NotTransferring"
        assert "log" in primary.last.message

        primary.servers.transfers_after = 0.01
        primary.change()
        await asyncio.sleep(2)
        assert primary.last.reason == "Current"


async def test_one_that_takes_no_notify_but_polls_is_well() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        primary.servers.silent.add(Opcode.NOTIFY)
        primary.servers.transfers_after = 5  # its refresh
        await asyncio.sleep(60)
        primary.change()
        await asyncio.sleep(3)
        assert primary.last.reason == "Behind"
        assert "NOTIFY" in primary.last.message
        await asyncio.sleep(20)
        assert (primary.last.serial, primary.last.reason) == (6, "Current")


async def test_a_newer_serial_is_reported_and_told_to_who_can_go_beyond_it() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        primary.servers.transfers_after = None
        primary.servers.serials["192.0.2.1", APEX] = 4_000_000
        with pytest.MonkeyPatch.context() as patch:
            asked = []

            async def over_tcp(self, key) -> int:
                asked.append(key)
                return 4_000_000

            patch.setattr(
                "rollcall.publish.transfer.secondaries.serial_query.SerialQuery._over_tcp", over_tcp
            )
            await asyncio.sleep(2)

        assert (primary.last.serial, primary.last.reason) == (4_000_000, "Ahead")
        assert primary.zones.overtaken[0] == (APEX, 4_000_000)
        assert asked  # a datagram could be forged

        primary.servers.transfers_after = 0.01
        primary.change(4_000_001)
        await asyncio.sleep(2)
        assert (primary.last.serial, primary.last.reason) == (4_000_001, "Current")


async def test_a_serial_that_no_clock_explains_is_said_and_not_followed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    far = int(time.time()) + (1 << 31) - 5

    async def over_tcp(self: SerialQuery, key: object) -> int:
        return far

    monkeypatch.setattr(SerialQuery, "_over_tcp", over_tcp)
    async with running(Primary(transfer_zone("k8s.example.com", NS1), serial=int(time.time()))) as primary:
        primary.servers.transfers_after = None
        primary.servers.serials["192.0.2.1", APEX] = far
        await asyncio.sleep(60)

        assert (primary.last.serial, primary.last.reason) == (0, "ImplausibleSerial")
        assert primary.zones.overtaken == []
        assert caplog.text.count("ImplausibleSerial") == 1


async def test_serials_are_compared_as_rfc_1982_says() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1), serial=3)) as primary:
        primary.servers.transfers_after = None
        primary.servers.serials["192.0.2.1", APEX] = (1 << 32) - 5  # older than 3
        await asyncio.sleep(2)

        assert primary.last.reason == "Behind"
        assert primary.zones.overtaken == []


async def test_a_refused_notify_is_said_also_while_the_secondary_is_current() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        primary.servers.codes[Opcode.NOTIFY] = Rcode.REFUSED
        primary.servers.serials["192.0.2.1", APEX] = 5
        await asyncio.sleep(30)
        assert (primary.last.serial, primary.last.reason) == (5, "NotifyRefused")
        assert "allow-notify" in primary.last.message

        del primary.servers.codes[Opcode.NOTIFY]
        await asyncio.sleep(70)  # without any change
        assert (primary.last.serial, primary.last.reason) == (5, "Current")


async def test_a_secondary_without_a_copy_is_expired_and_told_again() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        primary.servers.transfers_after = None
        await asyncio.sleep(10)
        assert (primary.last.serial, primary.last.reason) == (0, "Expired")

        primary.servers.transfers_after = 0.01
        await asyncio.sleep(60)
        assert primary.last.reason == "Current"


async def test_who_does_not_lead_says_nothing() -> None:
    zone = transfer_zone("k8s.example.com", NS1)
    async with running(Primary(zone)) as primary:
        await asyncio.sleep(10)
        primary.set(zone, leading=False)
        await asyncio.sleep(1)
        notifies, polls, states = (
            len(primary.servers.notifies),
            sum(primary.servers.polls.values()),
            len(primary.states),
        )
        primary.change()
        await asyncio.sleep(100)
        assert (len(primary.servers.notifies), sum(primary.servers.polls.values())) == (notifies, polls)
        assert len(primary.states) == states

        primary.set(zone)
        await asyncio.sleep(1)
        assert len(primary.servers.notifies) == notifies + 1
        assert (primary.last.serial, primary.last.reason) == (6, "Current")


async def test_zones_and_secondaries_come_and_go() -> None:
    other = from_text("other.example.com")
    async with running(Primary(transfer_zone("k8s.example.com", NS1))) as primary:
        await asyncio.sleep(10)
        primary.zones.apply_delta(ZoneSource("other.example.com", 9).whole())
        primary.set(transfer_zone("k8s.example.com", NS2), transfer_zone("other.example.com", NS1))
        await asyncio.sleep(10)

        latest = {(state.apex, state.name): state.serial for state in primary.states}
        assert latest == {(APEX, "ns1"): 5, (APEX, "ns2"): 5, (other, "ns1"): 9}
        states = len(primary.states)
        await asyncio.sleep(100)
        assert {(state.apex, state.name) for state in primary.states[states:]} == {
            (APEX, "ns2"),
            (other, "ns1"),
        }


async def test_new_settings_make_each_state_heard_again() -> None:
    zone = transfer_zone("k8s.example.com", NS1, NS2)
    async with running(Primary(zone)) as primary:
        await asyncio.sleep(10)
        states = len(primary.states)
        primary.set(zone)
        await asyncio.sleep(0.001)

        assert {state.name for state in primary.states[states:]} == {"ns1", "ns2"}


async def test_a_key_that_comes_is_used_at_once() -> None:
    zone = transfer_zone("k8s.example.com", Secondary("ns1", "192.0.2.1", key_secret="bind-key"))
    async with running(Primary(zone)) as primary:
        primary.servers.serials["192.0.2.1", APEX] = 5
        await asyncio.sleep(10)
        assert primary.servers.notifies == []
        assert primary.last.reason == "NoKey"

        primary.set(zone, keys={"bind-key": KeyRing(KEY)})
        await asyncio.sleep(0.1)
        assert len(primary.servers.notifies) == 1


async def test_a_slow_secondary_delays_no_other() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1, NS2))) as primary:
        await asyncio.sleep(20)
        answer = primary.servers.usual
        primary.servers.answer = lambda endpoint, request: (
            None if endpoint.address == "192.0.2.1" else answer(endpoint, request)
        )
        started = asyncio.get_running_loop().time()
        primary.change()
        await asyncio.sleep(1)

        state = next(state for state in reversed(primary.states) if state.name == "ns2")
        assert (state.serial, state.reason) == (6, "Current")
        assert asyncio.get_running_loop().time() - started < 2


async def test_a_secondary_that_follows_a_catalog_may_take_a_moment_to_add_a_zone() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1, catalog="catalog.example"))) as primary:
        primary.servers.codes = {Opcode.NOTIFY: Rcode.NOTAUTH, Opcode.QUERY: Rcode.REFUSED}
        await asyncio.sleep(3)
        primary.servers.codes.clear()
        primary.servers.serials["192.0.2.1", APEX] = 5
        await asyncio.sleep(20)

        assert {state.reason for state in primary.states} == {"Behind", "Current"}
        assert primary.last.reason == "Current"


async def test_one_that_does_not_add_it_is_trouble() -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1, catalog="catalog.example"))) as primary:
        primary.servers.codes = {Opcode.NOTIFY: Rcode.NOTAUTH, Opcode.QUERY: Rcode.REFUSED}
        await asyncio.sleep(30)

        assert primary.last.reason == "NotAuthoritative"


async def test_a_catalog_that_nobody_may_ask_about_is_no_trouble() -> None:
    primary = Primary(transfer_zone("k8s.example.com", NS1))
    primary.is_catalog = lambda apex: apex == APEX
    async with running(primary):
        primary.servers.codes[Opcode.QUERY] = Rcode.REFUSED
        await asyncio.sleep(300)

        assert primary.states == []
        assert len(primary.servers.notifies) == 1


async def test_a_catalog_that_can_not_be_is_said_of_each_secondary() -> None:
    primary = Primary(transfer_zone("k8s.example.com", NS1))
    primary.problems[APEX] = "There is no catalog."
    async with running(primary):
        await asyncio.sleep(10)

        assert (primary.last.serial, primary.last.reason) == (5, "BadCatalog")
        assert primary.last.message == "There is no catalog."


async def test_a_defect_with_one_watch_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with running(Primary(transfer_zone("k8s.example.com", NS1, NS2))) as primary:
        answer = primary.servers.usual

        def broken(endpoint: ServerAddress, request: Message) -> bytes | None:
            if endpoint.address == "192.0.2.1":
                raise ZeroDivisionError
            return answer(endpoint, request)

        primary.servers.answer = broken
        await asyncio.sleep(30)
        assert {state.name for state in primary.states} == {"ns2"}
        assert "ns1" in caplog.text

        primary.servers.answer = answer
        await asyncio.sleep(30)
        assert {state.name for state in primary.states} == {"ns1", "ns2"}
