"""The steps of a canary, with leaders that come and go: what they write, in virtual time.

Each replica is the real directory, status and writer; the API server is one in memory, and what is written to
it reaches every replica by a watch that lags.
"""

import asyncio
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from rollcall.directory import Directory
from rollcall.model import Key, ReleaseStatus, Step, Strategy, unix_seconds
from rollcall.propagation.tracker import Tracker
from rollcall.publish.selection import FileSelection
from rollcall.status.reporting import Reporting
from rollcall.watch.resource import SERVICE_INSTANCES
from rollcall.zone import Installation, PublishedVersion, Zones
from unit.running import running
from unit.status.cluster import START
from unit.status.fake_api import FakeApi, broken, unreachable
from unit.world import pod, service

if TYPE_CHECKING:
    from rollcall.kube.client import KubeClient

pytestmark = pytest.mark.looptime

KEY = Key("shop", "web")
PATH = "/apis/rollcall.dev/v1alpha1/namespaces/shop/serviceinstances/web"
STEPS = (Step(5, "20s"), Step(25, "30s"), Step(60, "20s"), Step(100, "10s"))
SPEC = {
    "release": {
        "canary": {
            "stable": "v1",
            "canary": "v2",
            "rollbackAfter": "40s",
            "steps": msgspec.to_builtins(STEPS),
        }
    }
}


class Replica:
    """What one process has of the cluster, and what it tells it while it leads."""

    def __init__(self, api: FakeApi) -> None:
        self.directory = Directory()
        self.zones = Zones(self.directory, Installation("test"))
        self.reporting = Reporting(
            cast("KubeClient", api),
            self.directory,
            self.zones,
            FileSelection(self.directory, cross_namespace=False),
            Tracker(self.directory, self.zones, 1, now),
            lambda _: None,
            grace_seconds=0.0,
            unix_time=now,
        )
        self.directory.apply_service(service())
        for version, count in (("v1", 5), ("v2", 4)):
            for number in range(count):
                self.set(version, number)

    def set(self, version: str, number: int, **fields: Any) -> None:
        """Let the watch bring a pod."""
        labels = {"app": "web", "version": version}
        address = f"10.0.{version[1]}.{number}"
        self.directory.apply_pod(pod(f"{version}-{number}", address, labels=labels, **fields))
        self.flow()

    def take(self, stored: dict[str, Any]) -> None:
        """Let the watch bring the ServiceInstance."""
        raw = msgspec.Raw(msgspec.json.encode(stored))
        item = SERVICE_INSTANCES.read_item(raw)
        assert item.object is not None
        self.directory.apply_resource(item.object)
        self.flow()

    def flow(self) -> None:
        changes = self.directory.take_changes()
        self.zones.place(changes)
        version = PublishedVersion(0, changes, self.zones.commit(int(now())), 0)
        self.reporting.on_published(version)

    @property
    def weight(self) -> int:
        entry = self.directory.get(KEY)
        assert entry is not None
        assert entry.released is not None
        return entry.released.weight


class Cluster:
    """Two replicas, and the watch between them and the API server."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.api = FakeApi()
        self.api.add(PATH)
        meta = self.api.objects[PATH]["metadata"]
        meta |= {"name": "web", "namespace": "shop", "generation": 1}
        self.api.objects[PATH]["spec"] = SPEC
        self.replicas = [Replica(self.api), Replica(self.api)]
        self.told: list[dict[str, Any]] = []

    async def watch(self, replica: Replica) -> None:
        """Bring what was written to a replica, after a while."""
        last = ""
        while True:
            stored = self.api.objects[PATH]
            if stored["metadata"]["resourceVersion"] != last:
                last = stored["metadata"]["resourceVersion"]
                replica.take(stored)
                steps = stored.get("status", {}).get("release", {}).get("steps")
                if steps and steps not in self.told:
                    self.told.append(steps)
            await asyncio.sleep(self.random.uniform(0.05, 0.5))

    def watches(self) -> Iterator[Any]:
        return (self.watch(replica) for replica in self.replicas)

    @property
    def steps(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.status(PATH)["release"]["steps"]
        return found

    def taken(self) -> list[int]:
        """Return the steps in the order in which they were written."""
        numbers = [each["step"] for each in self.told]
        return [number for at, number in enumerate(numbers) if not at or numbers[at - 1] != number]


def now() -> float:
    return START + asyncio.get_running_loop().time()


async def lead(replica: Replica, for_seconds: float) -> None:
    async with running(replica.reporting.run()):
        await asyncio.sleep(for_seconds)


async def test_every_replica_answers_the_step_that_the_leader_has_written() -> None:
    cluster = Cluster()
    leader, other = cluster.replicas
    async with running(*cluster.watches(), leader.reporting.run()):
        await asyncio.sleep(2)
        assert cluster.steps["step"] == 1
        assert (leader.weight, other.weight) == (5, 5)
        await asyncio.sleep(21)
        assert (leader.weight, other.weight) == (25, 25)
        await asyncio.sleep(90)
        assert (leader.weight, other.weight) == (100, 100)
    assert cluster.taken() == [1, 2, 3, 4]
    assert cluster.steps["state"] == "Completed"
    status = cluster.api.status(PATH)
    assert status["release"]["weight"] == 100
    assert msgspec.convert(status["release"], ReleaseStatus).strategy is Strategy.CANARY


@pytest.mark.parametrize("seed", range(20))
async def test_leaders_that_come_and_go_repeat_no_step_and_leave_none_out(seed: int) -> None:
    """They end in the middle of a write, too, and some writes fail."""
    cluster = Cluster(seed)
    draw = cluster.random
    async with running(*cluster.watches()):
        for _ in range(200):
            if cluster.told and cluster.told[-1]["state"] == "Completed":
                break
            if draw.random() < 0.3:
                cluster.api.failures.extend(draw.choices((unreachable(), broken()), k=draw.randrange(3)))
            await lead(draw.choice(cluster.replicas), draw.uniform(0.0, 15.0))
            await asyncio.sleep(draw.choice((0.0, 0.5, 40.0)))
    assert cluster.taken() == [1, 2, 3, 4]
    assert cluster.steps["state"] == "Completed"
    since = [next(each for each in cluster.told if each["step"] == n)["since"] for n in (1, 2, 3, 4)]
    pauses = [unix_seconds(later) - unix_seconds(earlier) for earlier, later in pairwise(since)]
    assert all(pause >= asked for pause, asked in zip(pauses, (20, 30, 20), strict=True)), pauses


async def test_two_that_both_think_they_lead_take_each_step_once() -> None:
    cluster = Cluster(3)
    cluster.api.writers = 2
    async with running(*cluster.watches(), *(each.reporting.run() for each in cluster.replicas)):
        await asyncio.sleep(130)
    assert cluster.taken() == [1, 2, 3, 4]


async def test_a_canary_that_goes_bad_is_held_then_taken_out_and_stays_out_after_a_change_of_leader() -> None:
    cluster = Cluster()
    leader, other = cluster.replicas
    async with running(*cluster.watches()):
        async with running(leader.reporting.run()):
            await asyncio.sleep(25)
            assert leader.weight == 25
            for number in (0, 1):
                for replica in cluster.replicas:
                    replica.set("v2", number, ready=False)
            await asyncio.sleep(5)
            assert cluster.steps["state"] == "Holding"
            assert {each["reason"] for each in cluster.api.status(PATH)["conditions"]} >= {"CanaryHeld"}
        await lead(other, 45)
        assert cluster.steps["state"] == "RolledBack"
        assert (leader.weight, other.weight) == (0, 0)
        for number in (0, 1):
            for replica in cluster.replicas:
                replica.set("v2", number)
        await lead(leader, 60)
        assert (leader.weight, other.weight) == (0, 0)
    status = cluster.api.status(PATH)
    assert status["reason"] == "CanaryRolledBack"
    (told,) = [each["message"] for each in status["conditions"] if each["type"] == "Released"]
    assert "Step 2 of 4 (25% for v2) has failed, and v1 has all answers: 2 of 4" in told


async def test_restarts_hold_it_though_all_are_ready() -> None:
    cluster = Cluster()
    leader, _ = cluster.replicas
    async with running(*cluster.watches(), leader.reporting.run()):
        await asyncio.sleep(2)
        leader.set("v2", 0, restarts=1)
        await asyncio.sleep(30)
        assert (cluster.steps["state"], cluster.steps["step"]) == ("Holding", 1)
        leader.set("v2", 0, restarts=2)
        await asyncio.sleep(20)
        leader.set("v2", 0, restarts=3)
        await asyncio.sleep(2)
        assert cluster.steps["state"] == "RolledBack"
        assert leader.weight == 0


async def test_without_steps_nothing_is_remembered_of_them() -> None:
    cluster = Cluster()
    leader, _ = cluster.replicas
    async with running(*cluster.watches(), leader.reporting.run()):
        await asyncio.sleep(25)
        assert cluster.steps["step"] == 2
        ask = {"release": {"canary": {"stable": "v1", "canary": "v2", "weight": 10}}}
        cluster.api.objects[PATH]["spec"] = ask
        cluster.api.touch(PATH)
        await asyncio.sleep(5)
        assert "steps" not in cluster.api.status(PATH)["release"]
        assert leader.weight == 10
        cluster.api.objects[PATH]["spec"] = SPEC
        cluster.api.touch(PATH)
        await asyncio.sleep(5)
        assert (cluster.steps["step"], leader.weight) == (1, 5)
