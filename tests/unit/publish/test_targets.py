"""The workers of targets: which run, and what is said of one that breaks. In virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rollcall.model import UpdateTarget
from rollcall.propagation.report import BEHIND, CURRENT, TargetReport
from rollcall.publish import targets as module
from rollcall.publish.targets import BROKEN, RESTART_SECONDS, Targets
from rollcall.zone.names import from_text
from unit.world import IDENTITY, World, pod, service, zone

pytestmark = pytest.mark.looptime

APEX = from_text("example.com")
ONE, TWO = UpdateTarget("one", "192.0.2.1", "secret"), UpdateTarget("two", "192.0.2.2", "secret")


class Worker:
    """Stands for an UpdateWorker: it says and does what the test wants, and is found in `made`."""

    made: list["Worker"]

    def __init__(self, zone: str, spec: UpdateTarget, *rest: Any) -> None:
        self.zone = zone
        self.spec = spec
        self.report = rest[-2]
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.made.append(self)

    def on_version(self, version: object) -> None:
        """Do nothing."""

    async def run(self) -> None:
        await self.over

    def say(self, serial: int, at: float, reason: str) -> None:
        self.report(TargetReport(self.zone, APEX, self.spec.name, serial, at, reason, "", reason == CURRENT))

    def breaks(self) -> None:
        self.over.set_exception(KeyError("a defect"))


class Stage:
    """Targets that run; `said` is what was reported of them."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int, float, str, bool]] = []
        self._world = World(service(), pod(), now=1_800_000_000)
        nothing: Any = None  # no worker asks for keys or for the fence here
        self.targets = Targets(self._world.zones, "test", nothing, nothing, self._take)
        self.configure(ONE)

    def configure(self, *specs: UpdateTarget, owner: str = IDENTITY) -> None:
        self._world.put(self._world.history.possible(zone(updates=specs, owner=owner)))
        self.targets.on_zones_changed()

    def _take(self, report: TargetReport) -> None:
        assert (report.zone, report.domain) == ("main", APEX)
        self.said.append((report.target, report.serial, report.at, report.reason, report.healthy))


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Stage, list[Worker]]]:
    stage = Stage()
    task = asyncio.create_task(stage.targets.run())
    await asyncio.sleep(0.1)
    try:
        yield stage, Worker.made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _workers(monkeypatch: pytest.MonkeyPatch) -> None:
    Worker.made = []
    monkeypatch.setattr(module, "UpdateWorker", Worker)


async def test_what_the_server_has_is_still_said_when_the_worker_breaks() -> None:
    async with running() as (stage, workers):
        workers[0].say(7, 1000.0, CURRENT)
        workers[0].breaks()
        await asyncio.sleep(RESTART_SECONDS / 2)
        assert stage.said[1:] == [("one", 7, 1000.0, BROKEN, False)]
        assert len(workers) == 1
        await asyncio.sleep(RESTART_SECONDS)
        assert len(workers) == 2
        workers[1].say(0, 0.0, BEHIND)  # it has not looked yet
        workers[1].say(8, 2000.0, CURRENT)
        assert stage.said[2:] == [("one", 7, 1000.0, BEHIND, False), ("one", 8, 2000.0, CURRENT, True)]


async def test_a_worker_that_breaks_before_it_has_published() -> None:
    async with running() as (stage, workers):
        workers[0].breaks()
        await asyncio.sleep(RESTART_SECONDS / 2)
        assert stage.said == [("one", 0, 0.0, BROKEN, False)]


async def test_another_server_of_the_same_name_has_nothing_yet() -> None:
    async with running() as (stage, workers):
        workers[0].say(7, 1000.0, CURRENT)
        stage.configure(UpdateTarget("one", "192.0.2.9", "secret"))
        await asyncio.sleep(0.1)
        workers[1].say(0, 0.0, BEHIND)
        assert stage.said[1:] == [("one", 0, 0.0, BEHIND, False)]


async def test_one_that_breaks_is_no_other() -> None:
    async with running() as (stage, workers):
        stage.configure(ONE, TWO)
        await asyncio.sleep(0.1)
        assert [worker.spec for worker in workers] == [ONE, TWO]
        workers[1].say(5, 500.0, CURRENT)
        workers[0].breaks()
        await asyncio.sleep(2 * RESTART_SECONDS)
        assert [worker.spec for worker in workers] == [ONE, TWO, ONE]
        assert not workers[1].over.done()
        assert stage.said[1:] == [("one", 0, 0.0, BROKEN, False)]


async def test_only_its_owner_writes_a_zone_at_other_servers() -> None:
    async with running() as (stage, workers):
        for owner, number in ("", 1), (IDENTITY, 2), ("other", 2), (IDENTITY, 3):
            stage.configure(ONE, owner=owner)
            await asyncio.sleep(0.1)
            assert len(workers) == number
            assert workers[-1].over.cancelled() is (owner != IDENTITY)
