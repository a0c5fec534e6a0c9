"""Tells pods under the publication gate that they are in the answers, or no longer. Only the leader does.

Nothing else of a pod is ever written.
"""

import asyncio
import time
from collections.abc import Iterator, Set
from typing import Any, Never, Protocol

from rollcall.kube import Conflict, KubeError, NotFound
from rollcall.kube.backoff import Uniform, uniform
from rollcall.kube.client import STRATEGIC_MERGE_PATCH
from rollcall.kube.work_queue import WorkQueue
from rollcall.model import PUBLISHED_GATE, Key, Pod, rfc3339
from rollcall.model.metric import MetricFamily, single
from rollcall.propagation.gate import PublicationGate
from rollcall.propagation.listener import Listener
from rollcall.watch import PODS

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
    """What is needed of a client of the API server; KubeClient is the real one, tests have another."""

    async def patch(self, path: str, body: object, content_type: str) -> Any:
        """PATCH an object."""


class GateWriter(Listener):
    """Writes the condition of the pods that declare the gate. `writes` counts by what became of them.

    It listens after the gate: that knows by then what there is to look at.
    """

    def __init__(self, api: PatchApi, gate: PublicationGate, *, draw: Uniform = uniform) -> None:
        self.writes = dict.fromkeys(OUTCOMES, 0)
        self._api = api
        self._gate = gate
        self._news = asyncio.Event()
        self._queue = WorkQueue(
            "publication gate",
            self._write,
            namespace_of=lambda key: key.namespace,
            first_seconds=FIRST_SECONDS,
            draw=draw,
        )

    def on_pod(self, pod: Pod) -> None:
        """Look at a pod."""
        if pod.gate is not None:
            self._news.set()

    def on_turned(self, pods: Set[Key]) -> None:
        """Look at the pods that came into the answers or left them."""
        self.on_progress()

    def on_changes(self) -> None:
        """Look at those that wait: a pod that they wait for may have been given up."""
        self.on_progress()

    def on_progress(self) -> None:
        """Look at those that wait."""
        if self._gate.undecided:
            self._news.set()

    def families(self) -> Iterator[MetricFamily]:
        """Describe what is counted here."""
        yield MetricFamily(
            "rollcall_publication_gate_writes_total",
            "Writes of the condition of pods under the publication gate, by what became of them.",
            ("outcome",),
            lambda: [((outcome,), number) for outcome, number in self.writes.items()],
            is_counter=True,
        )
        yield single(
            "rollcall_publication_gate_waiting",
            "Pods under the publication gate that are ready but for it.",
            lambda: self._gate.count_waiting(time.monotonic()),
        )

    async def run(self) -> Never:
        """Write until cancelled. Begin only when everything has synced, and only as the leader."""
        self._gate.reconsider_all()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run())
            while True:
                self._news.clear()
                began = time.monotonic()
                await self._decide_all()
                await asyncio.sleep(max(REST_SECONDS, REST_FACTOR * (time.monotonic() - began)))
                await self._news.wait()

    async def _decide_all(self) -> None:
        """Have written what is due, and leave the others waiting."""
        for number, key in enumerate(list(self._gate.undecided), 1):
            if self._gate.decide(key, time.monotonic()):  # a mark for nothing would have it rest, and be late
                self._queue.mark(key)
            if not number % SLICE:
                await asyncio.sleep(0)

    async def _write(self, key: Key) -> None:
        due = self._gate.due(key, time.monotonic())
        if due is None:
            return
        pod, published = due
        path = PODS.path(key.namespace, key.name, "status")
        try:
            await self._api.patch(path, condition_patch(pod, published, time.time()), STRATEGIC_MERGE_PATCH)
        except (NotFound, Conflict):
            self.writes["gone"] += 1  # or a namesake has taken its place: the watch will tell
        except KubeError:
            self.writes["failed"] += 1
            raise
        else:
            self.writes["published" if published else "withdrawn"] += 1


def condition_patch(pod: Pod, published: bool, now: float) -> dict[str, Any]:
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
