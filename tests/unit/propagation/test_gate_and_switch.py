"""Under the gate the new pods of a roll-out become ready with the switch; in virtual time."""

import asyncio
from typing import Any

import pytest

from rollcall.model import BlueGreen, Follow, Gate, Key, Pod, Release
from rollcall.propagation.gate import PublicationGate
from rollcall.propagation.tracker import Tracker
from rollcall.status.gate_writer import GateWriter
from rollcall.zone import PublishedVersion, Zones
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
        self.directory = known(publication_gate=True)
        self.zones = Zones(self.directory, "test")
        self.tracker = Tracker(self.directory, self.zones, 1, lambda: 0.0)
        gate = PublicationGate(self.directory, self.tracker)
        self.writer = GateWriter(self, gate, draw=max)
        self.tracker.listeners = (gate, self.writer)
        self.tracker.start(0)
        self.tracker.on_connected(0, True)
        self.tracker.on_acknowledged(0, 0, 0.0)
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
            self.tracker.on_pod(each)
            self.directory.apply_pod(each)
        self.flow()

    def remove(self, key: Key) -> None:
        self.tracker.on_pod_removed(key)
        self.directory.remove_pod(key)
        self.flow()

    def flow(self) -> None:
        changes = self.directory.take_changes()
        self.zones.place(changes)
        version = PublishedVersion(0, changes, self.zones.commit(1_800_000_000), 0)
        self.tracker.on_published(version)


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
