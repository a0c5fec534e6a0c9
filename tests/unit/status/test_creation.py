"""ServiceInstances that Rollcall makes; in virtual time."""

import asyncio

import jsonschema
import pytest

from rollcall.kube.work_queue import CONCURRENCY
from rollcall.model import HelmRelease, Key, Service
from rollcall.status.creation import InstanceCreator
from rollcall.status.ownership import generated
from unit.manifests.sources import schema_of
from unit.running import running
from unit.status.fake_api import FakeApi, broken, unreachable
from unit.world import service

pytestmark = pytest.mark.looptime

COLLECTION = "/apis/rollcall.dev/v1alpha1/namespaces/shop/serviceinstances"


class Bench:
    def __init__(self, grace_seconds: float = 0.0) -> None:
        self.api = FakeApi()
        self.services: dict[Key, Service] = {}
        self.creator = InstanceCreator(self.api, self.services.get, grace_seconds, draw=max)

    def want(self, *names: str) -> None:
        for name in names:
            key = Key("shop", name)
            self.services[key] = service(name)
            self.creator.mark(key)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


def test_what_is_created() -> None:
    made = generated(service())
    jsonschema.validate(made["spec"], schema_of("ServiceInstance")["properties"]["spec"])
    assert made == {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "ServiceInstance",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {},
    }


async def test_one_is_made_once(bench: Bench) -> None:
    async with running(bench.creator.run()):
        for _ in range(20):
            bench.want("web")
        await asyncio.sleep(5)
    (call,) = bench.api.made("create")
    assert call.path == COLLECTION


async def test_one_that_is_there_stays_as_it_is(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.api.add(f"{COLLECTION}/web")
    before = dict(bench.api.objects)
    async with running(bench.creator.run()):
        bench.want("web")
        await asyncio.sleep(60)
    assert len(bench.api.calls) == 1
    assert bench.api.objects == before
    assert caplog.records == []


async def test_what_is_not_wanted_any_more_is_not_made(bench: Bench) -> None:
    async with running(bench.creator.run()):
        bench.want("web")
        bench.services.clear()
        await asyncio.sleep(5)
    assert bench.api.calls == []


async def test_many_are_made_a_few_at_a_time(bench: Bench) -> None:
    async with running(bench.creator.run()):
        bench.want(*[f"s{i}" for i in range(100)])
        await asyncio.sleep(5)
    assert len(bench.api.objects) == 100
    assert bench.api.most_in_flight == CONCURRENCY // 2, "they are all of one namespace"


async def test_failures_are_tried_again(bench: Bench) -> None:
    bench.api.failures.extend([unreachable(), broken()])
    async with running(bench.creator.run()):
        bench.want("web")
        await asyncio.sleep(20)
    assert len(bench.api.made("create")) == 3
    assert len(bench.api.objects) == 1


async def test_one_that_comes_within_the_grace_time_is_left_alone() -> None:
    bench = Bench(grace_seconds=10)
    async with running(bench.creator.run()):
        bench.want("web", "other")
        await asyncio.sleep(8)
        bench.services.pop(Key("shop", "web"))  # it has one now
        bench.creator.mark(Key("shop", "web"))
        await asyncio.sleep(8)
        assert [call.body["metadata"]["name"] for call in bench.api.calls] == ["other"]
        assert bench.api.calls[0].at >= 10
        bench.want("web")  # it was deleted: somebody may be about to make it anew
        await asyncio.sleep(8)
        assert len(bench.api.calls) == 1
        await asyncio.sleep(8)
        assert len(bench.api.calls) == 2


async def test_one_that_is_replaced_as_soon_as_it_is_there_has_its_grace_time_too() -> None:
    bench = Bench(grace_seconds=10)
    async with running(bench.creator.run()):
        bench.want("web")
        await asyncio.sleep(11)
        assert len(bench.api.calls) == 1
        bench.services.pop(Key("shop", "web"))  # it has one now
        bench.creator.mark(Key("shop", "web"))
        bench.want("web")  # and it is deleted, before anything was looked at
        await asyncio.sleep(8)
        assert len(bench.api.calls) == 1
        await asyncio.sleep(8)
        assert len(bench.api.calls) == 2


async def test_changes_do_not_prolong_the_grace_time() -> None:
    bench = Bench(grace_seconds=10)
    async with running(bench.creator.run()):
        for _ in range(30):
            bench.want("web")
            await asyncio.sleep(0.5)
    assert 10 <= bench.api.calls[0].at < 12


@pytest.mark.parametrize("is_applied", [True, False])
async def test_what_helm_writes_client_side_gets_none(bench: Bench, is_applied: bool) -> None:
    release = HelmRelease("shop", "shop")
    key = Key("shop", "web")
    bench.services[key] = service("web", release=release, is_applied_by_helm=is_applied)
    async with running(bench.creator.run()):
        bench.creator.mark(key)
        await asyncio.sleep(5)
    assert len(bench.api.made("create")) == is_applied
