"""When the ConfigMaps of a DiscoveryFile are written.

Soon after a change, but once for a burst; soon after somebody else has changed or deleted one; again after
failures; and every few minutes all is read back, for what no watch has told.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Never

import msgspec

from rollcall.kube.backoff import jittered
from rollcall.kube.work_queue import WorkQueue
from rollcall.model import DiscoveryFile, Key
from rollcall.publish.file_store import FileStore, UnknownFile
from rollcall.watch.config_map import ConfigMapVersion
from rollcall.watch.view import Change

from .existing import ConfigMapApi
from .report import FileReport, problem_of
from .writer import FileWriter

COALESCE_SECONDS = 0.5
READ_BACK_SECONDS = 300.0
LONGEST_RETRY_SECONDS = 30.0

CONCURRENCY = 8
"""Half of the requests that the client has in flight: a few without an answer keep no other from its turn."""


class FilePublisher:
    """Keeps the ConfigMaps of all DiscoveryFiles as the store renders them.

    `on_report` is called with the report on a file, whenever there is another one.
    """

    def __init__(
        self,
        api: ConfigMapApi,
        store: FileStore,
        on_report: Callable[[Key, FileReport], None],
        *,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._store = store
        self._on_report = on_report
        self._unix_time = unix_time
        self._writers: dict[Key, FileWriter] = {}
        self._asked: dict[Key, set[str]] = {}
        self._files_of: defaultdict[Key, set[Key]] = defaultdict(set)
        self._removed: set[Key] = set()
        self._queue = WorkQueue(
            "DiscoveryFiles",
            self._publish,
            namespace_of=lambda key: key.namespace,
            first_seconds=COALESCE_SECONDS,
            rest_seconds=COALESCE_SECONDS,
            longest_retry_seconds=LONGEST_RETRY_SECONDS,
            concurrency=CONCURRENCY,
        )

    async def run(self) -> Never:
        """Publish until cancelled. Whoever runs this must be the only one: the leader.

        It can be run again: what is there is read anew then, as another leader may have written.
        """
        self._writers.clear()
        self._asked.clear()
        self._files_of.clear()
        for key in self._store:
            self._queue.retry(key)
        unlisten = self._store.listen(self._on_changed)
        try:
            await self._queue.run()
        finally:
            unlisten()

    def on_config_map(self, change: Change[ConfigMapVersion]) -> None:
        """Have the file of a ConfigMap written again where what happened to it wasn't our own write."""
        for key in self._files_of.get(change.key, ()):
            writer = self._writers[key]
            report = writer.note(change)
            if report is not None:
                self._report(writer, report)
                self._queue.retry(key)

    def _on_changed(self, key: Key) -> None:
        file, writer = self._store.file(key), self._writers.get(key)
        if file is None:
            self._removed.add(key)
        else:
            self._removed.discard(key)
        # While something is wrong, only a new spec cuts the wait short: it may be the remedy, and a service
        # that changes all the time isn't.
        if file and writer and (file.uid, file.generation) == (writer.file.uid, writer.file.generation):
            self._queue.mark(key)
        else:
            self._queue.retry(key)

    async def _publish(self, key: Key) -> float | None:
        """Bring the ConfigMaps of a file up to date; return the seconds until they are read back."""
        file = self._store.file(key)
        if file is None:
            self._drop_writer(key)
            return None
        if key not in self._writers:
            self._writers[key] = self._writer(file)
        writer = self._writers[key]
        if (problem := self._store.problem(key)) is not None:  # there is nothing to try until that changes
            writer.file = file
            now = {"generation": file.generation, "problem": problem}
            self._report(writer, msgspec.structs.replace(writer.report, **now))
            return None
        if writer.read_back_at <= _now():
            writer.forget()
            writer.read_back_at = _now() + jittered(READ_BACK_SECONDS)
        try:
            self._report(writer, await writer.write())
        except UnknownFile:
            return None
        except Exception as error:
            writer.read_back_at = 0.0
            now = {"generation": writer.file.generation, "problem": problem_of(writer.file, error)}
            self._report(writer, msgspec.structs.replace(writer.report, **now))
            raise
        return max(0.0, writer.read_back_at - _now())

    def _writer(self, file: DiscoveryFile) -> FileWriter:
        asked = self._asked[file.key] = set()

        def on_asked(name: str) -> None:
            asked.add(name)
            self._files_of[Key(file.key.namespace, name)].add(file.key)

        return FileWriter(file, self._api, self._store, self._has_released, self._unix_time, on_asked)

    def _drop_writer(self, key: Key) -> None:
        self._writers.pop(key, None)
        for name in self._asked.pop(key, ()):
            config_map = Key(key.namespace, name)
            self._files_of[config_map].discard(key)
            if not self._files_of[config_map]:
                del self._files_of[config_map]

    def _report(self, writer: FileWriter, report: FileReport) -> None:
        if report != writer.report:
            writer.report = report
            self._on_report(writer.file.key, report)

    def _has_released(self, owner: Key, name: str) -> bool:
        """Whether a file is known to have no claim on a ConfigMap: it was deleted, or points elsewhere."""
        file = self._store.file(owner)
        if file is None:
            return owner in self._removed
        return re.fullmatch(rf"{re.escape(file.spec.config_map.name)}(-[0-9]+)?", name) is None


def _now() -> float:
    return asyncio.get_running_loop().time()
