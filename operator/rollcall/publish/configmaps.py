"""Writes renderings into ConfigMaps: a worker a file, so that one broken target delays no other.

Each worker has at most one request in flight. It waits a moment after a change for more of them, writes
nothing when the bytes are equal, guards each write with the resourceVersion of what it read, and reads
everything back every few minutes to repair what others changed. It deletes nothing: we have no right to
delete ConfigMaps, so that a part which a smaller rendering no longer needs is emptied.
"""

import asyncio
import re
import time
from collections.abc import Callable

from rollcall.model import Key

from .config_map_worker import ConfigMapApi, FileReport, Report, Worker
from .file_store import FileStore

__all__ = ["ConfigMapApi", "FilePublisher", "FileReport", "Report"]


class FilePublisher:
    """Keeps the ConfigMaps of all DiscoveryFiles as the store renders them."""

    def __init__(
        self,
        api: ConfigMapApi,
        store: FileStore,
        report: Report,
        *,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._store = store
        self._report = report
        self._unix_time = unix_time
        self._workers: dict[Key, Worker] = {}
        self._removed: set[Key] = set()
        self._membership = asyncio.Event()

    async def run(self) -> None:
        """Publish until cancelled. Whoever runs this must be the only one: the leader."""
        unlisten = self._store.listen(self._changed)
        try:
            async with asyncio.TaskGroup() as group:
                tasks: dict[Key, asyncio.Task[None]] = {}
                while True:
                    self._membership.clear()
                    for key in self._store:
                        if key not in tasks:
                            worker = self._workers[key] = self._worker(key)
                            tasks[key] = group.create_task(worker.run(), name=f"DiscoveryFile {key}")
                    for key in [key for key in tasks if key not in self._store]:
                        tasks.pop(key).cancel()
                        del self._workers[key]
                    await self._membership.wait()
        finally:
            unlisten()
            self._workers.clear()

    def _worker(self, key: Key) -> Worker:
        return Worker(key, self._api, self._store, self._report, self._has_released, self._unix_time)

    def _changed(self, key: Key) -> None:
        if key in self._store:
            self._removed.discard(key)
        else:
            self._removed.add(key)
        worker = self._workers.get(key)
        if worker is None or key not in self._store:
            self._membership.set()
        else:
            worker.changed.set()

    def _has_released(self, owner: Key, name: str) -> bool:
        """Whether a file is known to have no claim on a ConfigMap: it was deleted, or points elsewhere."""
        file = self._store.file(owner)
        if file is None:
            return owner in self._removed
        return re.fullmatch(rf"{re.escape(file.spec.config_map.name)}(-[0-9]+)?", name) is None
