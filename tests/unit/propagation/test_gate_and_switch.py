"""Under the gate the new pods of a roll-out become ready with the switch; in virtual time."""

import asyncio
from typing import Any

import pytest

from rollcall.model import BlueGreen, Follow, Gate, Key, Pod, Release
from rollcall.propagation.drains import Drains
from rollcall.propagation.gate import Gatekeeper
from rollcall.propagation.tracker import Presence
from rollcall.propagation.turns import Turns
from rollcall.zone import Zones
from unit.directory.rolling import deployment, known, of, replica_set
from unit.running import running
from unit.world import resource

pytestmark = pytest.mark.looptime

SETTLED = 2.0
NEEDED = 2


def new(number: int, containers: bool) -> Pod:
    """Make a pod of the version `b`, under the gate and not ready yet."""
    return of("b", number, ready=False, node="node", gate=Gate(containers, "", None))


class World:
    """A service that has answered `a`, whose Deployment is going to `b`; there is no zone to wait for."""

    def __init__(self) -> None:
        self.written: set[str] = set()
        self.presence = Presence()
        self.directory = known(publication_gate=True)
        self.zones = Zones(self.directory, "test")
        self.gatekeeper = Gatekeeper(self, self.directory, self.presence, draw=max)
        drains = Drains(self.directory, self.presence, lambda: True)
        self.turns = Turns(self.directory, self.zones, self.presence, drains, self.gatekeeper)
        self.turns.start(0)
        self.turns.served(0)
        self.directory.apply_workload(deployment(1))
        self.directory.apply_workload(replica_set("a", 1))
        for number in range(NEEDED):
            self.directory.apply_pod(of("a", number))
        blue_green = BlueGreen(min_ready=NEEDED)
        self.directory.apply_resource(
            resource(release=Release(follow=Follow.DEPLOYMENT, blue_green=blue_green))
        )
        self.flow()
        self.directory.apply_workload(replica_set("b", 2))
        self.directory.apply_workload(deployment(2))
        self.flow()

    async def patch(self, path: str, body: Any, content_type: str) -> None:
        self.written.add(path.split("/")[-2])

    def set(self, *pods: Pod) -> None:
        for each in pods:
            self.turns.apply_pod(each)
            self.directory.apply_pod(each)
        self.flow()

    def remove(self, key: Key) -> None:
        self.turns.remove_pod(key)
        self.directory.remove_pod(key)
        self.flow()

    def flow(self) -> None:
        changes = self.directory.take_changes()
        self.zones.place(changes)
        self.turns.published(0, changes, self.zones.commit(1_800_000_000))


async def test_the_first_of_the_new_pods_is_published_with_the_last() -> None:
    world = World()
    async with running(world.gatekeeper.run()):
        world.set(new(0, True), new(1, False))
        await asyncio.sleep(SETTLED)
        assert world.written == set()
        world.set(new(1, True))
        await asyncio.sleep(SETTLED)
        assert world.written == {"web-b-0", "web-b-1"}


async def test_it_does_not_wait_for_one_that_is_deleted() -> None:
    world = World()
    async with running(world.gatekeeper.run()):
        world.set(new(0, True), new(1, False))
        await asyncio.sleep(SETTLED)
        world.remove(new(1, False).key)
        await asyncio.sleep(SETTLED)
        assert world.written == {"web-b-0"}
