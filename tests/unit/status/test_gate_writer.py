"""The publication gate: when pods are told that they are published, and that they aren't; in virtual time."""

import asyncio
from typing import Any

import pytest

from rollcall.kube import Conflict, KubeError, NotFound, Unreachable
from rollcall.model import Gate, Key, Pod, Service
from rollcall.propagation.gate import PublicationGate
from rollcall.propagation.report import CURRENT, TargetReport
from rollcall.status import gate_writer as module
from rollcall.status.gate_writer import GateWriter, condition_patch
from rollcall.zone.names import from_text
from unit.running import running
from unit.tracked import TrackedWorld
from unit.world import pod, service, zone

pytestmark = pytest.mark.looptime

APEX = from_text("example.com")
WEB = Key("shop", "web-0")
SETTLED = 2.0


class World(TrackedWorld):
    """A directory under the gate, and an API server that keeps what was written of the condition."""

    def __init__(self) -> None:
        super().__init__(zone(), service(), publication_gate=True)
        self.gate = PublicationGate(self.directory, self.tracker)
        self.writer = GateWriter(self, self.gate, draw=max)
        self.tracker.listeners = (self.gate, self.writer)
        self.tracker.start(0)
        self.serve()
        self.written: list[str] = []
        self.errors: list[KubeError] = []

    async def patch(self, path: str, body: Any, content_type: str) -> None:
        assert path == "/api/v1/namespaces/shop/pods/web-0/status"
        assert content_type == "application/strategic-merge-patch+json"
        if self.errors:
            raise self.errors.pop(0)
        (condition,) = body["status"]["conditions"]
        self.written.append(condition["status"])

    def set(self, *pods: Pod) -> None:
        """Let the watch bring a state of the pod, and the flow hand on what it changes."""
        super().set(*pods)
        self.flow()

    def want(self, target: str) -> None:
        """Have the zone go to a target, too."""
        self.tracker.targets.keep([(APEX, target)])
        self.writer.on_progress()

    def report(self, target: str) -> None:
        report = TargetReport("main", APEX, target, self.serial, 0.0, CURRENT, "", True)
        self.tracker.on_report(report)


def gated(containers: bool = True, published: bool | None = None, **fields: Any) -> Pod:
    """Make a pod under the gate, of which the kubelet says what follows from its conditions."""
    return pod(ready=bool(containers and published), gate=Gate(containers, "", published), **fields)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    # The rest after a look grows with the time that the look took, which is real: it takes none of ours.
    monkeypatch.setattr(module, "REST_FACTOR", 0)
    return World()


async def test_a_pod_is_told_once_the_workers_and_all_targets_have_it(world: World) -> None:
    world.want("bind")
    async with running(world.writer.run()):
        world.set(gated(containers=False))
        await asyncio.sleep(SETTLED)
        world.set(gated())
        await asyncio.sleep(SETTLED)
        world.serve()
        await asyncio.sleep(SETTLED)
        assert world.written == []
        world.report("bind")
        await asyncio.sleep(SETTLED)
        assert world.written == ["True"]
        world.set(gated(published=True))
        await asyncio.sleep(SETTLED)
        assert world.written == ["True"]


@pytest.mark.parametrize(
    "after",
    [
        gated(containers=False, published=True),
        gated(published=True, deleting=True),
        gated(published=True, drain="true"),
    ],
    ids=["not ready", "deleting", "drained"],
)
async def test_what_leaves_the_answers_is_told_so(world: World, after: Pod) -> None:
    async with running(world.writer.run()):
        world.set(gated(published=True))
        await asyncio.sleep(SETTLED)
        assert world.written == []
        world.set(after)
        await asyncio.sleep(SETTLED)
        assert world.written == ["False"]


async def test_a_published_pod_stays_so_when_a_target_is_added(world: World) -> None:
    async with running(world.writer.run()):
        world.set(gated(published=True))
        world.want("new")
        await asyncio.sleep(SETTLED)
        assert world.written == []


async def test_a_pod_of_no_service_waits_for_nobody(world: World) -> None:
    async with running(world.writer.run()):
        world.set(gated(labels={"app": "job"}))
        await asyncio.sleep(SETTLED)
        assert world.written == ["True"]


async def test_a_service_that_stops_selecting_does_not_make_a_pod_unready(world: World) -> None:
    async with running(world.writer.run()):
        world.set(gated(published=True))
        world.drop(Service, Key("shop", "web"))
        world.flow()
        await asyncio.sleep(SETTLED)
        assert world.written == []


async def test_pods_without_the_gate_are_never_written(world: World) -> None:
    async with running(world.writer.run()):
        world.set(pod(ready=False))
        world.set(pod())
        world.serve()
        world.set(pod(deleting=True))
        await asyncio.sleep(SETTLED)
        assert world.written == []


async def test_a_new_leader_writes_what_is_missing(world: World) -> None:
    world.set(gated())
    world.serve()
    await asyncio.sleep(SETTLED)
    assert world.written == []
    for _ in range(2):  # it is told again, as the watch has brought no answer yet
        async with running(world.writer.run()):
            await asyncio.sleep(SETTLED)
    assert world.written == ["True", "True"]


async def test_a_write_that_fails_is_repeated(world: World) -> None:
    world.errors = [Unreachable("PATCH: no answer in time"), Unreachable("PATCH: no answer in time")]
    async with running(world.writer.run()):
        world.set(gated())
        world.serve()
        await asyncio.sleep(60)
        assert world.written == ["True"]


@pytest.mark.parametrize("kind", [NotFound, Conflict])
async def test_a_pod_that_is_gone_is_let_go(world: World, kind: type[NotFound | Conflict]) -> None:
    world.errors = [kind("PATCH", 409, kind.__name__, "gone")]
    async with running(world.writer.run()):
        world.set(gated())
        world.serve()
        await asyncio.sleep(60)
        assert (world.written, world.errors) == ([], [])


def test_only_our_condition_of_this_very_pod_is_written() -> None:
    assert condition_patch(pod(), False, 0) == {
        "metadata": {"uid": "uid-web-0"},
        "status": {
            "conditions": [
                {
                    "type": "rollcall.dev/published",
                    "status": "False",
                    "reason": "NotAnswered",
                    "message": "It is in no answer.",
                    "lastTransitionTime": "1970-01-01T00:00:00Z",
                }
            ]
        },
    }


async def test_a_pod_that_was_not_ready_just_now_is_not_late(world: World) -> None:
    async with running(world.writer.run()):
        world.set(gated(containers=False))
        await asyncio.sleep(0.1)
        world.set(gated())
        world.serve()
        await asyncio.sleep(0.1)
        assert world.written == ["True"]


async def test_pods_that_wait_are_counted(world: World) -> None:
    waiting = []
    async with running(world.writer.run()):
        for state in (
            gated(containers=False),
            gated(),
            gated(drain="true"),
            gated(labels={"app": "job"}),
            gated(published=True),
        ):
            world.set(state)
            waiting.append(world.gate.count_waiting(0.0))
    world.tracker.on_pod_removed(WEB)
    assert [*waiting, world.gate.count_waiting(0.0)] == [0, 1, 0, 1, 0, 0]


async def test_writes_are_counted_by_what_became_of_them(world: World) -> None:
    world.errors = [
        Unreachable("PATCH: no answer in time"),
        NotFound("PATCH", 404, "NotFound", "gone"),
    ]
    async with running(world.writer.run()):
        world.set(gated())
        world.serve()
        await asyncio.sleep(60)
        world.set(gated())
        await asyncio.sleep(60)
        world.set(gated(containers=False, published=True))
        await asyncio.sleep(60)
    assert world.writer.writes == {"published": 1, "withdrawn": 1, "gone": 1, "failed": 1}
