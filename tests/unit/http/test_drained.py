"""The page that preStop hooks wait at: a real server and client, over a socket file."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rollcall.directory import Directory
from rollcall.http.drained import DrainWaits, add_drained_route
from rollcall.model import Key
from rollcall.propagation.drains import Drains
from rollcall.propagation.report import CURRENT, TargetReport
from rollcall.propagation.tracker import Tracker
from rollcall.zone import Commit, PublishedVersion, ZoneDelta, Zones
from unit.world import pod, service, zone

APEX = b"\x01a\x00"
WEB = Key("shop", "web-0")


class World:
    """A directory with one pod in a zone, whose changes take `ttl` seconds to leave caches."""

    def __init__(self) -> None:
        self.leads = True
        self.directory = Directory()
        self.zones = Zones(self.directory, "test")
        self.tracker = Tracker(self.directory, self.zones, 1, lambda: 0.0)
        self.tracker.on_connected(0, True)
        self.drains = Drains(self.directory, self.tracker, lambda: self.leads)
        self.waits = DrainWaits(self.drains)
        self.tracker.listeners = (self.drains, self.waits)
        self._version = 1
        self.directory.apply_service(service())
        self.directory.apply_pod(pod())
        self.directory.take_changes()
        self.tracker.start(1)

    def set_ttl(self, seconds: int) -> None:
        self.zones.apply_zone(zone(ttl_seconds=seconds))

    def want(self, *targets: str) -> None:
        self.tracker.targets.keep([(APEX, target) for target in targets])

    def delete(self) -> int:
        """Let the pod leave the answers; return the version without it."""
        self.directory.apply_pod(pod(deleting=True))
        self._version += 1
        commit = Commit((ZoneDelta(APEX, self._version),), zones=frozenset(self.zones.names()))
        now_ns = int(asyncio.get_running_loop().time() * 1e9)
        changes = self.directory.take_changes()
        self.tracker.on_published(PublishedVersion(self._version, changes, commit, now_ns))
        return self._version

    def serve(self, version: int) -> None:
        self.tracker.on_acknowledged(0, version, 0.0)

    def report(self, target: str, serial: int) -> None:
        self.tracker.on_report(TargetReport("main", APEX, target, serial, 0.0, CURRENT, "", True))


@pytest.fixture
def world() -> World:
    return World()


Get = Callable[..., Any]


@pytest.fixture
async def get(world: World, tmp_path: Path) -> AsyncIterator[Get]:
    app = web.Application()
    add_drained_route(app, world.waits)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    path = str(tmp_path / "http")
    await web.UnixSite(runner, path).start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path))
        )

        async def get(query: str) -> tuple[int, dict[str, Any]]:
            async with session.get(f"http://rollcall/v1/drained{query}") as response:
                return response.status, json.loads(await response.text())

        yield get


async def somebody_waits(world: World) -> None:
    async with asyncio.timeout(30):
        while world.waits._news is None:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.005)


async def test_it_returns_when_nobody_answers_a_pod(world, get):
    waiting = asyncio.create_task(get("?pod=shop/web-0"))
    await somebody_waits(world)
    version = world.delete()
    await somebody_waits(world)
    assert not waiting.done()
    world.serve(version)
    assert await waiting == (200, {"pod": "shop/web-0", "drained": True})


async def test_a_pod_that_is_gone_is_drained(world, get):
    world.serve(world.delete())
    world.tracker.on_pod_removed(WEB)
    world.directory.remove_pod(WEB)
    assert (await get("?pod=shop/web-0&timeout=0"))[0] == 200


async def test_a_pod_that_stays_is_told_from_one_that_is_on_its_way(world, get):
    status, body = await get("?pod=shop/web-0&timeout=0.05")
    assert (status, body["error"]) == (504, "NotDrained")
    assert "neither being deleted nor drained" in body["message"]
    world.delete()
    status, body = await get("?pod=shop/web-0&timeout=0")
    assert status == 504
    assert "a DNS worker" in body["message"]


async def test_the_target_that_is_behind_is_named(world, get):
    world.want("bind")
    world.serve(world.delete())
    status, body = await get("?pod=shop/web-0&timeout=0")
    assert status == 504
    assert body["message"].endswith("still answered by bind")
    world.report("bind", 2)
    assert (await get("?pod=shop/web-0"))[0] == 200


async def test_it_waits_for_caches(world, get):
    world.set_ttl(3600)
    world.serve(world.delete())
    status, body = await get("?pod=shop/web-0&timeout=0")
    assert status == 504
    assert "caches may have it" in body["message"]


@pytest.mark.looptime
async def test_the_wait_for_caches_ends_by_itself(world):
    now = asyncio.get_running_loop().time
    world.set_ttl(3600)
    world.serve(world.delete())
    began = now()
    assert world.drains.check(WEB, began) is not None
    assert await world.waits.wait(WEB, 9000) is None
    assert now() - began == pytest.approx(3600)


async def test_a_replica_that_does_not_lead_knows_nothing_of_targets(world, get):
    world.want("bind")
    world.leads = False
    world.serve(world.delete())
    assert (await get("?pod=shop/web-0"))[1]["error"] == "NotLeading"
    world.want()
    assert (await get("?pod=shop/web-0"))[0] == 200


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        ("?pod=shop/nobody", 404, "NotFound"),
        ("", 400, "InvalidPod"),
        ("?pod=web-0", 400, "InvalidPod"),
        ("?pod=Shop/web-0", 400, "InvalidPod"),
        ("?pod=shop/web-0/x", 400, "InvalidPod"),
        ("?pod=shop/web-0&timeout=soon", 400, "InvalidTimeout"),
        ("?pod=shop/web-0&timeout=-1", 400, "InvalidTimeout"),
        ("?pod=shop/web-0&timeout=", 400, "InvalidTimeout"),
        ("?pod=shop/web-0&wait=3", 400, "UnknownParameter"),
    ],
)
async def test_what_makes_no_sense_is_refused(world, get, query, status, error):
    found, body = await get(query)
    assert (found, body["error"]) == (status, error)


async def test_before_the_first_sync_nothing_is_known(world, get):
    world.drains.is_synced = False
    status, body = await get("?pod=shop/nobody")
    assert (status, body["error"]) == (503, "NotSynced")


async def test_those_who_wait_are_let_go_at_the_end(world):
    waiting = asyncio.create_task(world.waits.wait(WEB, 60))
    await asyncio.sleep(0)
    world.waits.close()
    assert await waiting is not None
