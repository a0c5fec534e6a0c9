"""EndpointSlices are watched once a Service without a selector is wanted; in virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from rollcall.directory import Directory
from rollcall.kube import Forbidden, Unreachable
from rollcall.model import Endpoint, EndpointSlice, InstancePort, Key
from rollcall.sources.endpoints import EndpointSource
from rollcall.sources.listable import CHECK_SECONDS
from rollcall.watch.endpoints import ENDPOINT_SLICES
from unit.running import running
from unit.sources.test_workloads import Server
from unit.world import pod, service

pytestmark = pytest.mark.looptime

DB = Key("shop", "db")
PATH = "/apis/discovery.k8s.io/v1/endpointslices"
SLICE = {
    "metadata": {
        "namespace": "shop",
        "name": "db-1",
        "uid": "u-1",
        "labels": {"kubernetes.io/service-name": "db"},
    },
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.4.5.6"]}],
    "ports": [{"name": "pg", "protocol": "TCP", "port": 5432}],
}


class SelectingServer(Server):
    """One that notes what it was asked to leave out."""

    def __init__(self) -> None:
        super().__init__()
        self.selectors: set[str | None] = set()
        self.watched = 0

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        if params["limit"] != "1":
            self.selectors.add(params.get("labelSelector"))
        return await super().list_page(path, params)

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        self.selectors.add(params.get("labelSelector"))
        self.watched += 1
        async for lines in super().watch(path, params):
            yield lines


class WatchedEndpoints:
    def __init__(self) -> None:
        self.server = SelectingServer()
        self.server.items[PATH] = [SLICE]
        self.directory = Directory()
        self.wanted = {DB}
        self.source = EndpointSource(
            self.server, "", self.directory, lambda key: key in self.wanted, self.flow
        )

    def flow(self, received_ns: int) -> None:
        self.source.watch_wanted(self.directory.take_changes())

    def put(self, **fields: Any) -> None:
        self.directory.apply_service(service("db", **fields))
        self.flow(0)

    def answered(self) -> list[str]:
        entry = self.directory.get(DB)
        assert entry is not None
        return [str(ip) for each in entry.instances.values() if each.eligible for ip in each.addresses]

    def reason(self) -> str | None:
        entry = self.directory.get(DB)
        assert entry is not None
        return entry.problem.reason if entry.problem else None


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[WatchedEndpoints]:
    made = WatchedEndpoints()
    async with running(made.source.run()):
        yield made


async def test_nothing_is_asked_for_while_every_service_has_a_selector() -> None:
    async with watched() as it:
        it.put()
        await asyncio.sleep(10 * CHECK_SECONDS)
        assert it.server.asked == []
        assert it.source.waiting() == {}
        await it.source.synced()


async def test_nothing_is_asked_for_a_service_that_nobody_wants() -> None:
    async with watched() as it:
        it.wanted.clear()
        it.put(selector=None)
        await asyncio.sleep(10 * CHECK_SECONDS)
        assert it.server.asked == []
        await it.source.synced()


async def test_one_that_comes_to_be_wanted_has_its_endpoints() -> None:
    async with watched() as it:
        it.wanted.clear()
        it.put(selector=None)
        it.wanted.add(DB)
        it.source.watch_wanted(it.directory.asking_slices)
        assert it.source.waiting() == {"endpointslices": None}
        await it.source.synced()
        assert (it.answered(), it.reason(), it.source.waiting()) == (["10.4.5.6"], None, {})


async def test_those_that_the_controller_writes_are_not_even_sent() -> None:
    async with watched() as it:
        it.put(selector=None)
        await it.source.synced()
        await asyncio.sleep(1)
        assert it.server.watched
        assert it.server.selectors == {
            "kubernetes.io/service-name,"
            "endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io"
        }


async def test_a_service_that_loses_its_selector_goes_on_until_its_endpoints_are_known() -> None:
    async with watched() as it:
        it.directory.apply_pod(pod())
        it.put()
        it.server.errors[PATH] = Unreachable("no route")
        it.put(selector=None)
        await asyncio.sleep(60)
        assert it.answered() == ["10.0.0.1"]
        del it.server.errors[PATH]
        await it.source.synced()
        assert it.answered() == ["10.4.5.6"]


async def test_without_the_right_it_is_said_and_nothing_else_waits() -> None:
    async with watched() as it:
        it.server.errors[PATH] = Forbidden(f"GET {PATH}", 403, "Forbidden", "no")
        it.put(selector=None)
        await it.source.synced()
        assert (it.reason(), it.answered()) == ("EndpointSlicesForbidden", [])
        del it.server.errors[PATH]
        await asyncio.sleep(2 * CHECK_SECONDS)
        assert (it.reason(), it.answered()) == (None, ["10.4.5.6"])


def test_a_slice_as_the_api_shows_it() -> None:
    conditions = {"ready": False, "serving": True, "terminating": True}
    full = {
        "addresses": ["10.4.5.6"],
        "conditions": conditions,
        "hostname": "one",
        "nodeName": "n",
        "zone": "z",
    }
    body = SLICE | {
        "endpoints": [full, {"addresses": ["10.4.5.7"], "conditions": {"ready": None}}],
        "ports": [{"name": None, "port": 1}, {"name": "all", "protocol": "UDP"}],
    }
    item = ENDPOINT_SLICES.read_item(msgspec.Raw(msgspec.json.encode(body)))
    assert item.object == EndpointSlice(
        Key("shop", "db-1"),
        "u-1",
        "db",
        "IPv4",
        (Endpoint(("10.4.5.6",), False, True, True, "one", "n", "z"), Endpoint(("10.4.5.7",))),
        (InstancePort("", "TCP", 1),),
    )
    empty = ENDPOINT_SLICES.read_item(
        msgspec.Raw(msgspec.json.encode(SLICE | {"endpoints": None, "ports": None}))
    )
    assert empty.object is not None
    assert (empty.object.endpoints, empty.object.ports) == ((), ())
