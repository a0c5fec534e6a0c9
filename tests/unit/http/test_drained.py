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

from rollcall.http.drained import REST_SECONDS, add_drained_route
from rollcall.http.limits import HttpLimits
from rollcall.http.waits import Waits
from rollcall.model import Key
from rollcall.propagation.drains import NotDrained
from unit.http.draining import WEB, World
from waiting import until


@pytest.fixture
def world() -> World:
    return World()


Get = Callable[..., Any]


@pytest.fixture
async def get(world: World, tmp_path: Path) -> AsyncIterator[Get]:
    app = web.Application()
    add_drained_route(app, world.waits, Waits(HttpLimits()))
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
    """Wait until somebody has looked and found nothing."""

    def waits() -> bool:
        return any(not wait.news.is_set() for of_pod in world.waits._waits.values() for wait in of_pod)

    await until(waits, "somebody who waits")


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


@pytest.mark.looptime
async def test_other_changes_are_no_news_to_who_waits(world, monkeypatch):
    """However many changes there are; neither while the pod stays nor while it is on its way."""
    looks = 0
    check: Callable[[Key, float], NotDrained | None] = world.drains.check

    def counted(pod: Key, now: float) -> NotDrained | None:
        nonlocal looks
        looks += 1
        return check(pod, now)

    monkeypatch.setattr(world.drains, "check", counted)

    loop = asyncio.get_running_loop()
    waiting = asyncio.create_task(world.waits.wait(WEB, 60))
    await asyncio.sleep(0)
    for version in range(100, 200):
        world.tracker.on_acknowledged(0, version, 0.0)
        await asyncio.sleep(0)
    assert looks == 1
    world.want("bind")
    world.serve(world.delete())
    await asyncio.sleep(1)
    before, began = looks, loop.time()
    while loop.time() < began + 1:
        world.tracker.on_acknowledged(0, 300, 0.0)
        await asyncio.sleep(0.001)
    assert looks - before <= 1 / REST_SECONDS + 1
    world.report("bind", 2)
    assert await waiting is None
    assert loop.time() - began < 1 + 2 * REST_SECONDS
    assert not world.waits._waits
