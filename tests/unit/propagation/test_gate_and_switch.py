"""Under the gate the new pods of a roll-out become ready with the switch; in virtual time."""

import asyncio
from typing import Any

import pytest

from rollcall.model import BlueGreen, Follow, Gate, Key, Pod, Release
from rollcall.propagation.gate import PublicationGate
from rollcall.status.gate_writer import GateWriter
from unit.directory.rolling import deployment, of, replica_set
from unit.running import running
from unit.tracked import TrackedWorld
from unit.world import resource, service

pytestmark = pytest.mark.looptime

SETTLED = 2.0
NEEDED = 2


def new(number: int, containers: bool) -> Pod:
    """Make a pod of the version `b`, under the gate and not ready yet."""
    return of("b", number, ready=False, node="node", gate=Gate(containers, "", None))


class World(TrackedWorld):
    """A service that has answered `a`, whose Deployment is going to `b`; there is no zone to wait for."""

    def __init__(self) -> None:
        super().__init__(service(), publication_gate=True)
        self.directory.set_follow_problem(Follow.DEPLOYMENT, None)
        self.written: set[str] = set()
        gate = PublicationGate(self.directory, self.tracker)
        self.writer = GateWriter(self, gate, draw=max)
        self.tracker.listeners = (gate, self.writer)
        self.tracker.start(0)
        self.serve()
        release = Release(follow=Follow.DEPLOYMENT, blue_green=BlueGreen(min_ready=NEEDED))
        self.apply(deployment(1), replica_set("a", 1), resource(release=release))
        self.set(*(of("a", number) for number in range(NEEDED)))
        self.apply(replica_set("b", 2), deployment(2))
        self.flow()

    async def patch(self, path: str, body: Any, content_type: str) -> None:
        self.written.add(path.split("/")[-2])

    def set(self, *pods: Pod) -> None:
        super().set(*pods)
        self.flow()

    def remove(self, key: Key) -> None:
        super().remove(key)
        self.flow()


async def test_the_first_of_the_new_pods_is_published_with_the_last() -> None:
    world = World()
    async with running(world.writer.run()):
        world.set(new(0, True), new(1, False))
        await asyncio.sleep(SETTLED)
        assert world.written == set()
        world.set(new(1, True))
        await asyncio.sleep(SETTLED)
        assert world.written == {"web-b-0", "web-b-1"}


async def test_it_does_not_wait_for_one_that_is_deleted() -> None:
    world = World()
    async with running(world.writer.run()):
        world.set(new(0, True), new(1, False))
        await asyncio.sleep(SETTLED)
        world.remove(new(1, False).key)
        await asyncio.sleep(SETTLED)
        assert world.written == {"web-b-0"}
