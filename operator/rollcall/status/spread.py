"""Marks of very many objects at once, made a few at a time: what is live meanwhile overtakes them."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice

from rollcall.model import Key

SLICE = 25
PAUSE_SECONDS = 0.1
"""250 objects a second, whatever happens: the state of a target concerns every service of its zone, and may
come and go all the time."""


class Spread:
    """Calls `mark` with objects, the first few at once. One that waits for its turn has one turn only."""

    def __init__(self, mark: Callable[[Key], None]) -> None:
        self._mark = mark
        self._pending: dict[Key, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def mark(self, keys: Iterable[Key]) -> None:
        """Have objects marked, in this order."""
        self._pending.update(dict.fromkeys(keys))
        if self._timer is None:
            self._go_on()

    def _go_on(self) -> None:
        self._timer = None
        for key in list(islice(self._pending, SLICE)):
            del self._pending[key]
            self._mark(key)
        if self._pending:
            self._timer = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._go_on)
