"""Statuses on a real API server: taken whole, and written no more often than they change."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from api.objects import FILE_SPEC, Json, Objects
from controlplane import ControlPlane
from rollcall.kube.client import KubeClient
from rollcall.model import Key, Problem, Status, ZoneStatus
from rollcall.publish.config_maps import FileReport
from rollcall.publish.files import LeftOut
from rollcall.status.kinds import Kind, ObjectRef
from rollcall.status.status_writer import StatusWriter, Written
from unit.running import running
from unit.status import test_file_status
from unit.status.cluster import World, as_json
from unit.world import pod, resource, service, zone
from waiting import News, until

Compute = Callable[[Any], Status | None]


class Bench:
    """A writer whose status for an object is what the test says."""

    def __init__(self, client: KubeClient) -> None:
        self.wanted: dict[ObjectRef, tuple[str, Compute]] = {}
        self.written: list[Written] = []
        self.news = News()
        self.computed = 0
        self.writer = StatusWriter(client, self._compute, self._note)

    def want(self, ref: ObjectRef, made: Json, compute: Compute) -> None:
        """Have a status written for an object as it was when it was made."""
        self.wanted[ref] = made["metadata"]["uid"], compute
        self.writer.mark(ref.kind, ref.key)

    async def until_written(self, number: int) -> None:
        await self.news.until(lambda: len(self.written) >= number)

    async def until_at_rest(self) -> None:
        await until(lambda: not self.writer.waiting)  # it tells of writes only

    def _compute(self, key: Key, current: Status) -> tuple[str, Status] | None:
        self.computed += 1
        kind = next(kind for kind in Kind if kind.status is type(current))
        uid, compute = self.wanted[ObjectRef(kind, key)]
        status = compute(current)
        return None if status is None else (uid, status)

    def _note(self, written: Written) -> None:
        self.written.append(written)
        self.news.tell()


def pods(number: int) -> list[Any]:
    return [
        pod(
            f"web-{i:04}",
            addresses=(f"10.1.{i // 250}.{i % 250 + 1}", f"fd00::{i + 1:x}"),
            ready=i % 3 != 0,
            ready_message="x" * (2000 if i == 0 else 20),
            node=f"node-{i % 7}",
            labels={"app": "web", "topology.kubernetes.io/zone": "a", "app.kubernetes.io/version": "v1.2"},
        )
        for i in range(number)
    ]


WORLDS = {
    "published": lambda: World(zone(), service(), resource(), *pods(5)),
    "truncated": lambda: World(zone(), service(), resource(), *pods(1001)),
    "empty": lambda: World(zone(), service(), resource()),
    "pending": lambda: World(zone(), service(), resource(), pod("web-0", "", phase="Pending", ready=None)),
    "stalled": lambda: World(zone(), resource()),
    "two zones": lambda: World(zone(), zone("b", "b.test"), service(), resource(), *pods(2)),
}


@pytest.mark.parametrize("name", WORLDS)
async def test_a_service_status_is_taken_whole(name: str, objects: Objects, client: KubeClient) -> None:
    ref = objects.ref(Kind.SERVICE_INSTANCE, "web")
    made = await objects.create(ref.kind, "web", {"ttlSeconds": 7})
    world = WORLDS[name]()
    bench = Bench(client)
    async with running(bench.writer.run()):
        bench.want(ref, made, world.service_status)
        await bench.until_written(1)
    stored = await objects.get(ref)
    assert stored["status"] == as_json(bench.written[0].after) == world.service(stored["status"])
    assert stored["spec"] == made["spec"]
    assert stored["metadata"]["generation"] == made["metadata"]["generation"]
    unchanged = ("annotations", "finalizers", "labels", "ownerReferences")
    assert all(stored["metadata"].get(field) == made["metadata"].get(field) for field in unchanged)


async def test_a_zone_status_is_taken_whole(objects: Objects, client: KubeClient, zone_name: str) -> None:
    ref = objects.ref(Kind.DISCOVERY_ZONE, zone_name)
    made = await objects.create(ref.kind, zone_name, {"domain": f"{zone_name}.test"})
    main = zone(reverse_domains=("1.10.in-addr.arpa",))
    world = World(main, service(), *pods(5))
    taken = zone("younger", created="2026-06-01T00:00:00Z")
    world.put(taken)
    bench = Bench(client)
    async with running(bench.writer.run()):
        for number, each in enumerate((main, taken), 1):
            bench.want(ref, made, partial(world.zone_status, each))
            await bench.until_written(number)
            assert (await objects.get(ref))["status"] == as_json(bench.written[-1].after)
    assert isinstance(bench.written[0].after, ZoneStatus)
    assert "serial" not in (await objects.get(ref))["status"], "what is no longer said is gone there, too"


async def test_a_file_status_is_taken_whole(objects: Objects, client: KubeClient) -> None:
    ref = objects.ref(Kind.DISCOVERY_FILE, "hosts")
    made = await objects.create(ref.kind, "hosts", FILE_SPEC)
    left_out = tuple(LeftOut(Key("shop", f"s{i}"), "NoPort", "It has no port.") for i in range(200))
    reports = [
        None,
        test_file_status.changed(left_out=left_out),
        FileReport(generation=2, problem=Problem("ConfigMapNotOurs", "It is not ours.")),
    ]
    bench = Bench(client)
    async with running(bench.writer.run()):
        for number, report in enumerate(reports, 1):
            bench.want(ref, made, partial(test_file_status.made_of, report))
            await bench.until_written(number)
            assert (await objects.get(ref))["status"] == as_json(bench.written[-1].after)


async def test_after_a_restart_nothing_is_written_again(objects: Objects, client: KubeClient) -> None:
    ref = objects.ref(Kind.SERVICE_INSTANCE, "web")
    made = await objects.create(ref.kind, "web", {})
    world = World(zone(), service(), resource(), *pods(5))
    first = Bench(client)
    async with running(first.writer.run()):
        first.want(ref, made, world.service_status)
        await first.until_written(1)
    before = await objects.get(ref)
    later = World(zone(), service(), resource(), *pods(5), now=world.now + 1000)
    second = Bench(client)
    async with running(second.writer.run()):
        second.want(ref, made, later.service_status)
        await second.until_at_rest()
    assert second.computed == 1
    assert second.written == []
    assert await objects.get(ref) == before


async def test_a_user_who_writes_meanwhile_wins_and_is_heeded(objects: Objects, client: KubeClient) -> None:
    ref = objects.ref(Kind.SERVICE_INSTANCE, "web")
    made = await objects.create(ref.kind, "web", {})
    world = World(zone(), service(), resource(), *pods(1))
    bench = Bench(client)
    async with running(bench.writer.run()):
        bench.want(ref, made, world.service_status)
        await bench.until_written(1)
        await objects.set_spec(ref, {"ttlSeconds": 30})
        world.put(resource(generation=2), *pods(2))
        bench.want(ref, made, world.service_status)
        await bench.until_written(2)
    stored = await objects.get(ref)
    assert stored["spec"]["ttlSeconds"] == 30
    assert stored["status"]["observedGeneration"] == 2
    assert bench.computed == 3, "once for the first, twice for the second: the first try met a conflict"


async def test_one_that_was_deleted_and_made_again(objects: Objects, client: KubeClient) -> None:
    ref = objects.ref(Kind.SERVICE_INSTANCE, "web")
    world = World(zone(), service(), resource(), *pods(1))
    bench = Bench(client)
    async with running(bench.writer.run()):
        for number in (1, 2):
            made = await objects.create(ref.kind, "web", {})
            bench.want(ref, made, world.service_status)
            await bench.until_written(number)
            await objects.delete(ref)
        assert bench.written[0].uid != bench.written[1].uid
        bench.writer.mark(*ref)
        await bench.until_at_rest()
    assert len(bench.written) == 2


async def test_what_kubectl_shows(cluster: ControlPlane, objects: Objects, client: KubeClient) -> None:
    ref = objects.ref(Kind.SERVICE_INSTANCE, "web")
    made = await objects.create(ref.kind, "web", {})
    world = World(zone(), service(), resource(), *pods(5))
    bench = Bench(client)
    async with running(bench.writer.run()):
        bench.want(ref, made, world.service_status)
        await bench.until_written(1)
    table = await asyncio.to_thread(cluster.kubectl, "get", "si", "-n", objects.namespace)
    _, row = table.splitlines()
    assert row.split()[:5] == ["web", "web.shop.example.com", "3/5", "1/1", "Published"]
    selected = await asyncio.to_thread(
        cluster.kubectl, "get", "si", "-A", "--field-selector", "status.reason=Published"
    )
    assert objects.namespace in selected
