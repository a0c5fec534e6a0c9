"""A list of large objects through the real client: in pages that are bounded by octets."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rollcall.kube import PageTooLong
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Access, Credentials
from rollcall.kube.paging import MAX_PAGE
from rollcall.watch import PODS
from rollcall.watch.pages import read_pages
from rollcall.watch.versions import Versions
from unit.api_objects import listed
from unit.watch.scripted import pod

SIZE = 250
MEGABYTE = 1 << 20


class Given(Credentials):
    """Credentials of a server that asks for none."""

    def __init__(self, server: str) -> None:
        self._given = Access(server, None, None, None)

    async def access(self) -> Access:
        return self._given


class Pods:
    """Pods as an API server lists them: as many as were asked for, and from where it was left.

    `limits` are those that were asked for.
    """

    def __init__(self, *sizes: int) -> None:
        self.limits: list[int] = []
        self._pods = [large(number, size) for number, size in enumerate(sizes)]

    async def answer(self, request: web.Request) -> web.Response:
        limit, start = int(request.query["limit"]), int(request.query.get("continue", "0"))
        self.limits.append(limit)
        end = start + limit
        more: dict[str, Any] = {"continue": str(end)} if end < len(self._pods) else {}
        return web.Response(body=listed(PODS, self._pods[start:end], 7, **more))


def large(number: int, octets: int) -> dict[str, Any]:
    return pod(f"web-{number}", f"uid-{number}", annotations={"example.com/large": "x" * octets})


@asynccontextmanager
async def client_of(answer: Any) -> AsyncIterator[KubeClient]:
    app = web.Application()
    app.router.add_get(PODS.path(), answer)
    async with TestServer(app) as server, KubeClient(Given(str(server.make_url("")).rstrip("/"))) as client:
        yield client


async def read(pods: Pods) -> list[list[int]]:
    """Return how long the objects of each page are."""
    pages: list[list[int]] = []
    async with (
        client_of(pods.answer) as client,
        aclosing(read_pages(client, PODS, PODS.path(), {}, Versions(), size=SIZE)) as reading,
    ):
        async for page in reading:
            pages.append([len(bytes(raw)) for raw in page.items])
            names = [PODS.read_item(raw).key.name for raw in page.items]
            assert names == [f"web-{number}" for number in range(sum(map(len, pages)))][-len(names) :]
    return pages


async def test_usual_pods_come_in_as_few_pages_as_ever() -> None:
    pods = Pods(*(20_000 for _ in range(600)))
    assert [len(page) for page in await read(pods)] == [250, 250, 100]
    assert pods.limits == [250, 250, 250]


async def test_no_page_of_large_pods_is_longer_than_the_bound() -> None:
    pods = Pods(*(MEGABYTE for _ in range(40)))
    pages = await read(pods)
    assert sum(map(len, pages)) == 40
    assert max(map(sum, pages)) <= MAX_PAGE
    assert pods.limits == [250, 125, 62, 31, 15, 7, 7, 7, 7, 7, 7]


async def test_after_large_pods_the_pages_of_others_grow_again() -> None:
    pods = Pods(*(MEGABYTE for _ in range(20)), *(1000 for _ in range(1000)))
    assert sum(map(len, await read(pods))) == 1020
    assert min(pods.limits) == 7
    assert pods.limits[-1] == SIZE


async def test_an_object_that_is_longer_than_a_page_is_read_alone() -> None:
    pods = Pods(1000, MAX_PAGE + MEGABYTE, 1000)
    assert [len(page) for page in await read(pods)] == [1, 1, 1]


def endless() -> Iterator[bytes]:
    while True:
        yield b" " * MEGABYTE


async def test_of_a_page_that_does_not_end_no_more_is_read_than_the_bound() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in endless():
            await response.write(piece)
        return response

    async with client_of(answer) as client:
        with pytest.raises(PageTooLong, match="a page of more than 8388608 octets"):
            await client.list_page(PODS.path(), {"limit": "2"})
