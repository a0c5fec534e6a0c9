"""The status writer against an API server in memory, in virtual time: which requests it makes."""

import asyncio

import pytest

from rollcall.kube.work_queue import CONCURRENCY
from rollcall.model import InstanceStatus, Key, Status
from rollcall.status.kinds import Kind, ObjectRef
from rollcall.status.status_writer import READ_BACK_SECONDS, StatusWriter, Written
from unit.running import running
from unit.status.fake_api import FakeApi, broken, unreachable

pytestmark = pytest.mark.looptime

PATH = "/apis/rollcall.dev/v1alpha1/namespaces/shop/serviceinstances/web"
STATUS = f"{PATH}/status"
KEY = Key("shop", "web")
SI = Kind.SERVICE_INSTANCE


class Said(Status, frozen=True, omit_defaults=True):
    """A status of a few fields, all of which are left out where they are empty."""

    ready: str = ""
    counts: dict[str, int] | None = None
    old: bool = False
    serial: int = 0


class Bench:
    """A writer with statuses to write, all of which are what `wanted` says."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.wanted: dict[str, Status | None] = {}
        self.views: dict[str, str] = {}
        self.computed = 0
        self.written: list[Written] = []
        self.writer = StatusWriter(self.api, self._compute, self.written.append, draw=max)

    def _compute(self, key: Key, current: Status) -> tuple[str, Status] | None:
        """Our view of the objects is that of the server, unless `views` says otherwise."""
        self.computed += 1
        kind = next(kind for kind in Kind if kind.status is type(current))
        status = self.wanted.get(key.name)
        if status is None:
            return None
        theirs = self.api.objects.get(ObjectRef(kind, key).path())
        return self.views.get(key.name) or (theirs["metadata"]["uid"] if theirs else "gone"), status

    def want(self, status: Status | None, name: str = "web") -> None:
        self.wanted[name] = status
        self.writer.mark(SI, Key("shop", name))


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    made.api.add(PATH)
    return made


async def test_the_first_write_reads_and_patches(bench: Bench) -> None:
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
    assert [(call.verb, call.path) for call in bench.api.calls] == [("get", STATUS), ("patch", STATUS)]
    assert bench.api.status(PATH) == {"ready": "1/1"}
    assert bench.api.objects[PATH]["spec"] == {"theirs": 1}
    (written,) = bench.written
    assert (written.ref, written.before) == (ObjectRef(SI, KEY), InstanceStatus())
    assert written.after == Said(ready="1/1")
    assert written.uid.startswith("uid-")


async def test_what_is_known_is_not_read_again(bench: Bench) -> None:
    async with running(bench.writer.run()):
        for i in range(5):
            bench.want(Said(ready=f"{i}/5"))
            await asyncio.sleep(5)
    assert len(bench.api.made("get")) == 1
    assert len(bench.api.made("patch")) == 5
    assert [written.before for written in bench.written[1:]] == [
        InstanceStatus(ready=f"{i}/5") for i in range(4)
    ]


async def test_what_is_equal_is_not_written(bench: Bench) -> None:
    bench.api.objects[PATH]["status"] = {"ready": "1/1"}
    async with running(bench.writer.run()):
        for _ in range(5):
            bench.want(Said(ready="1/1"))
            await asyncio.sleep(5)
    assert len(bench.api.made("get")) == 1
    assert bench.api.made("patch") == []
    assert bench.written == []


async def test_a_burst_costs_one_computation_and_one_write(bench: Bench) -> None:
    async with running(bench.writer.run()):
        for i in range(100):
            bench.want(Said(ready=f"{i}/100"))
            await asyncio.sleep(0.001)
        await asyncio.sleep(5)
    assert bench.computed == 1
    (patch,) = bench.api.made("patch")
    assert patch.body["status"] == {"ready": "99/100"}
    assert patch.at == pytest.approx(0.21, abs=0.005)


async def test_ten_seconds_of_flapping(bench: Bench) -> None:
    async with running(bench.writer.run()):
        for i in range(1000):
            bench.want(Said(ready=f"{i}/1000"))
            await asyncio.sleep(0.01)
        await asyncio.sleep(5)
    assert len(bench.api.made("patch")) <= 15
    assert bench.api.status(PATH) == {"ready": "999/1000"}


async def test_only_what_changed_is_sent_and_what_went_is_null(bench: Bench) -> None:
    bench.api.objects[PATH]["status"] = {"ready": "0/1", "dnsName": "web.example.com", "counts": {"total": 1}}
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1", counts={"total": 1}))
        await asyncio.sleep(5)
    (patch,) = bench.api.made("patch")
    assert patch.body["status"] == {"ready": "1/1", "dnsName": None}
    assert bench.api.status(PATH) == {"ready": "1/1", "counts": {"total": 1}}


async def test_a_conflict_is_read_again_and_computed_anew(bench: Bench) -> None:
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
        bench.api.touch(PATH)
        bench.want(Said(ready="2/2"))
        await asyncio.sleep(0.5)
    assert [call.verb for call in bench.api.calls] == ["get", "patch", "patch", "get", "patch"]
    assert bench.computed == 3
    assert bench.api.status(PATH) == {"ready": "2/2"}


async def test_conflicts_without_end_back_off(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.api.before_patch = bench.api.touch
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(0.9)
        assert len(bench.api.made("patch")) == 3
        await asyncio.sleep(60)
        assert len(bench.api.made("patch")) <= 3 * 7
        bench.api.before_patch = lambda _: None
        await asyncio.sleep(60)
    assert bench.api.status(PATH) == {"ready": "1/1"}
    assert "ServiceInstance shop/web" in caplog.text


async def test_an_object_that_is_gone_is_dropped(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
        bench.views["web"] = bench.written[0].uid
        del bench.api.objects[PATH]
        bench.want(Said(ready="2/2"))
        await asyncio.sleep(60)
        assert [call.verb for call in bench.api.calls] == ["get", "patch", "patch"]
        bench.views.clear()
        bench.api.add(PATH)
        bench.want(Said(ready="3/3"))
        await asyncio.sleep(5)
    assert bench.api.status(PATH) == {"ready": "3/3"}
    assert caplog.records == []


async def test_an_object_that_we_no_longer_know_is_not_written(bench: Bench) -> None:
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
        bench.want(None)
        await asyncio.sleep(5)
        assert len(bench.api.made("patch")) == 1
        assert not bench.writer._held


async def test_a_namesake_without_a_status_gets_one(bench: Bench) -> None:
    """It was deleted and made again between two marks, and what we have to say is still the same."""
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
        bench.api.add(PATH)
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
    assert bench.api.status(PATH) == {"ready": "1/1"}


async def test_a_namesake_that_we_do_not_know_yet_is_left_alone(bench: Bench) -> None:
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
        bench.views["web"] = bench.written[0].uid
        bench.api.add(PATH)
        bench.api.touch(PATH)
        bench.want(Said(ready="2/2"))
        await asyncio.sleep(5)
        assert bench.api.status(PATH) is None
        bench.views.clear()
        bench.want(Said(ready="2/2"))
        await asyncio.sleep(5)
    assert bench.api.status(PATH) == {"ready": "2/2"}


async def test_what_others_write_into_it_is_put_right(bench: Bench) -> None:
    paths = [PATH.replace("/web", f"/s{i}") for i in range(10)]
    for path in paths:
        bench.api.add(path)
    async with running(bench.writer.run()):
        await asyncio.sleep(1700)
        for i in range(10):
            bench.want(Said(ready="1/1"), f"s{i}")
        await asyncio.sleep(500)
        bench.api.calls.clear()
        bench.api.objects[paths[3]]["status"] = {"ready": "oops"}
        bench.api.touch(paths[3])
        await asyncio.sleep(2 * READ_BACK_SECONDS)
        assert bench.api.status(paths[3]) == {"ready": "1/1"}
        assert 18 <= len(bench.api.made("get")) <= 21, "each once in a round"
        assert len(bench.api.made("patch")) == 1


async def test_an_object_of_the_same_name_is_another(bench: Bench) -> None:
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1", old=True))
        await asyncio.sleep(5)
        first = bench.written[0].uid
        bench.api.add(PATH)
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
    assert bench.api.status(PATH) == {"ready": "1/1"}
    assert bench.written[1].uid != first
    assert bench.written[1].before == InstanceStatus()


async def test_after_an_unknown_outcome_it_is_read_again(bench: Bench) -> None:
    """The patch arrived, its answer didn't: the next one meets a version that we don't know."""
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
        bench.api.objects[PATH]["status"] = {"ready": "2/2"}
        bench.api.touch(PATH)
        bench.api.failures.append(unreachable())
        bench.want(Said(ready="2/2"))
        await asyncio.sleep(5)
    assert [call.verb for call in bench.api.calls] == ["get", "patch", "patch", "patch", "get"]
    assert bench.api.status(PATH) == {"ready": "2/2"}


async def test_an_outage_loses_nothing(bench: Bench) -> None:
    for i in range(200):
        bench.api.add(PATH.replace("/web", f"/s{i}"))
    async with running(bench.writer.run()):
        bench.api.refuse = lambda _: unreachable()
        for i in range(200):
            bench.want(Said(ready=f"{i}/200"), f"s{i}")
        await asyncio.sleep(120)
        assert len(bench.api.calls) <= CONCURRENCY * 15
        bench.api.refuse = lambda _: None
        await asyncio.sleep(20)
    for i in range(200):
        assert bench.api.status(PATH.replace("/web", f"/s{i}")) == {"ready": f"{i}/200"}
    assert bench.api.most_in_flight <= CONCURRENCY


async def test_one_that_can_not_be_written_delays_no_other(bench: Bench) -> None:
    bench.api.add(PATH.replace("/web", "/bad"))
    bench.api.refuse = lambda call: broken() if "/bad/" in call.path else None
    async with running(bench.writer.run()):
        bench.want(Said(ready="0/0"), "bad")
        for i in range(10):
            bench.want(Said(ready=f"{i}/10"))
            await asyncio.sleep(1)
    assert len(bench.api.made("patch", STATUS)) == 10
    assert len(bench.api.calls) - 11 <= 6


async def test_zones_have_no_namespace(bench: Bench) -> None:
    path = "/apis/rollcall.dev/v1alpha1/discoveryzones/web"
    bench.api.add(path)
    bench.wanted["web"] = Said(serial=1)
    async with running(bench.writer.run()):
        bench.writer.mark(Kind.DISCOVERY_ZONE, Key("", "web"))
        assert bench.writer.waiting == 1
        await asyncio.sleep(5)
    assert bench.api.status(path) == {"serial": 1}
    assert bench.writer.waiting == 0
    assert str(bench.written[0].ref) == "DiscoveryZone web"


async def test_a_burst_of_many_objects(bench: Bench) -> None:
    """The work of 300 marks of 60 objects: a read and a write each, and nothing more."""
    for i in range(60):
        bench.api.add(PATH.replace("/web", f"/s{i}"))
    async with running(bench.writer.run()):
        for turn in range(5):
            for i in range(60):
                bench.want(Said(ready=f"{turn}/5"), f"s{i}")
            await asyncio.sleep(0.02)
        await asyncio.sleep(5)
    assert len(bench.api.made("get")) == len(bench.api.made("patch")) == 60
    assert bench.computed == 60
    assert max(call.at for call in bench.api.calls) < 0.8, "two at a time, for they are of one namespace"


async def test_a_leader_that_is_back_reads_what_the_one_between_has_written(bench: Bench) -> None:
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
    bench.api.objects[PATH]["status"] = {"ready": "0/1"}
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
    assert bench.api.status(PATH) == {"ready": "1/1"}


async def test_a_status_that_makes_no_sense_is_written_over(bench: Bench) -> None:
    """Another version has written it, in a way of its own."""
    bench.api.objects[PATH]["status"] = {"ready": {"of": 3}, "truncated": "no"}
    async with running(bench.writer.run()):
        bench.want(Said(ready="1/1"))
        await asyncio.sleep(5)
    assert bench.api.status(PATH) == {"ready": "1/1"}
    assert bench.written[0].before == InstanceStatus()
