"""Waiting for what another task, or a thread, brings about."""

import asyncio
from collections.abc import Callable

SECONDS = 20.0


class News:
    """Tells who waits that something happened."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        self._event.set()

    async def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until a condition holds; it is looked at whenever something happened."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._event.clear()
                await self._event.wait()
