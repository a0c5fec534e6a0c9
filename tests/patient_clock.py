"""A clock for the event loop that no busy machine makes late: for limits on time, between peers in it."""

import asyncio
import time

import pytest

_SLOWER = 10


class PatientClock:
    """Time as the running loop sees it from now on: a tenth as fast, and as much further as the test says.

    So a process that gets no processor for a second is not taken for a client that was silent that long,
    and what hangs is nevertheless found in the end.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._begun = loop.time()
        self._real_begun = time.monotonic()
        self._passed = 0.0
        monkeypatch.setattr(loop, "time", self._time)

    async def let_pass(self, seconds: float) -> None:
        """Let so many seconds pass, and those take their turn who waited for that."""
        self._passed += seconds
        await asyncio.sleep(0)

    def _time(self) -> float:
        return self._begun + (time.monotonic() - self._real_begun) / _SLOWER + self._passed
