"""Watches what rolls pods out, once a service follows it: Deployments, Rollouts, Canaries.

A cluster where no service does pays nothing for it. Argo Rollouts and Flagger are there or not: whether the
API server knows their kinds is checked from time to time, and it is not an error that it doesn't. Until
something is known of a kind of roll-out, the directory lets what is in force go on.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Never

from rollcall.directory import Directory
from rollcall.directory.follow import FollowReason
from rollcall.directory.followers import PENDING
from rollcall.kube.errors import Forbidden, KubeError, NotFound
from rollcall.model import Deployment, FlaggerCanary, Follow, Problem, ReplicaSet, Rollout, Workload
from rollcall.watch.pages import Transport
from rollcall.watch.reflector import Batch, Reflector
from rollcall.watch.resource import Resource
from rollcall.watch.workloads import DEPLOYMENTS, FLAGGER_CANARIES, REPLICA_SETS, ROLLOUTS

from .cluster import apply_batch
from .listable import until_listable

log = logging.getLogger(__name__)

_SOURCES: dict[Follow, tuple[tuple[Resource[Any], type[Workload]], ...]] = {
    Follow.DEPLOYMENT: (
        (DEPLOYMENTS, Deployment),
        (REPLICA_SETS, ReplicaSet),
        (FLAGGER_CANARIES, FlaggerCanary),
    ),
    Follow.ROLLOUT: ((ROLLOUTS, Rollout),),
}
_MISSING = {
    str(ROLLOUTS): Problem(
        FollowReason.NOT_FOUND,
        "There are no Rollouts in this cluster: install Argo Rollouts, or remove spec.release.follow.",
    )
}


class RolloutSource:
    """Fills the directory with workloads; `on_change` gets the time of receipt (time.monotonic_ns).

    An empty `namespace` stands for all of them. `reflectors` are those that have been started.
    """

    def __init__(
        self, client: Transport, namespace: str, directory: Directory, on_change: Callable[[int], None]
    ) -> None:
        self.reflectors: list[Reflector[Any]] = []
        self._client = client
        self._namespace = namespace or None
        self._directory = directory
        self._on_change = on_change
        self._started: set[Follow] = set()
        self._wanted = asyncio.Event()
        self._problems: dict[Follow, dict[str, Problem | None]] = {
            follow: {str(resource): PENDING for resource, _ in sources}
            for follow, sources in _SOURCES.items()
        }

    def watch_followed(self) -> None:
        """Have the kinds watched that services have begun to follow."""
        if self._directory.followed_kinds - self._started:
            self._wanted.set()

    async def run(self) -> Never:
        """Watch what is followed until cancelled; what was started once goes on."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                for follow in sorted(self._directory.followed_kinds - self._started):
                    self._started.add(follow)
                    for resource, kind in _SOURCES[follow]:
                        group.create_task(self._watch(follow, resource, kind))

    async def _watch(self, follow: Follow, resource: Resource[Any], kind: type[Workload]) -> None:
        """Wait until there is something to watch, then watch it until cancelled."""
        await until_listable(
            self._client,
            resource.path(self._namespace),
            partial(self._explain, follow, resource),
            partial(log.info, "%s: looking for them again from time to time: %s", resource),
        )
        reflector = Reflector(
            self._client, resource, partial(self._on_batch, kind), namespace=self._namespace
        )
        self.reflectors.append(reflector)
        async with asyncio.TaskGroup() as group:
            group.create_task(reflector.run())
            await reflector.synced.wait()
            self._set_problem(follow, resource, None)

    def _explain(self, follow: Follow, resource: Resource[Any], error: KubeError) -> str | None:
        if isinstance(error, NotFound):
            self._set_problem(follow, resource, _MISSING.get(str(resource)))
            return "they are not installed here"
        if isinstance(error, Forbidden):
            self._set_problem(follow, resource, _forbidden(resource))
            return str(error)
        return None

    def _set_problem(self, follow: Follow, resource: Resource[Any], problem: Problem | None) -> None:
        """Tell the directory what is known of a kind of roll-out: all of its resources have to be."""
        problems = self._problems[follow]
        problems[str(resource)] = problem
        first = next((each for each in problems.values() if each is not None), None)
        self._directory.set_follow_problem(follow, first)
        self._on_change(time.monotonic_ns())

    def _on_batch(self, kind: type[Workload], batch: Batch[Any]) -> None:
        apply_batch(batch, self._directory.apply_workload, partial(self._directory.remove_workload, kind))
        self._on_change(batch.received_ns)


def _forbidden(resource: Resource[Any]) -> Problem:
    group = resource.group_version.partition("/")[0]
    return Problem(
        FollowReason.FORBIDDEN,
        f"Rollcall may not list {resource}.{group}: give its account the verbs list and watch on them, as the"
        " chart does. Without that it doesn't know what is rolled out.",
    )
