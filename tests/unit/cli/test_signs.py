"""For how long a child may be silent: the ticks of the supervisor, in virtual time."""

import asyncio
import os
import time

import pytest

from rollcall.cli.signs import STARTING_SECONDS, TICK_SECONDS, Process, Signs, Silence, hang

LIMIT = 2.0


class Talkative:
    """A child that gives its signs, `busy` times none, and then again; it could run unless it `starves`."""

    def __init__(self, busy: int = 0, *, starves: bool = False) -> None:
        self.heard_at: list[float] = []
        self._busy = busy
        self._starves = starves

    def heard(self) -> bool:
        now = asyncio.get_running_loop().time()
        is_silent = len(self.heard_at) > 0 and self._busy > 0
        self._busy -= is_silent
        if not is_silent:
            self.heard_at.append(now)
        return not is_silent

    def chance(self) -> float:
        return 0.0 if self._starves else 1.0


def ticks(seconds: float) -> int:
    return round(seconds / TICK_SECONDS)


async def still_alive(child: Talkative) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await hang(child, LIMIT)
    assert asyncio.get_running_loop().time() - child.heard_at[-1] < 1


@pytest.mark.looptime
async def test_one_that_falls_silent_hangs_after_the_limit() -> None:
    child = Talkative(busy=10**6)
    await hang(child, LIMIT)
    assert asyncio.get_running_loop().time() - child.heard_at[-1] == pytest.approx(LIMIT)


@pytest.mark.looptime
async def test_one_that_is_busy_for_less_than_the_limit_is_left_alone() -> None:
    await still_alive(Talkative(busy=ticks(LIMIT) - 1))


@pytest.mark.looptime
async def test_one_that_gets_no_processor_is_left_alone() -> None:
    await still_alive(Talkative(busy=ticks(LIMIT) * 10, starves=True))


@pytest.mark.looptime
async def test_of_one_that_gives_its_signs_the_kernel_is_not_asked() -> None:
    """It is looked at twice as often as it gives them, for as long as Rollcall runs."""

    class Regular(Talkative):
        def heard(self) -> bool:
            super().heard()
            return len(self.heard_at) % 2 == 0

        def chance(self) -> float:
            raise AssertionError("the kernel is asked")

    await still_alive(Regular())


@pytest.mark.looptime
async def test_one_that_starts_has_longer() -> None:
    class Mute(Talkative):
        def heard(self) -> bool:
            return False

    await hang(Mute(), LIMIT)
    assert asyncio.get_running_loop().time() == pytest.approx(STARTING_SECONDS)


async def test_a_machine_that_stood_still_has_nobody_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours pass between two ticks, each time, for the supervisor and so for everybody."""
    loop = asyncio.get_running_loop()
    passed = 0.0
    monkeypatch.setattr(loop, "time", lambda: passed)
    child = Talkative(busy=ticks(LIMIT) - 1)
    watching = asyncio.ensure_future(hang(child, LIMIT))
    for _ in range(40):
        passed += 3600
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not watching.done()
    assert len(child.heard_at) > 1
    watching.cancel()


@pytest.mark.looptime
async def test_one_that_runs_in_circles_on_a_busy_machine_is_found_later() -> None:
    class Kept(Talkative):
        def chance(self) -> float:
            return 0.2

    child = Kept(busy=10**6)
    await hang(child, LIMIT)
    found_after = asyncio.get_running_loop().time() - child.heard_at[-1]
    assert found_after == pytest.approx(TICK_SECONDS + (LIMIT - TICK_SECONDS) / 0.2, abs=TICK_SECONDS)


def test_a_sign_begins_the_silence_anew() -> None:
    silence = Silence(LIMIT)
    for _ in range(ticks(STARTING_SECONDS) - 1):
        silence.on_tick(1.0)
    assert not silence.is_too_long
    silence.on_sign()
    for _ in range(ticks(LIMIT) - 1):
        silence.on_tick(1.0)
    assert not silence.is_too_long
    silence.on_tick(0.0)
    assert not silence.is_too_long
    silence.on_tick(1.0)
    assert silence.is_too_long


def test_who_could_run_is_read_from_the_kernel() -> None:
    with Signs() as signs:
        self = Process(os.getpid(), signs)
        before = time.process_time()
        while time.process_time() - before < 2 * TICK_SECONDS:
            pass
        assert self.chance() == 1, "it ran"
        assert self.chance() < 1, "it runs, and has got next to nothing since"
        assert Process(2**22 + 1, signs).chance() == 1, "of one that is gone nothing is known"
