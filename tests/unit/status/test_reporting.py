"""What the API server is told follows what the DNS workers answer, however slow they are."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from rollcall.directory import Directory
from rollcall.model import Service
from rollcall.propagation.tracker import Tracker
from rollcall.publish.selection import FileSelection
from rollcall.status.reporting import Reporting
from rollcall.zone import PublishedVersion, Zones
from unit.running import running
from unit.status.cluster import START
from unit.status.fake_api import FakeApi
from unit.world import pod, service, zone

if TYPE_CHECKING:
    from rollcall.kube.client import KubeClient

pytestmark = pytest.mark.looptime

PATH = "/apis/rollcall.dev/v1alpha1/discoveryzones/main"
LONG_SECONDS = 10.0
"""Longer than it takes until a status is written."""


class World:
    """A zone with a service, and the versions of it that are handed out."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.api.add(PATH)
        self.directory = Directory()
        self.zones = Zones(self.directory, "test")
        selection = FileSelection(self.directory, cross_namespace=False)
        self.tracker = Tracker(self.directory, self.zones, 1, now)
        self.reporting = Reporting(
            cast("KubeClient", self.api),
            self.directory,
            self.zones,
            selection,
            self.tracker,
            grace_seconds=0.0,
            unix_time=now,
        )
        self.tracker.listeners = (self.reporting,)
        self.tracker.on_connected(0, True)
        uid = self.api.objects[PATH]["metadata"]["uid"]
        self.zones.apply_zone(msgspec.structs.replace(zone(), uid=uid))
        self.directory.apply_service(service())
        self.version = 0

    def flow(self, *names: str) -> int:
        """Let pods come; return the serial of the zone that has them."""
        for name in names:
            self.directory.apply_pod(pod(name))
        changes = self.directory.take_changes()
        self.zones.place(changes)
        while self.zones.place_backlog(100):
            pass
        commit = self.zones.commit(int(now()))
        self.version += 1
        version = PublishedVersion(self.version, changes, commit, 0)
        self.tracker.on_published(version)
        self.reporting.on_published(version)
        (content,) = self.zones.contents()
        return content.serial

    def answer(self) -> None:
        """Let the DNS worker answer what was handed out."""
        self.tracker.on_acknowledged(0, self.version, 0.0)

    @property
    def publications(self) -> list[dict[str, Any]]:
        return list((self.api.status(PATH) or {}).get("publications") or ())


def now() -> float:
    return START + asyncio.get_running_loop().time()


async def test_a_worker_that_is_slower_than_the_status_is_told_as_well() -> None:
    world = World()
    async with running(world.reporting.run()):
        first = world.flow("web-0")
        world.answer()
        await asyncio.sleep(LONG_SECONDS)
        assert [each["serial"] for each in world.publications] == [first]
        second = world.flow("web-1")
        assert second > first
        await asyncio.sleep(LONG_SECONDS)
        assert [each["serial"] for each in world.publications] == [first], "it isn't answered yet"
        world.answer()
        await asyncio.sleep(LONG_SECONDS)
        assert [each["serial"] for each in world.publications] == [second]


async def test_a_worker_that_is_quicker_costs_no_second_write() -> None:
    world = World()
    async with running(world.reporting.run()):
        world.flow("web-0")
        world.answer()
        await asyncio.sleep(LONG_SECONDS)
        before = len(world.api.made("patch", f"{PATH}/status"))
        world.flow("web-1")
        world.answer()
        await asyncio.sleep(LONG_SECONDS)
        assert len(world.api.made("patch", f"{PATH}/status")) == before + 1


@pytest.mark.parametrize(
    "odd", [service("odd", selector=None), service("odd", selector={}), service("odd", type="ExternalName")]
)
async def test_an_object_is_made_for_a_service_once_it_can_have_instances(odd: Service) -> None:
    world = World()
    world.directory.apply_service(odd)
    async with running(world.reporting.run()):
        world.flow()
        world.reporting.on_zones_changed()
        await asyncio.sleep(LONG_SECONDS)
        assert made(world) == ["web"]
        world.directory.apply_service(service("odd"))
        world.flow()
        await asyncio.sleep(LONG_SECONDS)
        assert made(world) == ["web", "odd"]


async def test_no_object_is_made_for_the_service_of_the_api_server() -> None:
    world = World()
    world.directory.apply_service(service("kubernetes", namespace="default", selector=None))
    async with running(world.reporting.run()):
        world.flow()
        await asyncio.sleep(LONG_SECONDS)
        assert made(world) == ["web"]


def made(world: World) -> list[str]:
    """Return the names of the ServiceInstances that were made."""
    return [
        call.body["metadata"]["name"] for call in world.api.made("create") if "serviceinstances" in call.path
    ]
