"""What is due at a certain time, though nothing happens before."""

import asyncio
from collections.abc import Callable

from rollcall.model import Key

LONGEST_SECONDS = 60.0
"""Times are those of a clock that somebody may set; an alarm rings after this long at the latest."""


class Alarms:
    """Calls `ring` with an object when its time has come."""

    def __init__(self, ring: Callable[[Key], None]) -> None:
        self._ring = ring
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def set_alarm(self, key: Key, at: float | None, now: float) -> None:
        """Replace the time of an object (Unix seconds, as `now`); None: it has none."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if at is not None:
            seconds = min(max(at - now, 0), LONGEST_SECONDS)
            self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._due, key)

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self._ring(key)
