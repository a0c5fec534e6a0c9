"""What the API server is told follows what the DNS workers answer, however slow they are."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from rollcall.model import Key, Service, UpdateTarget
from rollcall.propagation.report import BEHIND, CURRENT, PartialTrouble, TargetReport
from rollcall.publish.selection import FileSelection
from rollcall.status.reporting import Reporting
from rollcall.status.spread import PAUSE_SECONDS, SLICE
from rollcall.zone.names import from_text
from unit.running import running
from unit.status.cluster import START
from unit.status.fake_api import FakeApi
from unit.tracked import TrackedWorld
from unit.world import pod, resource, service, zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollcall.kube.client import KubeClient
    from rollcall.zone.known_serials import KnownSerial

pytestmark = pytest.mark.looptime

PATH = "/apis/rollcall.dev/v1alpha1/discoveryzones/main"
DOMAIN = from_text("example.com")
LONG_SECONDS = 10.0
"""Longer than it takes until a status is written."""


class World(TrackedWorld):
    """A zone with a service, and the versions of it that are handed out."""

    def __init__(self) -> None:
        super().__init__(unix_time=now)
        self.api = FakeApi()
        self.api.add(PATH)
        self.taken: list[Mapping[bytes, KnownSerial]] = []
        selection = FileSelection(self.directory, cross_namespace=False)
        self.reporting = Reporting(
            cast("KubeClient", self.api),
            self.directory,
            self.zones,
            selection,
            self.tracker,
            self.taken.append,
            grace_seconds=0.0,
            unix_time=now,
        )
        self.tracker.listeners = (self.reporting,)
        self.apply(zone(uid=self.api.objects[PATH]["metadata"]["uid"]), service())

    def let_come(self, *names: str) -> int:
        """Let pods come; return the serial of the zone that has them."""
        self.apply(*(pod(name) for name in names))
        self.now = int(now())
        self.reporting.on_published(self.flow())
        return self.serial

    @property
    def publications(self) -> list[dict[str, Any]]:
        return list((self.api.status(PATH) or {}).get("publications") or ())


def now() -> float:
    return START + asyncio.get_running_loop().time()


async def test_a_worker_that_is_slower_than_the_status_is_told_as_well() -> None:
    world = World()
    async with running(world.reporting.run()):
        first = world.let_come("web-0")
        world.serve()
        await asyncio.sleep(LONG_SECONDS)
        assert [each["serial"] for each in world.publications] == [first]
        second = world.let_come("web-1")
        assert second > first
        await asyncio.sleep(LONG_SECONDS)
        assert [each["serial"] for each in world.publications] == [first], "it isn't answered yet"
        world.serve()
        await asyncio.sleep(LONG_SECONDS)
        assert [each["serial"] for each in world.publications] == [second]


async def test_a_worker_that_is_quicker_costs_no_second_write() -> None:
    world = World()
    async with running(world.reporting.run()):
        world.let_come("web-0")
        world.serve()
        await asyncio.sleep(LONG_SECONDS)
        before = len(world.api.made("patch", f"{PATH}/status"))
        world.let_come("web-1")
        world.serve()
        await asyncio.sleep(LONG_SECONDS)
        assert len(world.api.made("patch", f"{PATH}/status")) == before + 1


@pytest.mark.parametrize(
    "odd", [service("odd", selector=None), service("odd", selector={}), service("odd", type="ExternalName")]
)
async def test_an_object_is_made_for_a_service_once_it_can_have_instances(odd: Service) -> None:
    world = World()
    world.apply(odd)
    async with running(world.reporting.run()):
        world.let_come()
        world.reporting.on_zones_changed()
        await asyncio.sleep(LONG_SECONDS)
        assert made(world) == ["web"]
        world.apply(service("odd"))
        world.let_come()
        await asyncio.sleep(LONG_SECONDS)
        assert made(world) == ["web", "odd"]


async def test_no_object_is_made_for_the_service_of_the_api_server() -> None:
    world = World()
    world.apply(service("kubernetes", namespace="default", selector=None))
    async with running(world.reporting.run()):
        world.let_come()
        await asyncio.sleep(LONG_SECONDS)
        assert made(world) == ["web"]


# --- what targets say -----------------------------------------------------------------------------------

BIND = "bind"
SERVICES = 600


def target_report(serial: int, reason: str = CURRENT, *names: str) -> TargetReport:
    healthy = reason in (CURRENT, BEHIND)
    partial = (PartialTrouble(reason, "Taken.", frozenset(map(from_text, names))),) if names else ()
    return TargetReport("main", DOMAIN, BIND, serial, START, reason, "", healthy, partial)


class Fleet(World):
    """Many services, each with its ServiceInstance, in a zone that goes to a target; all is there."""

    def __init__(self, services: int = SERVICES) -> None:
        super().__init__()
        self.names = ["web", *(f"web-{number}" for number in range(services - 1))]
        update = UpdateTarget(BIND, "192.0.2.1", key_secret="key")  # the name of a Secret
        self.apply(zone(uid=self.api.objects[PATH]["metadata"]["uid"], generation=2, updates=(update,)))
        for name in self.names:
            self.api.add(_path(name))
            uid = self.api.objects[_path(name)]["metadata"]["uid"]
            self.apply(service(name), msgspec.structs.replace(resource(name), uid=uid))
        self.let_come()
        self.serve()
        self.tracker.on_zones_changed()

    def says(self, name: str = "web") -> tuple[str, str]:
        """Return what `kubectl get` shows of a service: TARGETS and REASON."""
        status = self.api.status(_path(name))
        return status["targets"], status["reason"]

    def writes(self) -> int:
        return len([call for call in self.api.made("patch") if "serviceinstances" in call.path])

    async def settle(self) -> int:
        """Let the target have everything; return how many statuses are written by then."""
        await asyncio.sleep(60)
        self.tracker.on_report(target_report(self.serial))
        await asyncio.sleep(60)
        assert all(self.says(name) == ("2/2", "NoPods") for name in self.names)
        return self.writes()


def _path(name: str) -> str:
    return f"/apis/rollcall.dev/v1alpha1/namespaces/shop/serviceinstances/{name}"


async def test_a_service_is_written_anew_when_it_has_arrived_at_a_target() -> None:
    world = Fleet(1)
    async with running(world.reporting.run()):
        await world.settle()
        serial = world.let_come("web-0")
        world.serve()
        await asyncio.sleep(LONG_SECONDS)
        assert world.says() == ("1/2", "Published")
        world.tracker.on_report(target_report(serial))
        await asyncio.sleep(LONG_SECONDS)
        assert world.says() == ("2/2", "Published")


async def test_reports_about_serials_cost_no_other_service_a_write() -> None:
    world = Fleet()
    async with running(world.reporting.run()):
        before = await world.settle()
        serial = world.serial
        for number in range(50):
            world.apply(service("busy", selector={"app": str(number)}))
            previous, serial = serial, world.let_come()
            world.serve()
            world.tracker.on_report(target_report(previous, BEHIND))
            world.tracker.on_report(target_report(serial))
            await asyncio.sleep(0.1)
        await asyncio.sleep(LONG_SECONDS)
        assert world.writes() == before


async def test_a_dead_server_is_said_of_every_service_and_a_few_at_a_time() -> None:
    world = Fleet()
    async with running(world.reporting.run()):
        before = await world.settle()
        world.tracker.on_report(target_report(world.serial, "Unreachable"))
        await asyncio.sleep(1.0)
        assert 0 < world.writes() - before < SERVICES / 2
        await asyncio.sleep(LONG_SECONDS)
        assert world.writes() - before == SERVICES
        assert all(world.says(name) == ("1/2", "Unreachable") for name in world.names)
        world.tracker.on_report(target_report(world.serial))
        await asyncio.sleep(LONG_SECONDS)
        assert all(world.says(name) == ("2/2", "NoPods") for name in world.names)


async def test_a_server_that_flaps_costs_so_many_writes_and_no_more() -> None:
    world = Fleet()
    async with running(world.reporting.run()):
        before = await world.settle()
        seconds = 20
        for number in range(seconds * 10):
            world.tracker.on_report(target_report(world.serial, "Unreachable" if number % 2 else CURRENT))
            await asyncio.sleep(0.1)
        assert world.writes() - before <= seconds * SLICE / PAUSE_SECONDS


async def test_a_name_that_is_taken_costs_its_own_service_a_write() -> None:
    world = Fleet()
    async with running(world.reporting.run()):
        before = await world.settle()
        world.tracker.on_report(target_report(world.serial, "NamesTaken", "web-7.shop.example.com"))
        await asyncio.sleep(LONG_SECONDS)
        assert world.says("web-7") == ("1/2", "NamesTaken")
        assert world.writes() - before == 1
        names = "web-7.shop.example.com", "10-0-0-1.web-8.shop.example.com"
        world.tracker.on_report(target_report(world.serial, "NamesTaken", *names))
        await asyncio.sleep(LONG_SECONDS)
        assert world.says("web-8") == ("1/2", "NamesTaken")
        assert world.writes() - before == 2
        world.tracker.on_report(target_report(world.serial))
        await asyncio.sleep(LONG_SECONDS)
        assert world.says("web-7") == world.says("web-8") == ("2/2", "NoPods")
        assert world.writes() - before == 4


def made(world: World) -> list[str]:
    """Return the names of the ServiceInstances that were made."""
    return [
        call.body["metadata"]["name"] for call in world.api.made("create") if "serviceinstances" in call.path
    ]


# --- whose a zone is ------------------------------------------------------------------------------------


def told(world: World, reason: str) -> list[str]:
    return [c.body["message"] for c in world.api.made("create") if c.body.get("reason") == reason]


async def test_a_zone_of_another_is_told_once_and_not_written() -> None:
    world = World()
    world.api.objects[PATH]["status"] = {"owner": "other"}
    world.apply(zone(uid=world.api.objects[PATH]["metadata"]["uid"], owner="other"))
    async with running(world.reporting.run()):
        for _ in range(3):
            world.reporting.on_published(world.flow())
            world.reporting.on_zones_changed()
            await asyncio.sleep(LONG_SECONDS)
    assert world.api.status(PATH) == {"owner": "other"}
    (message,) = told(world, "OwnedByAnother")
    assert "the installation other" in message
    assert made(world) == [], "nor is anything made for its services"


async def test_a_status_that_somebody_has_wiped_is_written_again() -> None:
    world = World()
    async with running(world.reporting.run()):
        world.let_come("web-0")
        world.serve()
        await asyncio.sleep(LONG_SECONDS)
        assert world.api.status(PATH)["owner"] == "test"
        world.api.objects[PATH]["status"] = {}
        world.api.touch(PATH)
        world.reporting.on_zone(Key("", "main"))
        await asyncio.sleep(LONG_SECONDS)
        assert world.api.status(PATH)["owner"] == "test"


async def test_the_serials_of_the_owner_before_are_told() -> None:
    world = World()
    world.api.objects[PATH]["status"] = {"owner": "other", "serial": 77, "digest": "ab"}
    uid = world.api.objects[PATH]["metadata"]["uid"]
    world.apply(zone(uid=uid, owner="other", assigned="test"))
    async with running(world.reporting.run()):
        await asyncio.sleep(LONG_SECONDS)
    assert world.taken == [{DOMAIN: (77, 0xAB)}]
    assert told(world, "TakenOver")
