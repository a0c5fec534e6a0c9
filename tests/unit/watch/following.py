"""A consumer that builds its state from nothing but the changes, and a reflector that runs beside a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from rollcall.model import Key, Pod
from rollcall.watch import PODS, Batch, Reflector
from unit.watch.scripted import ScriptedServer

MOST = max
"""As a draw between two bounds: always the upper one."""


@dataclass
class Consumer:
    """Applies changes and checks each against what it has."""

    server: ScriptedServer
    state: dict[Key, Pod] = field(default_factory=dict)
    batches: list[Batch[Pod]] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)

    def take(self, batch: Batch[Pod]) -> None:
        assert batch.changes, "an empty batch"
        self.batches.append(batch)
        for change in batch.changes:
            assert self.state.get(change.key) == change.old
            assert change.old != change.new
            if change.new is None:
                assert change.old is not None
                self.removed.add(change.old.uid)
                still_there = [obj["metadata"]["uid"] for obj in self.server.objects.values()]
                assert change.old.uid not in still_there, "removed although the server has it"
                del self.state[change.key]
            else:
                assert change.old is None or change.old.uid == change.new.uid, "two objects in one change"
                assert change.new.uid not in self.removed, "an object came back from the dead"
                self.state[change.key] = change.new

    def names(self) -> set[str]:
        return {key.name for key in self.state}


@contextlib.asynccontextmanager
async def following(
    server: ScriptedServer, draw: Callable[[float, float], float] = MOST
) -> AsyncIterator[tuple[Reflector[Pod], Consumer]]:
    """Run a reflector over the server's pods for the length of the block."""
    consumer = Consumer(server)
    reflector = Reflector(server, PODS, consumer.take, draw=draw)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(reflector.run())
        yield reflector, consumer
        running.cancel()


async def settle(seconds: float = 2.0) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(seconds)
