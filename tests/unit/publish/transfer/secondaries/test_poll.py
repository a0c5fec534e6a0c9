"""Asking for serials: when, over what, and what the answers mean. Time is virtual."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from random import Random

import pytest

from rollcall.dnswire.errors import TsigError
from rollcall.dnswire.header import AA, Opcode, Rcode
from rollcall.dnswire.message import Message
from rollcall.dnswire.tsig import Chain, sign, verify
from rollcall.publish.transfer.secondaries.poll import Poller
from rollcall.publish.transfer.secondaries.reasons import Diagnosis, SecondaryReason
from rollcall.publish.transfer.secondaries.serial_query import SerialQuery
from unit.publish.transfer.secondaries.secondary import (
    APEX,
    ENDPOINT,
    KEY,
    OTHER,
    RING,
    Answer,
    ScriptedExchange,
    response,
    silent,
)

pytestmark = pytest.mark.looptime


class Polled:
    """A poller that runs against a secondary with a serial."""

    def __init__(self) -> None:
        self.ours = 1
        self.serial = 1
        self.asked: list[float] = []
        self.poller = Poller(self._ask, self._on_answer, Random(4))

    def change(self) -> None:
        self.ours += 1
        self.poller.hurry()

    async def _ask(self) -> int | Diagnosis:
        self.asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.001)
        return self.serial

    def _on_answer(self, found: int | Diagnosis) -> bool:
        return found == self.ours


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Polled]:
    polled = Polled()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(polled.poller.run())
        yield polled
        task.cancel()


async def test_a_secondary_is_asked_each_15_s() -> None:
    async with running() as polled:
        await asyncio.sleep(1500)

        gaps = [after - before for before, after in zip(polled.asked, polled.asked[1:], strict=False)]
        assert polled.asked[0] == 0.0
        assert 90 <= len(gaps) <= 110
        assert all(13 <= gap <= 17 for gap in gaps)
        assert len(set(gaps)) > 50


async def test_after_a_change_it_is_asked_soon_and_until_it_shows_it() -> None:
    async with running() as polled:
        await asyncio.sleep(5)
        polled.change()
        await asyncio.sleep(0.5)
        assert [round(at, 2) for at in polled.asked[1:]] == [5.05, 5.2]

        polled.serial = 2
        await asyncio.sleep(10)
        assert [round(at, 2) for at in polled.asked[1:]] == [5.05, 5.2, 6.0]


async def test_after_a_change_that_takes_long_it_goes_on_as_before() -> None:
    async with running() as polled:
        await asyncio.sleep(5)
        polled.change()
        await asyncio.sleep(30)

        assert [round(at, 2) for at in polled.asked[1:5]] == [5.05, 5.2, 6.0, 10.0]
        assert len(polled.asked) <= 7


async def test_many_changes_are_not_many_questions() -> None:
    async with running() as polled:
        for _ in range(100):
            polled.change()
            await asyncio.sleep(0.1)
        burst = len(polled.asked)
        await asyncio.sleep(0.6)

        assert burst <= 45
        assert len(polled.asked) > burst  # the last change as well


# What is asked, and what the answers mean.


def asking(answer: Answer) -> tuple[SerialQuery, ScriptedExchange]:
    exchange = ScriptedExchange(answer)
    return SerialQuery(APEX, ENDPOINT, exchange), exchange


async def test_the_serial_is_read_from_the_soa() -> None:
    query, exchange = asking(lambda wire, request: response(request, serial=4_000_000_000))

    assert await query.ask(4_000_000_000) == 4_000_000_000
    assert len(exchange.sent) == 1
    assert exchange.sent[0].message.opcode == Opcode.QUERY
    assert not exchange.sent[0].message.tsig
    assert exchange.pending == 0


async def test_a_lost_datagram_is_sent_again() -> None:
    answers = iter([None, 7])

    def lossy(wire: bytes, request: Message) -> bytes | None:
        serial = next(answers)
        return None if serial is None else response(request, serial=serial)

    query, exchange = asking(lossy)

    assert await query.ask(7) == 7
    assert len({sent.message.id for sent in exchange.sent}) == 2
    assert exchange.pending == 0


@pytest.mark.parametrize(
    ("rcode", "flags", "serial", "reason"),
    [
        (Rcode.REFUSED, AA, None, SecondaryReason.NOT_AUTHORITATIVE),
        (Rcode.NXDOMAIN, AA, None, SecondaryReason.NOT_AUTHORITATIVE),
        (Rcode.NOERROR, 0, 5, SecondaryReason.NOT_AUTHORITATIVE),
        (Rcode.NOERROR, AA, None, SecondaryReason.NOT_AUTHORITATIVE),
        (Rcode.SERVFAIL, 0, None, SecondaryReason.EXPIRED),
    ],
)
async def test_what_is_no_authority_says_what_to_do(
    rcode: Rcode, flags: int, serial: int | None, reason: SecondaryReason
) -> None:
    query, _ = asking(lambda wire, request: response(request, rcode=rcode, flags=flags, serial=serial))

    found = await query.ask(5)

    assert isinstance(found, Diagnosis)
    assert found.reason is reason
    assert rcode.name in found.message
    assert len(found.message) > 40


async def test_a_server_that_refuses_to_answer_without_a_key_is_asked_with_one() -> None:
    def strict(wire: bytes, request: Message) -> bytes | None:
        try:
            verified = verify(wire, request, [OTHER])
        except TsigError:
            return response(request, rcode=Rcode.REFUSED)
        return sign(response(request, serial=9), verified.key, Chain(verified.mac)).wire

    query, exchange = asking(strict)
    query.ring = RING

    assert await query.ask(9) == 9
    assert len(exchange.sent) == 3  # without a key, with the current one, with the previous one
    assert await query.ask(9) == 9
    assert len(exchange.sent) == 4  # it is known now which


async def test_an_unsigned_answer_to_a_signed_question_is_none() -> None:
    def lying(wire: bytes, request: Message) -> bytes | None:
        return response(request, serial=9) if request.tsig else response(request, rcode=Rcode.REFUSED)

    query, _ = asking(lying)
    query.ring = RING

    found = await query.ask(9)

    assert isinstance(found, Diagnosis)
    assert KEY.name not in found.message


# Serials newer than ours: which of them ours may follow.

NOW = 1_800_000_000
DAY = 86_400
HALF = (1 << 31) - 1


def claiming(monkeypatch: pytest.MonkeyPatch, serial: int, *, signs: bool) -> SerialQuery:
    """Ask a server that claims a serial over UDP and TCP, without a key, and with one where it `signs`."""
    monkeypatch.setattr(time, "time", lambda: float(NOW))

    def answer(wire: bytes, request: Message) -> bytes | None:
        if not request.tsig:
            return response(request, serial=serial)
        if not signs:
            return response(request, rcode=Rcode.REFUSED)
        verified = verify(wire, request, [KEY])
        return sign(response(request, serial=serial), verified.key, Chain(verified.mac)).wire

    async def over_tcp(self: SerialQuery, key: object) -> int:
        return serial

    monkeypatch.setattr(SerialQuery, "_over_tcp", over_tcp)
    query, _ = asking(answer)
    query.ring = RING if signs else None
    return query


@pytest.mark.parametrize("ours", [NOW - 1000, NOW, NOW + 30, 5])
async def test_a_serial_that_a_clock_explains_is_believed(monkeypatch: pytest.MonkeyPatch, ours: int) -> None:
    assert await claiming(monkeypatch, NOW + DAY, signs=False).ask(ours) == NOW + DAY


@pytest.mark.parametrize(
    ("ours", "claimed"),
    [
        (NOW, NOW + HALF),  # as far as one can be ahead
        (NOW, NOW + DAY + 1),
        (NOW + HALF, (NOW + 2 * HALF) & 0xFFFFFFFF),  # and back, from where we were dragged
        (NOW + 2 * DAY, NOW + 2 * DAY + 1),  # we are further than any clock already: not one step more
    ],
)
async def test_a_serial_that_no_clock_explains_takes_ours_nowhere(
    monkeypatch: pytest.MonkeyPatch, ours: int, claimed: int
) -> None:
    found = await claiming(monkeypatch, claimed, signs=False).ask(ours)
    assert isinstance(found, Diagnosis)
    assert found.reason is SecondaryReason.IMPLAUSIBLE_SERIAL
    assert str(claimed) in found.message
    assert "keySecret" in found.message


async def test_a_signature_is_believed_a_year(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await claiming(monkeypatch, NOW + 300 * DAY, signs=True).ask(NOW) == NOW + 300 * DAY
    found = await claiming(monkeypatch, NOW + HALF, signs=True).ask(NOW)
    assert isinstance(found, Diagnosis)
    assert found.reason is SecondaryReason.IMPLAUSIBLE_SERIAL


async def test_a_secondary_that_is_not_there_is_unreachable(unused_tcp_port: int) -> None:
    exchange = ScriptedExchange(silent)
    query = SerialQuery(APEX, ENDPOINT._replace(address="127.0.0.1", port=unused_tcp_port), exchange)

    found = await query.ask(1)

    assert isinstance(found, Diagnosis)
    assert found.reason is SecondaryReason.UNREACHABLE
    assert str(unused_tcp_port) in found.message
    assert exchange.pending == 0
