"""Runs what never ends for the length of a block."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any


@contextlib.asynccontextmanager
async def running(*forever: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Run coroutines beside the block, and cancel them at its end; what they raise ends the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in forever]
        yield
        for task in tasks:
            task.cancel()
