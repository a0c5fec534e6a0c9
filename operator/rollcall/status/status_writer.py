"""Writes the status of our resources: after the fact, coalesced, never in the way of DNS.

A status is computed when it is written, so that a burst of changes costs one computation and one write. What
the API server holds already is not written again. Each write says which resourceVersion it is based on: if
the object has changed since, it is read and computed anew. Only `status` is ever written.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Never

import msgspec

from rollcall.kube.backoff import CONFLICTS, Uniform, uniform
from rollcall.kube.errors import Conflict, NotFound
from rollcall.kube.work_queue import WorkQueue
from rollcall.model import Key, Status

from .api import StatusApi
from .kinds import Kind, ObjectRef
from .merge_patch import merge_patch

READ_BACK_SECONDS = 1800.0
"""A round in which every status is read once, so that what others changed in it is put right."""

Compute = Callable[[Key, Status], tuple[str, Status] | None]
"""Takes the name of an object and the status that the API server holds, whose type says the kind. Returns the
uid of the object and the status that it should have, None where we know no such object."""


class Written(msgspec.Struct, frozen=True):
    """A status that was written: what it was before, and what it is now."""

    ref: ObjectRef
    uid: str
    before: Status
    after: Status


class _Held(msgspec.Struct, frozen=True):
    """What the API server holds of an object. The status is JSON: a fifth of its size in objects."""

    uid: str
    resource_version: str
    status: bytes

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "_Held":
        meta = answer["metadata"]
        return cls(meta["uid"], meta["resourceVersion"], msgspec.json.encode(answer.get("status") or {}))


class StatusWriter:
    """Brings the status of every object that is marked up to date.

    `on_written` is called after each write; it must be quick and must not raise.
    """

    def __init__(
        self,
        api: StatusApi,
        compute: Compute,
        on_written: Callable[[Written], None],
        *,
        draw: Uniform = uniform,
    ) -> None:
        self._api = api
        self._compute = compute
        self._on_written = on_written
        self._held: dict[ObjectRef, _Held] = {}
        self._outdated: set[ObjectRef] = set()
        self._queue = WorkQueue(
            "status", self._bring_up_to_date, namespace_of=lambda ref: ref.key.namespace, draw=draw
        )

    def mark(self, kind: Kind, key: Key) -> None:
        """Have the status of an object computed and, if it differs, written: soon."""
        self._queue.mark(ObjectRef(kind, key))

    def on_changed(self, kind: Kind, key: Key) -> None:
        """Note that somebody has written an object: its status is read before it is written again."""
        self._outdated.add(ObjectRef(kind, key))
        self.mark(kind, key)

    @property
    def waiting(self) -> int:
        """How many objects are marked and not yet up to date."""
        return len(self._queue)

    async def run(self) -> Never:
        """Write until cancelled. Begin only when everything has synced, and only as the leader.

        It can be run again: what the API server holds is read anew then, as another leader may have written.
        """
        self._held.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run(), name="status")
            while True:
                await self._read_back()

    async def _read_back(self) -> None:
        """Forget, one by one, what the API server holds: read again, it shows what others changed."""
        refs = list(self._held)
        for ref in refs:
            await asyncio.sleep(READ_BACK_SECONDS / len(refs))
            if self._held.pop(ref, None):
                self._queue.mark(ref)
        if not refs:
            await asyncio.sleep(READ_BACK_SECONDS)

    async def _bring_up_to_date(self, ref: ObjectRef) -> None:
        if ref in self._outdated:
            self._outdated.remove(ref)
            self._held.pop(ref, None)
        for attempt in range(1, CONFLICTS + 1):
            try:
                await self._write(ref)
                return
            except NotFound:
                self._held.pop(ref, None)
                return
            except Conflict:
                self._held.pop(ref, None)
                if attempt == CONFLICTS:
                    raise

    async def _write(self, ref: ObjectRef) -> None:
        for known in (self._held.get(ref), None):
            held = known or _Held.of(await self._api.get(ref.path("status")))
            before = _read(ref.kind, held.status)
            computed = self._compute(ref.key, before)
            if computed is None or computed[0] == held.uid:
                break
            # What is known is of a namesake that is gone: read again. If that is another than the one that
            # we compute for, our view is the older one, and will be marked when it catches up.
        if computed is None or computed[0] != held.uid:
            self._held.pop(ref, None)
            return
        self._held[ref] = held
        _, after = computed
        patch = merge_patch(*map(msgspec.json.decode, (held.status, msgspec.json.encode(after))))
        if not patch:
            return
        body = {"metadata": {"resourceVersion": held.resource_version}, "status": patch}
        self._held[ref] = _Held.of(await self._api.patch(ref.path("status"), body))
        self._on_written(Written(ref, held.uid, before, after))


def _read(kind: Kind, status: bytes) -> Status:
    """Read a status; one that another version has written in a way of its own counts as none."""
    try:
        return msgspec.json.decode(status, type=kind.status)
    except msgspec.ValidationError:
        return kind.status()
