"""Makes a ServiceInstance for every Service with a selector that a zone or a file selects and that has none.

It is for its status alone: what is published needs none. It has an empty spec, which belongs to the user and
is never written again. It is made only after a time without one: whoever makes a Service may be about to make
its ServiceInstance as well, as a chart does, and somebody who replaces one deletes it first.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Never

from rollcall.kube.backoff import Uniform, uniform
from rollcall.kube.errors import AlreadyExists, Conflict, NotFound
from rollcall.kube.work_queue import WorkQueue
from rollcall.model import FIELD_MANAGER, Key, Service
from rollcall.watch.resource import SERVICE_INSTANCES

from .api import InstanceApi
from .ownership import disowned_marks, generated, is_to_be_made

Wanted = Callable[[Key], Service | None]
"""Gives the Service of a name that needs a ServiceInstance, None where it needs none, or no longer."""

AS_OPERATOR = {"fieldManager": FIELD_MANAGER}


class InstanceCreator:
    """Creates the ServiceInstances that are missing among the names that are marked.

    `grace_seconds` is how long one has to be missing.
    """

    def __init__(
        self, api: InstanceApi, wanted: Wanted, grace_seconds: float = 0.0, *, draw: Uniform = uniform
    ) -> None:
        self._api = api
        self._wanted = wanted
        self._grace_seconds = grace_seconds
        self._missing_since: dict[Key, float] = {}
        self._queue = WorkQueue(
            "ServiceInstances", self._create, namespace_of=lambda key: key.namespace, draw=draw
        )

    def mark(self, key: Key) -> None:
        """Find out, soon, whether a Service needs a ServiceInstance.

        That it has one is noted at once: until then it may be gone again, and its time begins anew.
        """
        if key in self._missing_since and self._wanted(key) is None:
            del self._missing_since[key]
        self._queue.mark(key)

    async def run(self) -> Never:
        """Create until cancelled. Begin only when everything has synced, and only as the leader."""
        self._missing_since.clear()
        await self._queue.run()

    async def _create(self, key: Key) -> float | None:
        """Create one, if its time has come; return the seconds until then."""
        service = self._wanted(key)
        if service is None or not is_to_be_made(service):
            self._missing_since.pop(key, None)
            return None
        now = asyncio.get_running_loop().time()
        remaining = self._missing_since.setdefault(key, now) + self._grace_seconds - now
        if remaining > 0:
            return remaining
        with suppress(AlreadyExists):  # made by a user, or by us a moment ago: the watch will tell
            made = await self._api.create(
                SERVICE_INSTANCES.path(key.namespace), generated(service), AS_OPERATOR
            )
            await disown_marks(self._api, key, made["metadata"])
        return None


async def disown_marks(api: InstanceApi, key: Key, metadata: dict[str, object]) -> None:
    """Put the marks of Helm into nobody's name; somebody who writes meanwhile may meet them in ours."""
    if (patch := disowned_marks(metadata)) is not None:
        with suppress(Conflict, NotFound):
            await api.patch(SERVICE_INSTANCES.path(*key), patch, params=AS_OPERATOR)
