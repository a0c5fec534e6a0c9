"""Events: on which objects, how many at most, and that none is ever waited for; in virtual time."""

import asyncio
import logging
from typing import Any

import pytest

from rollcall.model import Condition, Key, Status
from rollcall.status.events import BURST, MAX_WAITING, NAMESPACE_BURST, OBJECT_BURST, EventRecorder
from rollcall.status.kinds import Kind, ObjectRef
from rollcall.status.status_writer import Written
from unit.running import running
from unit.status.fake_api import FakeApi, forbidden, unreachable
from unit.status.test_transitions import EMPTY, INVALID, NOTHING, PUBLISHED

pytestmark = pytest.mark.looptime


class Bench:
    def __init__(self) -> None:
        self.api = FakeApi()
        self.services: dict[Key, str] = {}
        loop = asyncio.get_running_loop()
        self.recorder = EventRecorder(
            self.api,
            self.services.get,
            instance="pod-1",
            unix_time=lambda: 1_800_000_000 + loop.time(),
            clock=loop.time,
        )

    def record(
        self,
        before: Status,
        after: Status,
        name: str = "web",
        kind: Kind = Kind.SERVICE_INSTANCE,
        namespace: str = "shop",
    ) -> None:
        key = Key("" if kind is Kind.DISCOVERY_ZONE else namespace, name)
        self.recorder.record(Written(ObjectRef(kind, key), f"uid-{namespace}-{name}", before, after))

    @property
    def posted(self) -> list[dict[str, Any]]:
        return [call.body for call in self.api.made("create")]


async def test_an_event() -> None:
    bench = Bench()
    async with running(bench.recorder.run()):
        bench.record(NOTHING, INVALID)
        await asyncio.sleep(1)
    (call,) = bench.api.made("create")
    assert call.path == "/api/v1/namespaces/shop/events"
    name = call.body["metadata"].pop("name")
    assert name.startswith("web.")
    assert call.body == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": "shop"},
        "involvedObject": {
            "apiVersion": "rollcall.dev/v1alpha1",
            "kind": "ServiceInstance",
            "namespace": "shop",
            "name": "web",
            "uid": "uid-shop-web",
        },
        "type": "Warning",
        "reason": "InvalidName",
        "message": "InvalidName.",
        "firstTimestamp": "2027-01-15T08:00:00Z",
        "lastTimestamp": "2027-01-15T08:00:00Z",
        "count": 1,
        "source": {"component": "rollcall"},
        "reportingComponent": "rollcall",
        "reportingInstance": "pod-1",
    }


async def test_the_service_is_told_as_well() -> None:
    bench = Bench()
    bench.services[Key("shop", "web")] = "uid-of-the-service"
    async with running(bench.recorder.run()):
        bench.record(PUBLISHED, EMPTY)
        await asyncio.sleep(1)
    assert [(event["involvedObject"]["kind"], event["involvedObject"]["uid"]) for event in bench.posted] == [
        ("ServiceInstance", "uid-shop-web"),
        ("Service", "uid-of-the-service"),
    ]
    assert bench.posted[1]["involvedObject"]["apiVersion"] == "v1"


async def test_a_file_is_no_service() -> None:
    bench = Bench()
    bench.services[Key("shop", "web")] = "uid-of-the-service"
    async with running(bench.recorder.run()):
        bench.record(NOTHING, PUBLISHED, kind=Kind.DISCOVERY_FILE)
        await asyncio.sleep(1)
    assert [event["involvedObject"]["kind"] for event in bench.posted] == ["DiscoveryFile"]


async def test_events_of_zones_are_in_the_namespace_default() -> None:
    bench = Bench()
    async with running(bench.recorder.run()):
        bench.record(NOTHING, PUBLISHED, kind=Kind.DISCOVERY_ZONE)
        await asyncio.sleep(1)
    (call,) = bench.api.made("create")
    assert call.path == "/api/v1/namespaces/default/events"
    assert "namespace" not in call.body["involvedObject"]


async def test_no_transition_no_event() -> None:
    bench = Bench()
    async with running(bench.recorder.run()):
        for _ in range(100):
            bench.record(PUBLISHED, PUBLISHED)
        await asyncio.sleep(1)
    assert bench.posted == []


async def test_a_service_that_flaps_does_not_flood() -> None:
    bench = Bench()
    async with running(bench.recorder.run()):
        for _ in range(600):
            bench.record(PUBLISHED, EMPTY)
            bench.record(EMPTY, PUBLISHED)
            await asyncio.sleep(1)
        assert OBJECT_BURST < len(bench.posted) <= OBJECT_BURST + 10
        bench.record(NOTHING, INVALID, "calm")
        await asyncio.sleep(1)
    assert bench.posted[-1]["involvedObject"]["name"] == "calm"


async def test_it_forgets_the_objects_that_are_quiet() -> None:
    bench = Bench()
    async with running(bench.recorder.run()):
        for i in range(50):
            bench.record(NOTHING, INVALID, f"s{i}")
        await asyncio.sleep(150)
        assert not bench.recorder._buckets
        assert not bench.recorder._namespaces


async def test_a_first_start_does_not_flood(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    caplog.set_level(logging.INFO)
    async with running(bench.recorder.run()):
        for i in range(5000):
            bench.record(NOTHING, PUBLISHED, f"s{i}", namespace=f"n{i % 5}")
        await asyncio.sleep(30)
        assert len(bench.posted) == BURST
        bench.record(NOTHING, INVALID, "later")
        await asyncio.sleep(1)
    assert bench.posted[-1]["involvedObject"]["name"] == "later"
    assert len([record for record in caplog.records if "dropped" in record.getMessage()]) == 1


async def test_a_namespace_where_much_happens_leaves_room_for_the_events_of_others() -> None:
    bench = Bench()
    async with running(bench.recorder.run()):
        for second in range(30):
            for i in range(100):
                bench.record(NOTHING, INVALID, f"s{second}-{i}", namespace="crowd")
            bench.record(NOTHING, INVALID, f"calm-{second}")
            await asyncio.sleep(1)
    namespaces = [each["metadata"]["namespace"] for each in bench.posted]
    assert namespaces.count("shop") == 30
    assert NAMESPACE_BURST < namespaces.count("crowd") <= NAMESPACE_BURST + 30 * 5


async def test_an_api_server_that_hangs_costs_no_memory() -> None:
    bench = Bench()
    bench.api.delay_seconds = 100_000
    async with running(bench.recorder.run()):
        for i in range(2 * MAX_WAITING):
            bench.record(NOTHING, INVALID, f"s{i}")
            await asyncio.sleep(0.2)
        assert len(bench.recorder._waiting) <= MAX_WAITING


async def test_what_can_not_be_posted_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.api.failures.extend([unreachable(), unreachable(), forbidden()])
    async with running(bench.recorder.run()):
        for i in range(4):
            bench.record(NOTHING, INVALID, f"s{i}")
        await asyncio.sleep(60)
    assert len(bench.posted) == 4, "each is tried once"
    assert len(bench.api.objects) == 1
    assert [record.getMessage().split(" can't")[0] for record in caplog.records] == [
        "event InvalidName of ServiceInstance shop/s0",
        "event InvalidName of ServiceInstance shop/s2",
    ]


async def test_long_texts_fit() -> None:
    bench = Bench()
    long = Status(1, (Condition("Ready", "False", "InvalidName", "x" * 5000),))
    async with running(bench.recorder.run()):
        bench.record(NOTHING, long, "n" * 253)
        await asyncio.sleep(1)
    (event,) = bench.posted
    assert len(event["message"]) == 1024
    assert len(event["metadata"]["name"]) <= 253
