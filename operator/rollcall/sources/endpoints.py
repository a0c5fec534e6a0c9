"""Watches EndpointSlices, once there is a Service without a selector that anybody wants.

A cluster where there is none pays nothing for it. The slices of Services that have a selector never come this
way: their pods say the same, sooner. Until the slices are known, such a service goes on as it was.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Never

from rollcall.directory import Directory
from rollcall.kube.errors import Forbidden, KubeError
from rollcall.model import EndpointSlice, Key, Problem
from rollcall.watch.endpoints import ENDPOINT_SLICES, SELECTOR
from rollcall.watch.pages import Transport
from rollcall.watch.reflector import Batch, Reflector

from .cluster import apply_batch
from .listable import until_listable

log = logging.getLogger(__name__)

FORBIDDEN = Problem(
    "EndpointSlicesForbidden",
    "The Service has no selector, and Rollcall may not list endpointslices.discovery.k8s.io: give its account"
    " the verbs list and watch on them, as the chart does. Without that it doesn't know what belongs to it.",
)


class EndpointSource:
    """Fills the directory with EndpointSlices.

    `is_wanted` says whether a zone, a file or a ServiceInstance wants the instances of a service; `on_change`
    gets the time of receipt (time.monotonic_ns). An empty `namespace` stands for all of them. `reflectors` is
    empty until the first such service is there.
    """

    def __init__(
        self,
        client: Transport,
        namespace: str,
        directory: Directory,
        is_wanted: Callable[[Key], bool],
        on_change: Callable[[int], None],
    ) -> None:
        self.reflectors: list[Reflector[EndpointSlice]] = []
        self._client = client
        self._namespace = namespace or None
        self._directory = directory
        self._is_wanted = is_wanted
        self._on_change = on_change
        self._wanted = asyncio.Event()
        self._known = asyncio.Event()
        self._trouble: KubeError | None = None

    def watch_wanted(self, services: Iterable[Key]) -> None:
        """Have EndpointSlices watched if one of these services needs them; what has begun goes on."""
        if self._wanted.is_set():
            return
        asking = self._directory.asking_slices
        if any(key in asking and self._is_wanted(key) for key in services):
            self._wanted.set()

    async def synced(self) -> None:
        """Wait for the first whole list, or until there can be none; not at all unless it is wanted."""
        if self._wanted.is_set():
            await self._known.wait()

    def waiting(self) -> dict[str, KubeError | None]:
        """Return the resources of which the first list is awaited, each with what is wrong."""
        if not self._wanted.is_set() or self._known.is_set():
            return {}
        return {str(ENDPOINT_SLICES): self.reflectors[0].trouble if self.reflectors else self._trouble}

    async def run(self) -> Never:
        """Wait until there is something to watch, then watch it until cancelled."""
        await self._wanted.wait()
        await until_listable(
            self._client,
            ENDPOINT_SLICES.path(self._namespace),
            self._explain,
            partial(log.warning, "%s: looking for them again from time to time: %s", ENDPOINT_SLICES),
        )
        reflector = Reflector(
            self._client, ENDPOINT_SLICES, self._on_batch, namespace=self._namespace, label_selector=SELECTOR
        )
        self.reflectors.append(reflector)
        async with asyncio.TaskGroup() as group:
            group.create_task(reflector.run())
            await reflector.synced.wait()
            self._set_problem(None)
        raise AssertionError("a reflector runs until it is cancelled")

    def _explain(self, error: KubeError) -> str | None:
        if isinstance(error, Forbidden):
            self._set_problem(FORBIDDEN)
            return str(error)
        self._trouble = error
        return None

    def _set_problem(self, problem: Problem | None) -> None:
        """Tell the directory what is known of EndpointSlices as a whole."""
        self._directory.set_slices_problem(problem)
        self._known.set()
        self._on_change(time.monotonic_ns())

    def _on_batch(self, batch: Batch[EndpointSlice]) -> None:
        apply_batch(batch, self._directory.apply_slice, self._directory.remove_slice)
        self._on_change(batch.received_ns)
