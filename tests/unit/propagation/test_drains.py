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
from rollcall.model import Key
from rollcall.propagation.drains import Drains, add_drained_route
from rollcall.propagation.tracker import Presence
from unit.world import pod, service

APEX = b"\x01a\x00"
WEB = Key("shop", "web-0")


class World:
    """A directory with one pod in a zone, whose changes take `ttl` seconds to leave caches."""

    def __init__(self) -> None:
        self.leads = True
        self.ttl = 0
        self.directory = Directory()
        self.presence = Presence()
        self.drains = Drains(self.directory, self.presence, lambda: self.leads)
        self.drains.synced = True
        self._version = 1
        self.directory.apply_service(service())
        self.directory.apply_pod(pod())
        self.directory.take_changes()
        self.presence.start(1, {APEX: 1}, 0)

    def delete(self) -> int:
        """Let the pod leave the answers; return the version without it."""
        self.directory.apply_pod(pod(deleting=True))
        self._version += 1
        turned = [key for change in self.directory.take_changes().values() for key in change.turned]
        self.presence.turned(
            turned, self._version, {APEX: self._version}, self.ttl, asyncio.get_running_loop().time()
        )
        self.drains.changed()
        return self._version

    def serve(self, version: int) -> None:
        self.presence.served(version)
        self.drains.changed()


@pytest.fixture
def world() -> World:
    return World()


Get = Callable[..., Any]


@pytest.fixture
async def get(world: World, tmp_path: Path) -> AsyncIterator[Get]:
    app = web.Application()
    add_drained_route(app, world.drains)
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
        while world.drains._news is None:  # noqa: ASYNC110  # nothing tells
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
    world.presence.removed(WEB)
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
    world.presence.configure([(APEX, "bind")])
    world.serve(world.delete())
    status, body = await get("?pod=shop/web-0&timeout=0")
    assert status == 504
    assert body["message"].endswith("still answered by bind")
    world.presence.reported(APEX, "bind", 2)
    assert (await get("?pod=shop/web-0"))[0] == 200


async def test_it_waits_for_caches(world, get):
    world.ttl = 3600
    world.serve(world.delete())
    status, body = await get("?pod=shop/web-0&timeout=0")
    assert status == 504
    assert "caches may have it" in body["message"]


@pytest.mark.looptime
async def test_the_wait_for_caches_ends_by_itself(world):
    now = asyncio.get_running_loop().time
    world.ttl = 3600
    world.serve(world.delete())
    began = now()
    assert world.drains.look(WEB, began) is not None
    assert await world.drains.wait(WEB, 9000) is None
    assert now() - began == pytest.approx(3600)


async def test_a_replica_that_does_not_lead_knows_nothing_of_targets(world, get):
    world.presence.configure([(APEX, "bind")])
    world.leads = False
    world.serve(world.delete())
    assert (await get("?pod=shop/web-0"))[1]["error"] == "NotLeading"
    world.presence.configure([])
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
    world.drains.synced = False
    status, body = await get("?pod=shop/nobody")
    assert (status, body["error"]) == (503, "NotSynced")


async def test_those_who_wait_are_let_go_at_the_end(world):
    waiting = asyncio.create_task(world.drains.wait(WEB, 60))
    await asyncio.sleep(0)
    world.drains.close()
    assert await waiting is not None
