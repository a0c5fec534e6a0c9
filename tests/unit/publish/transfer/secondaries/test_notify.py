"""NOTIFY: when it is sent, how often, and what ends it. Time is virtual."""

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from unittest.mock import patch

import pytest

from rollcall.dnswire.errors import TsigError
from rollcall.dnswire.header import AA, Opcode, Rcode
from rollcall.dnswire.message import Message
from rollcall.dnswire.tsig import Chain, mac_of, refusal, sign, verify
from rollcall.model import KeyRing
from rollcall.publish.transfer.journal.journal import Head
from rollcall.publish.transfer.secondaries.notify import Notifier
from rollcall.publish.transfer.secondaries.reasons import SecondaryReason
from unit.publish.transfer.secondaries.secondary import (
    APEX,
    ENDPOINT,
    KEY,
    OTHER,
    RING,
    SOA_QUESTION,
    Answer,
    ScriptedExchange,
    response,
    saying,
    silent,
    soa,
)

pytestmark = pytest.mark.looptime

BADSIG, BADKEY = 16, 17


class Told:
    """A notifier that runs, with what comes of it."""

    def __init__(self, answer: Answer) -> None:
        self.serial: int | None = 1
        self.counts = Counter[str]()
        self.told_at: list[float] = []
        self.exchange = ScriptedExchange(answer)
        self.notifier = Notifier(
            APEX, ENDPOINT, self.exchange, self._head, self._count, self._on_told, Random(4)
        )

    def change(self) -> None:
        assert self.serial is not None
        self.serial += 1
        self.notifier.announce()

    @property
    def times(self) -> list[float]:
        return self.exchange.times(Opcode.NOTIFY)

    def _head(self) -> Head | None:
        return None if self.serial is None else Head(self.serial, soa(self.serial), 5)

    def _count(self, outcome: str) -> None:
        self.counts[outcome] += 1

    def _on_told(self) -> None:
        self.told_at.append(asyncio.get_running_loop().time())


@contextlib.asynccontextmanager
async def running(answer: Answer) -> AsyncIterator[Told]:
    told = Told(answer)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(told.notifier.run())
        yield told
        task.cancel()
    assert told.exchange.pending == 0


async def test_it_says_what_rfc_1996_asks_for() -> None:
    async with running(silent) as told:
        told.notifier.announce()
        await asyncio.sleep(0.001)

        (sent,) = told.exchange.sent
        notify = sent.message
        assert sent.endpoint == ENDPOINT
        assert (notify.opcode, notify.flags & AA, notify.questions) == (Opcode.NOTIFY, AA, (SOA_QUESTION,))
        assert (notify.answers[0].owner, sent.serial) == (APEX, 1)
        assert not notify.tsig


async def test_a_first_change_is_told_at_once_and_an_answer_ends_it() -> None:
    async with running(saying()) as told:
        await asyncio.sleep(7)
        told.change()
        await asyncio.sleep(300)

        assert told.times == [7.0]
        assert told.counts == {"sent": 1, "answered": 1}
        assert told.notifier.trouble is None


async def test_many_changes_are_one_message_each_100_ms() -> None:
    async with running(saying()) as told:
        for _ in range(100):
            told.change()
            await asyncio.sleep(0.01)
        await asyncio.sleep(300)

        gaps = [after - before for before, after in zip(told.times, told.times[1:], strict=False)]
        assert told.times[0] == 0.0
        assert all(gap >= 0.0999 for gap in gaps)
        assert len(told.times) == 11
        assert told.exchange.sent[-1].serial == told.serial


async def test_what_is_not_answered_is_repeated_less_and_less_often() -> None:
    async with running(silent) as told:
        told.change()
        await asyncio.sleep(300)

        gaps = [after - before for before, after in zip(told.times, told.times[1:], strict=False)]
        expected = [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert all(0.9 * e <= gap <= 1.1 * e for gap, e in zip(gaps, expected, strict=False))
        assert len(gaps) >= 8
        assert len({sent.message.id for sent in told.exchange.sent}) > 1
        assert told.notifier.is_silent
        assert told.counts["unanswered"] == len(gaps)


async def test_a_newer_version_begins_anew() -> None:
    async with running(silent) as told:
        told.change()
        await asyncio.sleep(20)
        told.change()
        sent_at = told.times[-1]
        await asyncio.sleep(2.5)

        after = [at for at in told.times if at > sent_at]
        assert after[0] == 20.0
        assert 0.9 <= after[1] - after[0] <= 1.1


async def test_a_silent_secondary_gets_one_message_a_second_however_many_versions() -> None:
    async with running(silent) as told:
        for _ in range(200):
            told.change()
            await asyncio.sleep(0.05)

        assert len(told.times) <= 15


async def test_who_waits_hears_of_answers_and_of_answers_that_are_overdue() -> None:
    async with running(saying()) as told:
        told.change()
        await asyncio.sleep(10)
        assert told.told_at == [0.001]

        told.exchange.answer = silent
        told.change()
        await asyncio.sleep(2)
        assert len(told.told_at) == 2
        assert 10.9 <= told.told_at[1] <= 11.1


async def test_the_soa_ends_it_as_well() -> None:
    async with running(silent) as told:
        told.change()
        await asyncio.sleep(0.5)
        told.notifier.settle()
        await asyncio.sleep(300)

        assert told.times == [0.0]


async def test_an_answer_to_an_older_version_does_not_end_the_newer_one() -> None:
    async with running(saying()) as told:
        told.exchange.delay = 0.15
        told.change()
        await asyncio.sleep(0.12)  # the answer is still on its way
        told.exchange.answer = silent
        told.change()
        await asyncio.sleep(0.5)
        assert len(told.times) == 2
        await asyncio.sleep(1)

        assert len(told.times) == 3


async def test_a_late_answer_counts() -> None:
    async with running(saying()) as told:
        told.exchange.delay = 1.5
        told.change()
        await asyncio.sleep(300)

        assert len(told.times) == 2


async def test_a_reminder_is_for_those_who_answered_and_did_nothing() -> None:
    async with running(saying()) as told:
        told.change()
        for _ in range(120):
            await asyncio.sleep(1)
            told.notifier.remind()

        assert told.times == [0.0, 5.0, 15.0, 35.0, 75.0]


async def test_nothing_is_told_of_a_zone_without_content() -> None:
    async with running(saying()) as told:
        told.serial = None
        told.notifier.announce()
        await asyncio.sleep(10)
        assert told.times == []

        told.serial = 5
        told.notifier.announce()
        await asyncio.sleep(10)
        assert told.times == [10.0]


@pytest.mark.parametrize("rcode", [Rcode.REFUSED, Rcode.NOTAUTH, Rcode.NOTIMP, Rcode.SERVFAIL])
async def test_a_refusal_is_trouble_and_repeated_slowly(rcode: Rcode) -> None:
    async with running(saying(rcode)) as told:
        told.change()
        await asyncio.sleep(130)

        trouble = told.notifier.trouble
        assert trouble is not None
        assert trouble.reason is SecondaryReason.NOTIFY_REFUSED
        assert rcode.name in trouble.message
        assert len(told.times) == 3

        told.exchange.answer = saying()
        told.change()
        await asyncio.sleep(10)
        assert told.notifier.trouble is None


async def test_a_refusal_is_no_hot_loop_however_many_versions() -> None:
    async with running(saying(Rcode.REFUSED)) as told:
        for _ in range(600):
            told.change()
            await asyncio.sleep(0.05)

        assert len(told.times) <= 8


# Keys.


def knowing(*keys, wrong: int = 0) -> Answer:
    """Answer as a server that knows these keys; `wrong` is the TSIG error it answers to all others."""

    def answer(wire: bytes, request: Message) -> bytes | None:
        try:
            verified = verify(wire, request, keys)
        except TsigError:
            return refusal(response(request, rcode=Rcode.NOTAUTH), wire, request.tsig, wrong)
        return sign(response(request), verified.key, Chain(verified.mac)).wire

    return answer


async def test_it_is_signed_with_the_current_key() -> None:
    async with running(knowing(KEY)) as told:
        told.notifier.use_keys(RING, is_unsigned=False)
        await asyncio.sleep(1)

        (sent,) = told.exchange.sent
        assert verify(sent.wire, sent.message, [KEY]).key == KEY
        assert told.counts["answered"] == 1


async def test_during_a_rotation_the_previous_key_serves_a_secondary_that_does_not_know_the_new_one() -> None:
    async with running(knowing(OTHER, wrong=BADKEY)) as told:
        told.notifier.use_keys(RING, is_unsigned=False)
        await asyncio.sleep(1)
        assert told.counts == {"sent": 2, "refused": 1, "answered": 1}
        assert told.notifier.trouble is None

        told.change()
        await asyncio.sleep(1)
        assert told.counts == {"sent": 3, "refused": 1, "answered": 2}


@pytest.mark.parametrize(
    ("wrong", "reason"), [(BADKEY, SecondaryReason.BAD_KEY), (BADSIG, SecondaryReason.BAD_SIGNATURE)]
)
async def test_a_key_that_is_refused_is_trouble(wrong: int, reason: SecondaryReason) -> None:
    async with running(knowing(wrong=wrong)) as told:
        told.notifier.use_keys(RING, is_unsigned=False)
        await asyncio.sleep(50)

        assert told.notifier.trouble is not None
        assert told.notifier.trouble.reason is reason
        assert len(told.times) == 2


async def test_a_new_key_is_used_at_once() -> None:
    async with running(knowing(OTHER, wrong=BADKEY)) as told:
        told.notifier.use_keys(KeyRing(KEY), is_unsigned=False)
        await asyncio.sleep(20)
        assert told.notifier.trouble is not None

        told.notifier.use_keys(KeyRing(OTHER), is_unsigned=False)
        await asyncio.sleep(0.01)
        assert told.times[-1] == 20.0
        assert told.notifier.trouble is None


async def test_without_the_key_that_is_asked_for_nothing_is_sent() -> None:
    async with running(saying()) as told:
        told.notifier.use_keys(None, is_unsigned=False)
        told.change()
        await asyncio.sleep(100)

        assert told.times == []
        assert told.notifier.trouble is not None
        assert told.notifier.trouble.reason is SecondaryReason.NO_KEY


async def test_another_clock_is_named() -> None:
    def late(wire: bytes, request: Message) -> bytes | None:
        with patch("rollcall.dnswire.tsig.time.time", return_value=time.time() + 4000):
            return sign(response(request), KEY, Chain(mac_of(wire, request))).wire

    async with running(late) as told:
        told.notifier.use_keys(KeyRing(KEY), is_unsigned=False)
        await asyncio.sleep(1)

        trouble = told.notifier.trouble
        assert trouble is not None
        assert trouble.reason is SecondaryReason.CLOCK_SKEW
        assert re.search(r"(3999|4000|4001) s ahead", trouble.message)


# What is no answer.


async def test_what_belongs_to_another_request_is_dropped() -> None:
    def wrong(wire: bytes, request: Message) -> bytes | None:
        good = response(request)
        other_id = bytes((good[0] ^ 1,)) + good[1:]
        other_question = response(request._replace(questions=(SOA_QUESTION._replace(rdtype=1),)))
        query = response(request._replace(flags=0))
        exchange = told.exchange
        for bad in (other_id, other_question, query, wire, b"", good[:-1], good + b"\0"):
            exchange.on_response(bad, (ENDPOINT.address, ENDPOINT.port))
        exchange.on_response(good, ("192.0.2.11", ENDPOINT.port))
        exchange.on_response(good, (ENDPOINT.address, 54))
        return None

    async with running(wrong) as told:
        told.change()
        await asyncio.sleep(2)

        assert told.counts == {"sent": 2, "unanswered": 1}
        told.exchange.answer = saying()
        await asyncio.sleep(300)
        assert len(told.times) == 3
