"""kopf's thread asks for credentials in the loop of the others, which may be at its end."""

import asyncio
import inspect
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from rollcall.kube.errors import CredentialsError
from rollcall.sources.kopf_thread import KopfThread


class Asked:
    """The coroutine that is to be run at home."""

    def __init__(self, error: Exception | None = None) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._error = error

    async def work(self) -> str:
        self.loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        if self._error:
            raise self._error
        return "token"


async def thread() -> KopfThread:
    it = KopfThread(None, lambda *_: None)  # type: ignore[arg-type]  # nothing asks for them here
    it._kopf_loop.close()  # it is not started
    return it


def closed(work: Coroutine[Any, Any, Any]) -> bool:
    return inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


async def test_it_runs_in_the_loop_of_the_others() -> None:
    it, asked = await thread(), Asked()
    assert await asyncio.to_thread(asyncio.run, it._at_home(asked.work())) == "token"
    assert asked.loop is asyncio.get_running_loop()


async def test_its_error_is_told() -> None:
    it = await thread()
    with pytest.raises(CredentialsError, match="no token"):
        await asyncio.to_thread(asyncio.run, it._at_home(Asked(CredentialsError("no token")).work()))


def test_a_loop_that_has_ended_leaves_no_coroutine_behind() -> None:
    it = asyncio.run(thread())
    work = Asked().work()
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(it._at_home(work))
    assert closed(work)


def test_a_loop_that_does_not_come_to_it_any_more_leaves_no_coroutine_behind() -> None:
    home = asyncio.new_event_loop()
    it = home.run_until_complete(thread())
    work = Asked().work()

    async def cut_short() -> None:
        task = asyncio.create_task(it._at_home(work))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cut_short())
    assert closed(work)
    home.run_until_complete(asyncio.sleep(0))  # what was left for it does nothing
    home.close()


async def test_one_that_nobody_waits_for_any_more_ends_by_itself() -> None:
    it, begun, go_on = await thread(), threading.Event(), asyncio.Event()

    async def work() -> str:
        begun.set()
        await go_on.wait()
        return "token"

    async def cut_short() -> None:
        task = asyncio.create_task(it._at_home(work()))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await asyncio.to_thread(asyncio.run, cut_short())
    [left] = asyncio.all_tasks() - {asyncio.current_task()}
    go_on.set()
    await left
