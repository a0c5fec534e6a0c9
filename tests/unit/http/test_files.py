"""The files over HTTP: a real server and client, over a socket file; in virtual time.

What goes through a socket file within one process is there at once, so that time passes only while all wait.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from rollcall.http.bodies import Bodies
from rollcall.http.files import add_file_route
from rollcall.http.limits import HttpLimits
from rollcall.http.waits import Waits
from rollcall.publish.file_store import FileStore
from rollcall.publish.files import render
from unit.publish.files.builders import EMPTY, WEB, file, instance, many, members

URL = "http://rollcall/v1/files/shop/discovery"
HOSTS = file("hosts")

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def serving(store: FileStore, folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application()
    add_file_route(app, store, Bodies(HttpLimits()), Waits(HttpLimits()))
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    path = str(folder / "http")
    await web.UnixSite(runner, path).start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
            yield session
    finally:
        await runner.cleanup()


@pytest.fixture
def store() -> FileStore:
    return FileStore(unix_time=lambda: 1_000)


@pytest.fixture
async def http(store: FileStore, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(store, tmp_path) as session:
        yield session


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        ("json", "application/json; charset=utf-8"),
        ("prometheus", "application/json; charset=utf-8"),
        ("envoy-eds", "application/json; charset=utf-8"),
        ("zonefile", "text/dns; charset=utf-8"),
        ("hosts", "text/plain; charset=utf-8"),
        ("nginx", "text/plain; charset=utf-8"),
    ],
)
async def test_the_bytes_of_the_config_map(
    form: str, content_type: str, store: FileStore, http: aiohttp.ClientSession
) -> None:
    store.put_file(file(form), [WEB, EMPTY])

    async with http.get(URL) as response:
        rendering = render(file(form), [WEB, EMPTY], 1_000)
        assert await response.text() == rendering.text
        assert response.status == 200
        assert response.headers["Content-Type"] == content_type
        assert response.headers["ETag"] == f'"{rendering.sha256}"'
        assert "X-Rollcall-Stale" not in response.headers
    async with http.head(URL) as response:
        assert response.headers["ETag"] == f'"{rendering.sha256}"'
        assert response.headers["Content-Length"] == str(len(rendering.text.encode()))
        assert await response.read() == b""


async def test_parts(store: FileStore, http: aiohttp.ClientSession) -> None:
    store.put_file(HOSTS, [many(12_000)])

    async with http.get(URL) as response:
        whole = await response.text()
        assert response.headers["X-Rollcall-Parts"] == "2"
    parts = []
    for part in ("1", "file.2"):
        async with http.get(URL, params={"part": part}) as response:
            parts.append(await response.text())
            assert response.headers["ETag"] != ""
    lines = [line for text in parts for line in text.splitlines() if not line.startswith("#")]
    assert lines == [line for line in whole.splitlines() if not line.startswith("#")]
    async with http.get(URL, params={"part": "3"}) as response:
        await refused(response, 404, "NoSuchPart", "file, file.2")


async def test_a_file_too_large_for_config_maps_is_whole_over_http(
    store: FileStore, http: aiohttp.ClientSession
) -> None:
    store.put_file(file("nginx"), [many(20_000)])

    async with http.get(URL) as response:
        assert (await response.text()).count("server ") == 20_000
    async with http.get(URL, params={"part": "1"}) as response:
        await refused(response, 404, "ServiceTooLarge", "over HTTP")


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ('"{}"', 304),
        ('W/"{}"', 304),
        ('"other", "{}"', 304),
        ("*", 304),
        ('"other"', 200),
        ("garbage", 200),
        ('"', 200),
    ],
)
async def test_if_none_match(known: str, status: int, store: FileStore, http: aiohttp.ClientSession) -> None:
    store.put_file(HOSTS, [WEB])
    etag = render(HOSTS, [WEB], 1_000).sha256

    async with http.get(URL, headers={"If-None-Match": known.format(etag)}) as response:
        assert response.status == status
        assert response.headers["ETag"] == f'"{etag}"'
        assert bool(await response.read()) is (status == 200)


async def test_a_long_poll_ends_with_the_change(store: FileStore, http: aiohttp.ClientSession) -> None:
    store.put_file(HOSTS, [WEB])
    async with http.get(URL) as response:
        etag = response.headers["ETag"]

    async def poll() -> tuple[int, str, float]:
        async with http.get(URL, params={"wait": "30s"}, headers={"If-None-Match": etag}) as response:
            return response.status, await response.text(), now()

    polls = [asyncio.ensure_future(poll()) for _ in range(3)]
    await waiting(store, 3)
    store.put_file(msgspec.structs.replace(HOSTS, uid="another"), [WEB])
    await waiting(store, 3)
    changed = now()
    store.put_file(HOSTS, [members("web", instance(7))])

    for status, text, answered in await asyncio.gather(*polls):
        assert status == 200
        assert "10.0.0.7" in text
        assert answered == changed, "at once, not after the wait of the ConfigMaps"


async def test_a_long_poll_without_a_change(store: FileStore, http: aiohttp.ClientSession) -> None:
    store.put_file(HOSTS, [WEB])
    etag = render(HOSTS, [WEB], 1_000).sha256
    began = now()

    async with http.get(URL, params={"wait": "30s"}, headers={"If-None-Match": f'"{etag}"'}) as response:
        assert response.status == 304
    assert now() - began == pytest.approx(30)


async def test_a_wait_without_an_etag_is_none(store: FileStore, http: aiohttp.ClientSession) -> None:
    store.put_file(HOSTS, [WEB])
    began = now()

    async with http.get(URL, params={"wait": "60s"}) as response:
        assert response.status == 200
    assert now() == began


async def test_a_long_poll_ends_with_the_file(store: FileStore, http: aiohttp.ClientSession) -> None:
    store.put_file(HOSTS, [WEB])
    store.set_synced()
    etag = render(HOSTS, [WEB], 1_000).sha256
    poll = http.get(URL, params={"wait": "30s"}, headers={"If-None-Match": f'"{etag}"'})
    task = asyncio.ensure_future(poll.__aenter__())
    await waiting(store, 1)
    removed = now()
    store.remove_file(HOSTS.key)

    async with await task as response:
        await refused(response, 404, "NotFound", "shop/discovery")
    assert now() == removed


async def test_a_long_poll_ends_with_the_server(store: FileStore, tmp_path: Path) -> None:
    store.put_file(HOSTS, [WEB])
    etag = render(HOSTS, [WEB], 1_000).sha256
    async with serving(store, tmp_path) as http:
        poll = http.get(URL, params={"wait": "30s"}, headers={"If-None-Match": f'"{etag}"'})
        task = asyncio.ensure_future(poll.__aenter__())
        await waiting(store, 1)
        closed = now()
        store.close()
        async with await task as response:
            assert response.status == 304
        assert now() == closed


async def test_before_the_first_sync(store: FileStore, http: aiohttp.ClientSession) -> None:
    async with http.get(URL) as response:
        assert response.headers["Retry-After"] == "1"
        await refused(response, 503, "NotSynced", "shop/discovery")
    store.set_synced()
    async with http.get(URL) as response:
        await refused(response, 404, "NotFound", "kubectl")


async def test_a_snapshot_says_that_it_is_one(store: FileStore, http: aiohttp.ClientSession) -> None:
    before = FileStore(unix_time=lambda: 1_000)
    before.put_file(HOSTS, [WEB])
    store.restore(await before.export())

    async with http.get(URL) as response:
        assert response.headers["X-Rollcall-Stale"] == "true"
        assert await response.text() == render(HOSTS, [WEB], 1_000).text
    store.put_file(HOSTS, [WEB])
    async with http.get(URL) as response:
        assert "X-Rollcall-Stale" not in response.headers


async def test_a_file_that_can_not_be_rendered(store: FileStore, http: aiohttp.ClientSession) -> None:
    store.put_file(file("hosts", domain="not a domain"), [WEB])

    async with http.get(URL) as response:
        await refused(response, 404, "InvalidDomain", "spec.domain")


@pytest.mark.parametrize(
    ("query", "reason", "says"),
    [
        ("wait=30", "InvalidWait", "30s"),
        ("wait=-1s", "InvalidWait", "30s"),
        ("wait=", "InvalidWait", "30s"),
        ("wait=1h", "InvalidWait", "30s"),
        ("wait=%F0%9F%98%80", "InvalidWait", "30s"),
        ("wiat=30s", "UnknownParameter", "wait"),
    ],
)
async def test_a_bad_request(
    query: str, reason: str, says: str, store: FileStore, http: aiohttp.ClientSession
) -> None:
    store.put_file(HOSTS, [WEB])

    async with http.get(f"{URL}?{query}") as response:
        await refused(response, 400, reason, says)


async def refused(response: aiohttp.ClientResponse, status: int, reason: str, says: str) -> None:
    body = await response.json()
    assert (response.status, body["error"]) == (status, reason)
    assert says in body["message"]


async def waiting(store: FileStore, count: int) -> None:
    """Wait until so many requests wait for a file."""
    async with asyncio.timeout(5):
        while len(store._entries[HOSTS.key].changed._waiters) != count:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.005)
