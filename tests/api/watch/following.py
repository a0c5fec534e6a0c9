"""A consumer that builds its state from nothing but the changes of a reflector that runs beside a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Generic

from rollcall.model import Key
from rollcall.watch import Batch, Reflector, Resource
from rollcall.watch.pages import Transport
from rollcall.watch.resource import T
from waiting import SECONDS, News


class Consumer(Generic[T]):
    """Applies changes, and checks each against what it has."""

    def __init__(self) -> None:
        self.state = dict[Key, T]()
        self.batches: list[Batch[T]] = []
        self._news = News(self.names)
        self.until = self._news.until

    def take(self, batch: Batch[T]) -> None:
        self.batches.append(batch)
        for change in batch.changes:
            assert self.state.get(change.key) == change.old
            if change.new is None:
                del self.state[change.key]
            else:
                self.state[change.key] = change.new
        self._news.tell()

    def names(self) -> set[str]:
        return {key.name for key in self.state}

    def named(self, name: str) -> T:
        return next(obj for key, obj in self.state.items() if key.name == name)


@contextlib.asynccontextmanager
async def following(
    client: Transport, resource: Resource[T], namespace: str | None = None
) -> AsyncIterator[tuple[Reflector[T], Consumer[T]]]:
    """Run a reflector for the length of the block."""
    consumer: Consumer[T] = Consumer()
    reflector = Reflector(client, resource, consumer.take, namespace=namespace)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(reflector.run())
        yield reflector, consumer
        running.cancel()


async def synced(reflector: Reflector[T]) -> None:
    async with asyncio.timeout(SECONDS):
        await reflector.synced.wait()
