"""Looks after the ServiceInstances that Rollcall has made: their metadata, and their end.

One is deleted only after a time without its Service, which somebody may be about to replace.
"""

import asyncio
from collections.abc import Callable
from typing import Never

from rollcall.directory import Entry
from rollcall.kube.backoff import CONFLICTS, Uniform, uniform
from rollcall.kube.errors import Conflict, NotFound
from rollcall.kube.work_queue import WorkQueue
from rollcall.model import Key
from rollcall.watch.resource import SERVICE_INSTANCES

from .api import InstanceApi
from .creation import AS_OPERATOR, disown_marks
from .ownership import amendment, is_amiss, is_left_over, origin_in, unchanged_since


class InstanceKeeper:
    """Brings the metadata of the ServiceInstances that are marked up to date, and deletes those left over.

    `entry_of` gives what is known by a name. `grace_seconds` is how long its Service has to be gone before
    one is deleted.
    """

    def __init__(
        self,
        api: InstanceApi,
        entry_of: Callable[[Key], Entry | None],
        grace_seconds: float = 0.0,
        *,
        draw: Uniform = uniform,
    ) -> None:
        self._api = api
        self._entry_of = entry_of
        self._grace_seconds = grace_seconds
        self._left_since: dict[Key, float] = {}
        self._queue = WorkQueue(
            "ServiceInstances that were made",
            self._keep,
            namespace_of=lambda key: key.namespace,
            draw=draw,
        )

    def mark(self, key: Key) -> None:
        """Have a ServiceInstance looked after, if there is something to do about it.

        That it isn't left over is noted at once: until then it may be again, and its time begins anew.
        """
        entry = self._entry_of(key)
        if _is_left_over(entry):
            self._queue.mark(key)
            return
        self._left_since.pop(key, None)
        if entry and entry.resource and is_amiss(entry.resource.origin, entry.service):
            self._queue.mark(key)

    async def run(self) -> Never:
        """Write until cancelled. Begin only when everything has synced, and only as the leader."""
        self._left_since.clear()
        await self._queue.run()

    async def _keep(self, key: Key) -> float | None:
        for attempt in range(1, CONFLICTS + 1):
            try:
                return await self._look_after(key)
            except NotFound:
                break
            except Conflict:  # somebody has written it, and it may be theirs now
                if attempt == CONFLICTS:
                    raise
        self._left_since.pop(key, None)
        return None

    async def _look_after(self, key: Key) -> float | None:
        """Write or delete one, if there is cause; return the seconds until it may have to go."""
        remaining = self._remaining_seconds(key)
        entry = self._entry_of(key)
        if entry is None or entry.resource is None:
            return None
        if remaining != 0 and not is_amiss(entry.resource.origin, entry.service):
            return remaining
        path = SERVICE_INSTANCES.path(*key)
        metadata = (await self._api.get(f"{path}/status"))["metadata"]
        if metadata["uid"] != entry.resource.uid:
            return None  # the watch will tell of that one
        if (patch := amendment(metadata, entry.service)) is not None:
            metadata = (await self._api.patch(path, patch, params=AS_OPERATOR))["metadata"]
            await disown_marks(self._api, key, metadata)
        if remaining == 0 and is_left_over(origin_in(metadata), entry.service):
            await self._api.delete(path, unchanged_since(metadata))
        return remaining or None

    def _remaining_seconds(self, key: Key) -> float | None:
        """Return for how long a ServiceInstance is to be left where it is; None where it may stay."""
        if not _is_left_over(self._entry_of(key)):
            self._left_since.pop(key, None)
            return None
        now = asyncio.get_running_loop().time()
        return max(0.0, self._left_since.setdefault(key, now) + self._grace_seconds - now)


def _is_left_over(entry: Entry | None) -> bool:
    if entry is None or entry.resource is None:
        return False
    return is_left_over(entry.resource.origin, entry.service)
