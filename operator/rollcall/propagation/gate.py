"""The publication gate: tells pods that ask for it that they are in the answers. Only the leader does.

A pod with the readiness gate `rollcall.dev/published` is answered as soon as all its other conditions hold,
and becomes ready when its condition of that type is True. That is written when it is in the answers
everywhere, and taken back when it leaves them. Nothing else of a pod is ever written.
"""

import asyncio
import time
from typing import Any, Never, Protocol

from rollcall.directory import Directory
from rollcall.kube.backoff import Uniform, uniform
from rollcall.kube.client import STRATEGIC_MERGE_PATCH
from rollcall.kube.errors import Conflict, KubeError, NotFound
from rollcall.kube.work_queue import WorkQueue
from rollcall.model import PUBLISHED_GATE, Key, Pod
from rollcall.status.conditions import rfc3339
from rollcall.watch.resource import PODS

from .tracker import Presence

FIRST_SECONDS = 0.0
"""Before a write: a roll-out waits for it, and what comes in a burst are other pods."""

REST_SECONDS = 0.02
"""Between two looks at the pods that wait. A look that takes long is followed by a longer rest."""

REST_FACTOR = 20

SLICE = 200
"""Pods that are looked at before others get their turn: less than a millisecond."""

OUTCOMES = ("published", "withdrawn", "gone", "failed")
"""Of a write. What failed is tried again; a pod that is gone needs none."""


class PatchApi(Protocol):
    """What is needed of a client of the API server; KubeClient is the real one."""

    async def patch(self, path: str, body: object, content_type: str) -> Any:
        """PATCH an object."""


class Gatekeeper:
    """Writes the condition of the pods that declare the gate. `writes` counts by what became of them."""

    def __init__(
        self, api: PatchApi, directory: Directory, presence: Presence, *, draw: Uniform = uniform
    ) -> None:
        self._api = api
        self._directory = directory
        self._presence = presence
        self._pods: dict[Key, Pod] = {}
        self._unpublished: set[Key] = set()
        self._waiting: set[Key] = set()
        self._news = asyncio.Event()
        self.writes = dict.fromkeys(OUTCOMES, 0)
        self._queue = WorkQueue("publication gate", self._write, first_seconds=FIRST_SECONDS, draw=draw)

    def apply_pod(self, pod: Pod) -> None:
        """Take in a pod, or its new state."""
        if pod.gate is not None:
            self._pods[pod.key] = pod
            self._waiting.add(pod.key)
            self._news.set()
            if pod.gate.published:
                self._unpublished.discard(pod.key)
            else:
                self._unpublished.add(pod.key)

    def remove_pod(self, key: Key) -> None:
        """Forget a pod."""
        self._pods.pop(key, None)
        self._waiting.discard(key)
        self._unpublished.discard(key)

    def changed(self) -> None:
        """Take in that workers or targets have got on, or that pods were selected or left alone."""
        if self._waiting:
            self._news.set()

    def turned(self, pods: set[Key]) -> None:
        """Take in that pods came into the answers or left them, be it by a change of their service."""
        if self._pods and (gated := pods & self._pods.keys()):
            self._waiting |= gated
            self._news.set()

    @property
    def waiting(self) -> int:
        """How many pods are ready but for the publication: answered already, or with nobody to wait for."""
        now = time.monotonic()
        return sum(self.wanted(self._pods[key], now) is not False for key in self._unpublished)

    async def run(self) -> Never:
        """Write until cancelled. Begin only when everything has synced, and only as the leader."""
        self._waiting.update(self._pods)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run())
            while True:
                self._news.clear()
                began = time.monotonic()
                await self._look()
                await asyncio.sleep(max(REST_SECONDS, REST_FACTOR * (time.monotonic() - began)))
                await self._news.wait()

    async def _look(self) -> None:
        """Have written what is due, and leave the others waiting."""
        for number, key in enumerate(list(self._waiting), 1):
            pod = self._pods.get(key)
            wanted = None if pod is None else self.wanted(pod, time.monotonic())
            if wanted is not None:
                self._waiting.discard(key)
            if _is_due(pod, wanted):  # a mark for nothing would have it rest, and be late when it matters
                self._queue.mark(key)
            if not number % SLICE:
                await asyncio.sleep(0)

    def wanted(self, pod: Pod, now: float) -> bool | None:
        """Return what the condition is to say; None where it is to stay as it is for the time being.

        A pod that no service selects, or that no zone has, waits for nobody. One that has been published
        stays so while it is in the answers, whatever targets or zones are added. One that a release holds
        back is in those of its version, which are enough, unless a roll-out is about to switch to it.
        """
        instances = self._directory.instances_of(pod.key)
        if not instances:
            return None if instances is None else True
        if not any(instance.available for instance in instances):
            return False
        if pod.gate is not None and pod.gate.published:
            return True
        if self._directory.awaits_switch(pod.key):
            return None
        return True if self._presence.since(self._presence.step(pod.key), now) is not None else None

    async def _write(self, key: Key) -> None:
        pod = self._pods.get(key)
        wanted = None if pod is None else self.wanted(pod, time.monotonic())
        if pod is None or wanted is None or not _is_due(pod, wanted):
            return
        path = PODS.path(key.namespace, key.name, "status")
        try:
            await self._api.patch(path, body(pod, wanted, time.time()), STRATEGIC_MERGE_PATCH)
        except (NotFound, Conflict):
            self.writes["gone"] += 1  # or a namesake has taken its place: the watch will tell
        except KubeError:
            self.writes["failed"] += 1
            raise
        else:
            self.writes["published" if wanted else "withdrawn"] += 1


def _is_due(pod: Pod | None, wanted: bool | None) -> bool:
    """Whether the condition of a pod is to be written. One that it has not got yet is as good as False."""
    if pod is None or pod.gate is None or wanted is None:
        return False
    return wanted is not bool(pod.gate.published)


def body(pod: Pod, published: bool, now: float) -> dict[str, Any]:
    """Return the strategic merge patch that sets our condition of a pod. `now` is in Unix seconds.

    The uid keeps it from a later pod of the same name.
    """
    reason, message = "Published", "Every DNS worker and every target has it."
    if not published:
        reason, message = "NotAnswered", "It is in no answer."
    condition = {
        "type": PUBLISHED_GATE,
        "status": str(published),
        "reason": reason,
        "message": message,
        "lastTransitionTime": rfc3339(now),
    }
    return {"metadata": {"uid": pod.uid}, "status": {"conditions": [condition]}}
