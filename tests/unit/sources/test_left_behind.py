"""Tasks of kopf that would not end: they cost the limits of the stop, and no traceback later on."""

import asyncio
import contextlib
import gc
import threading

import pytest

from rollcall.kube.credentials import Credentials
from rollcall.sources import kopf_thread as control


async def test_a_task_that_waits_on_whatever_happens_is_left_in_peace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_over = threading.Event()

    async def stubborn() -> None:
        while not is_over.is_set():
            with contextlib.suppress(asyncio.CancelledError, GeneratorExit):
                await asyncio.get_running_loop().create_future()

    async def operate(_: control.KopfThread) -> None:
        asyncio.create_task(stubborn())  # noqa: RUF006  # nobody but who leaves it behind is to hold it
        await asyncio.sleep(0)

    monkeypatch.setattr(control, "CANCEL_SECONDS", 0.01)
    monkeypatch.setattr(control.KopfThread, "_operate", operate)
    assert await control.KopfThread(Credentials(), lambda *_: None).run() is None
    gc.collect()  # a coroutine that is closed and goes on is an error of this test, by pytest's settings
    (task,) = control._left_behind
    is_over.set()
    task.get_coro().close()
    control._left_behind.clear()
    assert caplog.messages == []


async def test_a_task_that_takes_the_first_cancellation_for_another_s_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So a watch of kopf does whose connection was closed just before: it waits for its pause to end."""
    begun = asyncio.Event()

    async def mistaken() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            begun.set()
            await asyncio.get_running_loop().create_future()
        await asyncio.get_running_loop().create_future()

    async def operate(_: control.KopfThread) -> None:
        asyncio.create_task(mistaken())  # noqa: RUF006  # as kopf's are, it is held by the loop alone
        await begun.wait()

    monkeypatch.setattr(control.KopfThread, "_operate", operate)
    monkeypatch.setattr(control, "STOP_SECONDS", 0.1)
    monkeypatch.setattr(control, "CANCEL_SECONDS", 600.0)
    async with asyncio.timeout(60):
        assert await control.KopfThread(Credentials(), lambda *_: None).run() is None
    assert control._left_behind == set()
    assert caplog.messages == []


async def test_a_task_that_only_waits_for_itself_is_there_to_be_cancelled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody but kopf's own list holds some of its tasks: the garbage collector may not come in between."""
    ended = threading.Event()

    async def sleep() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async def operate(_: control.KopfThread) -> None:
        asyncio.create_task(sleep())  # noqa: RUF006  # as kopf's are, once it has ended
        await asyncio.sleep(0)

    async def close_sessions(_: control.KopfThread) -> None:
        gc.collect()

    monkeypatch.setattr(control.KopfThread, "_operate", operate)
    monkeypatch.setattr(control.KopfThread, "_close_sessions", close_sessions)
    monkeypatch.setattr(control, "STOP_SECONDS", 60.0)
    monkeypatch.setattr(control, "CANCEL_SECONDS", 30.0)
    assert await control.KopfThread(Credentials(), lambda *_: None).run() is None
    assert ended.is_set()
    assert caplog.messages == []
