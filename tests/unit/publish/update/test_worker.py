"""How long a worker rests while its target fails, and what ends a rest. In virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Never

import pytest

from nameservers import KEY
from rollcall.model import KeyRing, parse_key
from rollcall.publish.update import worker as module
from rollcall.publish.update.reasons import ConnectionLost, Refusal, TargetError, UpdateReason
from updates import Source
from updates.running import Running

pytestmark = pytest.mark.looptime

REFUSED = TargetError(UpdateReason.REFUSED, "not today")
LOST = ConnectionLost(UpdateReason.UNREACHABLE, "nobody there")


class Side:
    """Stands for the reader and for the writer: each try to write ends as the test wants."""

    tries: list[float]
    error: TargetError
    answers: bool

    def __getattr__(self, name: str) -> Any:
        return lambda: None


class Reader(Side):
    def __init__(self, *arguments: Any, **events: asyncio.Event) -> None:
        """Need nothing."""

    async def read_back(self) -> None:
        """Find nothing."""

    async def run(self) -> Never:
        await asyncio.get_running_loop().create_future()
        raise AssertionError


class Writer(Side):
    def __init__(self, *arguments: Any, **events: asyncio.Event) -> None:
        _, _, _, self.ring, _, self.progress, _ = arguments
        self.due = events["due"]

    async def close(self) -> None:
        """Do nothing."""

    async def run(self) -> Never:
        self.ring()
        self.due.clear()
        Side.tries.append(asyncio.get_running_loop().time())
        if Side.answers:
            self.progress.on_remedy()
        raise Side.error


@asynccontextmanager
async def failing(error: TargetError, *, answers: bool = False) -> AsyncIterator[Running]:
    """Run a worker whose writer fails; `answers`: the server has answered before."""
    Side.tries, Side.error, Side.answers = [], error, answers
    it = Running(Source(), ("192.0.2.1", 53))
    task = asyncio.create_task(it.worker.run())
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Reader", Reader)
    monkeypatch.setattr(module, "Writer", Writer)


def rests() -> list[float]:
    return [after - before for before, after in zip(Side.tries, Side.tries[1:], strict=False)]


async def test_rests_grow_up_to_a_minute() -> None:
    async with failing(REFUSED) as it:
        await asyncio.sleep(3600)
        bounds = [min(0.5 * 2**number, 60.0) for number in range(len(rests()))]
        assert all(bound / 2 <= rest <= bound for rest, bound in zip(rests(), bounds, strict=True))
        assert len(rests()) > 60
        assert [report.reason for report in it.reports] == [UpdateReason.REFUSED], "it is said once"


async def test_a_first_loss_of_the_connection_is_tried_again_at_once_and_not_said() -> None:
    async with failing(LOST) as it:
        await asyncio.sleep(0)
        while len(Side.tries) < 2:  # noqa: ASYNC110 - it gives way, until virtual time would have to pass
            await asyncio.sleep(0)
        assert rests() == [0.0]
        await asyncio.sleep(0.4)
        assert [report.reason for report in it.reports] == [UpdateReason.UNREACHABLE]


async def test_a_server_that_answers_in_between_is_asked_again_soon() -> None:
    async with failing(REFUSED, answers=True):
        await asyncio.sleep(60)
        assert all(0.25 <= rest <= 0.5 for rest in rests())


async def test_a_new_key_ends_a_rest() -> None:
    async with failing(REFUSED) as it:
        await asyncio.sleep(600)
        tries = len(Side.tries)
        it.ring = KeyRing(parse_key(KEY.replace(":rollcall:", ":other:")))
        it.worker.on_secrets_changed()
        await asyncio.sleep(0.1)
        assert len(Side.tries) == tries + 1
        await asyncio.sleep(0.5)
        assert len(Side.tries) == tries + 2, "and rests are short again"


@pytest.mark.parametrize("is_refusal", [True, False])
async def test_a_change_ends_a_rest_after_a_refusal(is_refusal: bool) -> None:
    """What is new may be taken. Where the target can't be written at all it would change nothing."""
    error = Refusal(UpdateReason.REFUSED, "not today") if is_refusal else REFUSED
    async with failing(error) as it:
        it.source.listeners.append(it.worker.on_version)
        while len(Side.tries) < 20:  # noqa: ASYNC110 - until rests are long; the last one has just begun
            await asyncio.sleep(0.25)
        await asyncio.sleep(1.0)
        tries = len(Side.tries)
        it.source.service("web.shop", ["10.0.0.1"])
        await asyncio.sleep(0.1)
        assert len(Side.tries) == tries + is_refusal
        for _ in range(100):
            it.source.service("web.shop", ["10.0.0.1"])
            it.source.service("web.shop", ["10.0.0.2"])
            await asyncio.sleep(0.01)
        assert len(Side.tries) <= tries + (4 if is_refusal else 1), "not at each of them"
