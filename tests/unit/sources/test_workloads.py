"""What rolls pods out is watched once a service follows it, installed later or not; in virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import pytest

from rollcall.directory import Directory
from rollcall.kube import Forbidden, KubeError, NotFound, Unreachable
from rollcall.model import BlueGreen, Follow, Release
from rollcall.sources.listable import CHECK_SECONDS
from rollcall.sources.workloads import RolloutSource
from rollcall.watch import Resource, workloads
from rollcall.watch.endpoints import ENDPOINT_SLICES
from unit.api_objects import listed
from unit.directory.rolling import answered, entry, of
from unit.running import running
from unit.world import resource

pytestmark = pytest.mark.looptime

SETTLED = 1.0
DEPLOYMENT_LISTS = {
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/flagger.app/v1beta1/canaries",
}


RESOURCES: dict[str, Resource[Any]] = {
    each.path(): each
    for each in (
        workloads.DEPLOYMENTS,
        workloads.REPLICA_SETS,
        workloads.ROLLOUTS,
        workloads.FLAGGER_CANARIES,
        ENDPOINT_SLICES,
    )
}


class Server:
    """An API server with lists and errors by path; its watches stay silent."""

    def __init__(self) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {}
        self.errors: dict[str, KubeError] = {}
        self.asked: list[str] = []

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        self.asked.append(path)
        if path in self.errors:
            raise self.errors[path]
        return listed(RESOURCES[path], self.items.get(path, []))

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        yield []
        await asyncio.Event().wait()


class WatchedWorkloads:
    def __init__(self) -> None:
        self.server = Server()
        self.directory = Directory()
        self.source = RolloutSource(self.server, "", self.directory, self.flow)
        self.flows = 0

    def flow(self, received_ns: int) -> None:
        self.source.watch_followed()
        self.directory.take_changes()
        self.flows += 1

    def ask(self, release: Release) -> None:
        self.directory.apply_resource(resource(release=release, selector={"app": "web"}))
        self.flow(0)

    def reason(self) -> str | None:
        problem = entry(self.directory).release_problem
        return problem.reason if problem else None


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[WatchedWorkloads]:
    made = WatchedWorkloads()
    async with running(made.source.run()):
        yield made


FOLLOW = Release(follow=Follow.DEPLOYMENT, blue_green=BlueGreen())
FLAGGER = "/apis/flagger.app/v1beta1/canaries"
ROLLOUTS = "/apis/argoproj.io/v1alpha1/rollouts"


def meta(name: str, revision: int, **fields: Any) -> dict[str, Any]:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    return {"namespace": "shop", "name": name, "uid": f"uid-{name}", "annotations": annotations, **fields}


def roll_out(server: Server) -> None:
    """Let the Deployment web have a new ReplicaSet `b` after `a`."""
    template = {"metadata": {"labels": {"app": "web"}}}
    spec = {"template": template, "selector": {"matchLabels": {"app": "web"}}}
    server.items["/apis/apps/v1/deployments"] = [{"metadata": meta("web", 2), "spec": spec}]
    owner = {"kind": "Deployment", "name": "web", "uid": "uid-web", "controller": True}
    server.items["/apis/apps/v1/replicasets"] = [
        {
            "metadata": meta(
                f"web-{version}", revision, labels={"pod-template-hash": version}, ownerReferences=[owner]
            ),
            "status": {"replicas": 1},
        }
        for version, revision in (("a", 1), ("b", 2))
    ]


async def test_nothing_is_asked_for_while_nobody_follows_anything() -> None:
    async with watched() as it:
        it.ask(Release())
        await asyncio.sleep(10 * CHECK_SECONDS)
        assert it.server.asked == []


async def test_a_deployment_is_followed_where_flagger_is_not_installed() -> None:
    async with watched() as it:
        it.server.errors[FLAGGER] = NotFound(f"GET {FLAGGER}", 404, "NotFound", "no such kind")
        roll_out(it.server)
        for version in "ab":
            it.directory.apply_pod(of(version))
        it.ask(FOLLOW)
        assert (answered(it.directory), it.reason()) == ({"a": 50, "b": 50}, "FollowPending")
        await asyncio.sleep(SETTLED)
        assert (answered(it.directory), it.reason()) == ({"b": 100}, None)
        assert set(it.server.asked) == DEPLOYMENT_LISTS
        assert [str(each.resource) for each in it.source.reflectors] == ["deployments", "replicasets"]


async def test_one_list_that_is_missing_leaves_what_is_in_force() -> None:
    async with watched() as it:
        path = "/apis/apps/v1/replicasets"
        it.server.errors[path] = Unreachable("no connection")
        roll_out(it.server)
        it.ask(FOLLOW)
        await asyncio.sleep(SETTLED)
        assert it.reason() == "FollowPending"
        del it.server.errors[path]
        await asyncio.sleep(10 * SETTLED)
        it.directory.apply_pod(of("b"))
        assert (answered(it.directory), it.reason()) == ({"b": 100}, None)


@pytest.mark.parametrize(
    ("release", "path", "told"),
    [
        (FOLLOW, FLAGGER, "may not list canaries.flagger.app: give its account the verbs list and watch"),
        (FOLLOW, "/apis/apps/v1/replicasets", "may not list replicasets.apps"),
        (Release(follow=Follow.ROLLOUT), ROLLOUTS, "may not list rollouts.argoproj.io"),
    ],
)
async def test_a_right_that_is_missing_is_named_and_used_once_it_is_there(
    release: Release, path: str, told: str
) -> None:
    async with watched() as it:
        it.server.errors[path] = Forbidden(f"GET {path}", 403, "Forbidden", "no")
        it.ask(release)
        await asyncio.sleep(SETTLED)
        problem = entry(it.directory).release_problem
        assert problem is not None
        assert problem.reason == "FollowForbidden"
        assert told in problem.message
        del it.server.errors[path]
        await asyncio.sleep(CHECK_SECONDS)
        assert it.reason() == "FollowTargetNotFound"


async def test_argo_rollouts_may_be_installed_later(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "rollcall.sources.workloads")
    async with watched() as it:
        it.server.errors[ROLLOUTS] = NotFound(f"GET {ROLLOUTS}", 404, "NotFound", "no such kind")
        it.ask(Release(follow=Follow.ROLLOUT))
        await asyncio.sleep(10 * CHECK_SECONDS + SETTLED)
        problem = entry(it.directory).release_problem
        assert problem is not None
        assert problem.reason == "FollowTargetNotFound"
        assert "install Argo Rollouts" in problem.message
        assert len(it.server.asked) == 11
        assert len(caplog.records) == 1
        del it.server.errors[ROLLOUTS]
        it.server.items[ROLLOUTS] = [
            {
                "metadata": meta("web", 0),
                "spec": {"template": {"metadata": {"labels": {"app": "web"}}}, "strategy": {"blueGreen": {}}},
                "status": {"blueGreen": {"activeSelector": "a"}},
            }
        ]
        for version in "ab":
            it.directory.apply_pod(of(version, label="rollouts-pod-template-hash"))
        await asyncio.sleep(CHECK_SECONDS)
        assert (answered(it.directory), it.reason()) == ({"a": 100}, None)


async def test_what_is_followed_by_others_later_is_not_watched_twice() -> None:
    async with watched() as it:
        roll_out(it.server)
        it.ask(FOLLOW)
        await asyncio.sleep(SETTLED)
        it.ask(Release())
        it.ask(FOLLOW)
        await asyncio.sleep(SETTLED)
        assert len(it.source.reflectors) == 3
