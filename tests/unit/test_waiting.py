"""Waits of the tests: they end with the condition, or say what did not come about."""

import asyncio
from itertools import count

import pytest

from waiting import News, NotInTime, eventually, until


def test_what_the_condition_gives_is_returned() -> None:
    numbers = count()
    assert eventually(lambda: next(numbers) == 2 and "found") == "found"


def test_what_was_waited_for_is_told() -> None:
    with pytest.raises(NotInTime, match=r"^not within 0 s: a miracle$"):
        eventually(lambda: False, "a miracle", seconds=0)
    with pytest.raises(NotInTime, match=r"^not within 0 s: 7 of 8$"):
        eventually(lambda: False, lambda: f"{3 + 4} of 8", seconds=0)


def test_without_a_word_the_condition_is_shown() -> None:
    with pytest.raises(NotInTime, match=r"not within 0 s: .*lambda: 1 > 2"):
        eventually(lambda: 1 > 2, seconds=0)
    with pytest.raises(NotInTime, match="built-in method"):
        eventually("".isdigit, seconds=0)


@pytest.mark.looptime
async def test_a_coroutine_may_be_the_condition() -> None:
    numbers = count()

    async def third() -> bool:
        await asyncio.sleep(1)
        return next(numbers) == 2

    await until(third)
    assert next(numbers) == 3


@pytest.mark.looptime
async def test_a_coroutine_waits_no_longer_than_it_may() -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(NotInTime, match=r"^not within 5 s: a miracle$"):
        await until(lambda: False, "a miracle", seconds=5)
    assert asyncio.get_running_loop().time() - began == pytest.approx(5, abs=0.1)


@pytest.mark.looptime
async def test_a_timeout_of_the_condition_itself_is_not_taken_for_ours() -> None:
    async def hangs() -> bool:
        async with asyncio.timeout(1):
            await asyncio.sleep(60)
        return True

    with pytest.raises(TimeoutError):
        await until(hangs)


@pytest.mark.looptime
async def test_news_wakes_everybody_who_waits() -> None:
    seen: list[int] = []
    news = News()
    async with asyncio.TaskGroup() as group:
        for wanted in (1, 1, 2):
            group.create_task(news.until(lambda wanted=wanted: len(seen) >= wanted))  # type: ignore[misc]
        for number in range(2):
            await asyncio.sleep(1)
            seen.append(number)
            news.tell()


@pytest.mark.looptime
async def test_without_news_it_is_told_how_far_it_came() -> None:
    news = News(lambda: "half of it")
    with pytest.raises(NotInTime, match=r"^not within 5 s: all of it; it came to half of it$"):
        await news.until(lambda: False, "all of it", seconds=5)
