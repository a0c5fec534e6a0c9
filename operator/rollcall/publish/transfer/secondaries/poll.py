"""When a secondary is asked for its serial: every 15 s, and several times soon after it was told of a change.

A NOTIFY that was answered says only that it arrived: that the transfer is done is seen in the SOA alone. Most
are done in milliseconds, so that the first questions follow quickly; the regular ones find what was missed.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from random import Random

from rollcall.kube.backoff import jittered

from .reasons import Diagnosis

PERIOD_SECONDS = 15.0
SOON_SECONDS = (0.05, 0.2, 1.0, 5.0)
"""After a change, as long as the secondary doesn't show it."""
APART_SECONDS = 0.5
"""At least, from one question to the first one after a further change."""


class Poller:
    """Asks one secondary for its serial of one zone.

    `ask` gives the serial, or what is in its way; it doesn't raise, and ends in some seconds. `on_answer` is
    called with that, and returns whether there is nothing more to see before the next change.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[int | Diagnosis]],
        on_answer: Callable[[int | Diagnosis], bool],
        random: Random,
    ) -> None:
        self._ask = ask
        self._on_answer = on_answer
        self._random = random
        self._told = -math.inf
        self._began = -math.inf  # since when it is asked more often
        self._asked = -math.inf
        self._due = 0.0
        self._wake = asyncio.Event()

    def hurry(self) -> None:
        """Ask soon: the secondary was told of a change."""
        self._told = asyncio.get_running_loop().time()
        self._began = max(self._told, self._asked + APART_SECONDS - SOON_SECONDS[0])
        self._due = min(self._due, self._began + SOON_SECONDS[0])
        self._wake.set()

    async def run(self) -> None:
        """Ask now, and then as long as this runs."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            try:
                async with asyncio.timeout_at(self._due):
                    await self._wake.wait()
                continue
            except TimeoutError:
                self._due = math.inf
            self._asked = loop.time()
            if self._on_answer(await self._ask()) and self._told <= self._asked:
                self._began = -math.inf
            self._due = min(self._due, self._next(loop.time()))

    def _next(self, now: float) -> float:
        for seconds in SOON_SECONDS:
            if self._began + seconds > now:
                return self._began + seconds
        return now + jittered(PERIOD_SECONDS, self._random.uniform)
