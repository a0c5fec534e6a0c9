"""Who gets a slot for a transfer, and who has to leave one. Time is virtual."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from rollcall.publish.transfer.answering.slots import SlotLimits, TooManyWait, TransferSlots

pytestmark = pytest.mark.looptime

LIMITS = SlotLimits()
MESSAGE = 1 << 16
STALLED = 0.0


class TransferringClients:
    """Clients that transfer at a pace (octets a second), so many messages each; `ended` says how."""

    def __init__(self) -> None:
        self.slots = TransferSlots()
        self.began: dict[str, float] = {}
        self.ended: dict[str, str] = {}
        self.group: asyncio.TaskGroup

    def start(self, name: str, client: bytes, pace: float, messages: int = 100) -> asyncio.Task[None]:
        return self.group.create_task(self._transfer(name, client, pace, messages))

    async def _transfer(self, name: str, client: bytes, pace: float, messages: int) -> None:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with self.slots.take(client) as slot:
                self.began[name] = loop.time() - asked
                for _ in range(messages):
                    slot.begin()
                    await asyncio.sleep(MESSAGE / pace if pace else 1e9)
                    slot.took()
            self.ended[name] = "whole"
        except TimeoutError:
            self.ended[name] = "cut"
        except TooManyWait:
            self.ended[name] = "sent away"


@contextlib.asynccontextmanager
async def clients() -> AsyncIterator[TransferringClients]:
    made = TransferringClients()
    async with asyncio.TaskGroup() as made.group:
        yield made


A, B, C = b"a", b"b", b"c"
FAST = 1e7


async def test_twenty_slow_ones_of_one_client_take_nothing_from_another() -> None:
    async with clients() as it:
        for number in range(20):
            it.start(f"slow {number}", A, STALLED)
        await asyncio.sleep(0.1)
        await it.start("honest", B, FAST)
        assert it.began["honest"] == 0
        assert it.ended["honest"] == "whole"


async def test_of_one_client_those_go_that_lag_behind() -> None:
    async with clients() as it:
        for number in range(20):
            it.start(f"slow {number}", A, STALLED)
        await asyncio.sleep(0.1)
        await it.start("honest", A, FAST)
        assert it.ended["honest"] == "whole"
        assert it.began["honest"] <= 2 * LIMITS.hurried_seconds  # there were 19 before it, 8 at a time


async def test_where_all_slots_are_taken_a_newcomer_gets_one_of_who_has_the_most() -> None:
    """Also where those keep pace, and have waiting what would take it at once."""
    async with clients() as it:
        for number in range(2 * LIMITS.of_a_client):
            it.start(f"a {number}", A, 40_000)
        for number in range(LIMITS.of_a_client):
            it.start(f"b {number}", B, 200_000)
        await asyncio.sleep(10)
        await it.start("honest", C, FAST)
        assert it.began["honest"] == 0
        assert len([name for name, how in it.ended.items() if how == "cut"]) == 1


async def test_secondaries_that_all_come_at_once_all_get_the_zone() -> None:
    """Nobody who keeps pace has to go for one that has a slot as well, or could wait."""
    async with clients() as it:
        for number in range(60):
            it.start(str(number), bytes([number]), 1e6)
    assert set(it.ended.values()) == {"whole"}
    assert len(it.ended) == 60


async def test_who_is_slow_may_be_so_while_nobody_waits() -> None:
    async with clients() as it:
        await it.start("slow", A, MESSAGE / (LIMITS.patience_seconds - 1))
        assert it.ended == {"slow": "whole"}
        await it.start("too slow", A, MESSAGE / (LIMITS.patience_seconds + 1))
        assert it.ended["too slow"] == "cut"


async def test_where_somebody_waits_nobody_stays_for_ever() -> None:
    """Not even who always takes a little in time."""
    async with clients() as it:
        for number in range(LIMITS.of_a_client):
            it.start(f"slow {number}", A, MESSAGE / (LIMITS.hurried_seconds - 1))
        await asyncio.sleep(10)
        await it.start("honest", A, FAST)
        assert it.ended["honest"] == "whole"
        assert it.began["honest"] <= LIMITS.hurried_lifetime_seconds - 10


async def test_what_waits_of_a_client_is_bounded() -> None:
    async with clients() as it:
        for number in range(100):
            it.start(str(number), A, STALLED)
        await asyncio.sleep(0.1)
        sent_away = [name for name, how in it.ended.items() if how == "sent away"]
        assert len(sent_away) == 100 - LIMITS.of_a_client - LIMITS.waiting_of_a_client


async def test_whoever_is_cut_off_while_it_waits_leaves_nothing_behind() -> None:
    async with clients() as it:
        for number in range(LIMITS.of_a_client):
            it.start(f"slow {number}", A, STALLED)
        gone = [it.start(f"gone {number}", A, FAST) for number in range(5)]
        await asyncio.sleep(0.1)
        for task in gone:
            task.cancel()
        await it.start("honest", A, FAST)
        assert it.ended["honest"] == "whole"
        assert not any(name.startswith("gone") for name in it.ended)
