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
from unit.http.draining import WEB, Draining
from waiting import until


@pytest.fixture
def draining() -> Draining:
    return Draining()


Get = Callable[..., Any]


@pytest.fixture
async def get(draining: Draining, tmp_path: Path) -> AsyncIterator[Get]:
    app = web.Application()
    add_drained_route(app, draining.waits, Waits(HttpLimits()))
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


async def somebody_waits(draining: Draining) -> None:
    """Wait until somebody has looked and found nothing."""

    def waits() -> bool:
        return any(not wait.news.is_set() for of_pod in draining.waits._waits.values() for wait in of_pod)

    await until(waits, "somebody who waits")


async def test_it_returns_when_nobody_answers_a_pod(draining, get):
    waiting = asyncio.create_task(get("?pod=shop/web-0"))
    await somebody_waits(draining)
    version = draining.delete()
    await somebody_waits(draining)
    assert not waiting.done()
    draining.serve(version)
    assert await waiting == (200, {"pod": "shop/web-0", "drained": True})


async def test_a_pod_that_is_gone_is_drained(draining, get):
    draining.serve(draining.delete())
    draining.tracker.on_pod_removed(WEB)
    draining.directory.remove_pod(WEB)
    assert (await get("?pod=shop/web-0&timeout=0"))[0] == 200


async def test_a_pod_that_stays_is_told_from_one_that_is_on_its_way(draining, get):
    status, body = await get("?pod=shop/web-0&timeout=0.05")
    assert (status, body["error"]) == (504, "NotDrained")
    assert "neither being deleted nor drained" in body["message"]
    draining.delete()
    status, body = await get("?pod=shop/web-0&timeout=0")
    assert status == 504
    assert "a DNS worker" in body["message"]


async def test_the_target_that_is_behind_is_named(draining, get):
    draining.want("bind")
    draining.serve(draining.delete())
    status, body = await get("?pod=shop/web-0&timeout=0")
    assert status == 504
    assert body["message"].endswith("still answered by bind")
    draining.report("bind", 2)
    assert (await get("?pod=shop/web-0"))[0] == 200


async def test_it_waits_for_caches(draining, get):
    draining.set_ttl(3600)
    draining.serve(draining.delete())
    status, body = await get("?pod=shop/web-0&timeout=0")
    assert status == 504
    assert "caches may have it" in body["message"]


@pytest.mark.looptime
async def test_the_wait_for_caches_ends_by_itself(draining):
    now = asyncio.get_running_loop().time
    draining.set_ttl(3600)
    draining.serve(draining.delete())
    began = now()
    assert draining.drains.check(WEB, began) is not None
    assert await draining.waits.wait(WEB, 9000) is None
    assert now() - began == pytest.approx(3600)


async def test_a_replica_that_does_not_lead_knows_nothing_of_targets(draining, get):
    draining.want("bind")
    draining.leads = False
    draining.serve(draining.delete())
    assert (await get("?pod=shop/web-0"))[1]["error"] == "NotLeading"
    draining.want()
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
async def test_what_makes_no_sense_is_refused(draining, get, query, status, error):
    found, body = await get(query)
    assert (found, body["error"]) == (status, error)


async def test_before_the_first_sync_nothing_is_known(draining, get):
    draining.drains.is_synced = False
    status, body = await get("?pod=shop/nobody")
    assert (status, body["error"]) == (503, "NotSynced")


async def test_those_who_wait_are_let_go_at_the_end(draining):
    waiting = asyncio.create_task(draining.waits.wait(WEB, 60))
    await asyncio.sleep(0)
    draining.waits.close()
    assert await waiting is not None


@pytest.mark.looptime
async def test_other_changes_are_no_news_to_who_waits(draining, monkeypatch):
    """However many changes there are; neither while the pod stays nor while it is on its way."""
    looks = 0
    check: Callable[[Key, float], NotDrained | None] = draining.drains.check

    def counted(pod: Key, now: float) -> NotDrained | None:
        nonlocal looks
        looks += 1
        return check(pod, now)

    monkeypatch.setattr(draining.drains, "check", counted)

    loop = asyncio.get_running_loop()
    waiting = asyncio.create_task(draining.waits.wait(WEB, 60))
    await asyncio.sleep(0)
    for version in range(100, 200):
        draining.tracker.on_acknowledged(0, version, 0.0)
        await asyncio.sleep(0)
    assert looks == 1
    draining.want("bind")
    draining.serve(draining.delete())
    await asyncio.sleep(1)
    before, began = looks, loop.time()
    while loop.time() < began + 1:
        draining.tracker.on_acknowledged(0, 300, 0.0)
        await asyncio.sleep(0.001)
    assert looks - before <= 1 / REST_SECONDS + 1
    draining.report("bind", 2)
    assert await waiting is None
    assert loop.time() - began < 1 + 2 * REST_SECONDS
    assert not draining.waits._waits
