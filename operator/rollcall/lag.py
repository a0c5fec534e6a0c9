"""How late the event loop of the control process is: what a change has to wait for at worst."""

import asyncio
from collections.abc import Callable
from typing import Never

TICK_SECONDS = 1.0


async def measure_lag(report: Callable[[float], None]) -> Never:
    """Report until cancelled by how many seconds a timer fires late."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        report(loop.time() - due)
