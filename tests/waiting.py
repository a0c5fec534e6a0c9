"""Waiting for what something else brings about, with a deadline and a word on what did not come.

`eventually` looks again and again, `until` does so in a coroutine; `News` looks when something is told.
Without a `what` the message shows the condition's own lines.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

SECONDS = 60.0
"""How long anything may take on a busy machine; a test that waits this long has failed."""

_POLL_SECONDS = 0.02

T = TypeVar("T")

What: TypeAlias = str | Callable[[], object]
"""What is waited for; a function says at the deadline what there is instead."""


class NotInTime(AssertionError):
    """Something that should have come to be has not."""


def eventually(condition: Callable[[], T], what: What = "", seconds: float = SECONDS) -> T:
    """Look until a condition holds; return what it gave.

    Raises:
        NotInTime: it never did.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise _missed(condition, what, seconds)
        time.sleep(_POLL_SECONDS)
    return found


async def until(
    condition: Callable[[], Awaitable[object] | object], what: What = "", seconds: float = SECONDS
) -> None:
    """Look until a condition holds that nothing tells about; it may be a coroutine function.

    Raises:
        NotInTime: it never did.
    """
    try:
        async with asyncio.timeout(seconds) as scope:
            while True:
                holds = condition()
                if inspect.isawaitable(holds):
                    holds = await holds
                if holds:
                    return
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        if not scope.expired():
            raise
        raise _missed(condition, what, seconds) from None


class News:
    """Tells those who wait that something has happened; `state` says in their message how far it came."""

    def __init__(self, state: Callable[[], object] | None = None) -> None:
        self._state = state
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Let everybody look again."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, condition: Callable[[], object], what: What = "", seconds: float = SECONDS) -> None:
        """Wait until a condition holds; it is looked at whenever something has happened.

        Raises:
            NotInTime: it never did.
        """
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._event.wait()
        except TimeoutError:
            raise _missed(condition, what, seconds, self._state) from None


def _missed(
    condition: Callable[[], object], what: What, seconds: float, state: Callable[[], object] | None = None
) -> NotInTime:
    wanted = (what() if callable(what) else what) or _source(condition)
    came_to = f"; it came to {state()}" if state else ""
    return NotInTime(f"not within {seconds:g} s: {wanted}{came_to}")


def _source(condition: Callable[[], object]) -> str:
    try:
        return " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):  # nothing that has source: a bound method of C, a partial
        return repr(condition)
