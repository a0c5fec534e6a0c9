"""The texts that are being sent."""

import asyncio
import gc

import pytest
from aiohttp import web

from rollcall.http.bodies import Bodies
from rollcall.http.limits import HttpLimits

LIMITS = HttpLimits(bodies=100, piece=16)


class Writer:
    """A client that takes pieces when it is told to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.takes = asyncio.Semaphore(0)

    async def write(self, chunk: memoryview) -> None:
        self.taken.append(bytes(chunk))

    async def drain(self) -> None:
        await self.takes.acquire()


async def test_a_piece_waits_for_the_previous_one_to_be_taken() -> None:
    pieces = Bodies(LIMITS).pieces("a", "x" * 40)
    assert pieces.size == 40
    client = Writer()
    sending = asyncio.create_task(pieces.write(client))  # type: ignore[arg-type]
    for number in range(1, 4):
        await asyncio.sleep(0)
        assert len(client.taken) == number
        client.takes.release()
    await sending
    assert [len(piece) for piece in client.taken] == [16, 16, 8]


def test_different_texts_are_bounded_and_equal_ones_are_one() -> None:
    bodies = Bodies(LIMITS)
    held = [bodies.pieces("a", "x" * 90) for _ in range(50)]
    held.append(bodies.pieces("b", "y" * 90))
    held.append(bodies.pieces("b", "y" * 90))
    with pytest.raises(web.HTTPServiceUnavailable) as refused:
        bodies.pieces("c", "z")
    assert refused.value.headers["Retry-After"] == "1"
    held.clear()
    gc.collect()
    assert bodies.pieces("c", "z").decode() == "z"


def test_one_text_may_be_larger_than_the_bound() -> None:
    bodies = Bodies(LIMITS)
    large = bodies.pieces("a", "x" * 1000)
    assert large.size == bodies.pieces("a", "x" * 1000).size == 1000


async def test_a_response_that_was_sent_holds_no_text() -> None:
    bodies = Bodies(LIMITS)
    sent = bodies.pieces("a", "x" * 1000)
    await sent.close()
    gc.collect()
    assert bodies.pieces("b", "y").size == 1
    assert sent.decode() == ""
