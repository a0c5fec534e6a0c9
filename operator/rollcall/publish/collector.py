"""What DiscoveryFiles hold, from the directory to the store: beside the flow, for many changes at once."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Never

from rollcall.directory import ServiceChange
from rollcall.model import DiscoveryFile, Key
from rollcall.zone import Output, PublishedVersion

from .file_store import FileStore
from .selection import FileSelection

REST_SECONDS = 0.02
"""Between two collections of what files hold: the first change passes at once, a burst as one."""

AT_ONCE = 50
"""Files that are collected in a turn of the event loop."""


class FileCollector(Output):
    """Tells the store what files hold. `on_collected` is called after each time.

    Where many have changed, namespaces take turns: one with thousands of files holds up no other.
    """

    def __init__(self, selection: FileSelection, store: FileStore, on_collected: Callable[[], None]) -> None:
        self._selection = selection
        self._store = store
        self._on_collected = on_collected
        self._dirty: dict[str, set[Key]] = {}
        self._news = asyncio.Event()

    def apply_file(self, key: Key, file: DiscoveryFile | None) -> None:
        """Follow a file, its new spec, or that it is gone."""
        if file is None:
            self._store.remove_file(key)
            self._mark(self._selection.remove_file(key))
        else:
            self._mark(self._selection.apply_file(file))

    def on_published(self, version: PublishedVersion) -> None:
        """Have those files collected anew that the changed services are in, later."""
        self.reselect(version.changes)

    def reselect(self, changes: Mapping[Key, ServiceChange]) -> None:
        """Look which files changed services are in; at the cost of a set."""
        self._mark(self._selection.update_services(changes))

    def start(self, version: int) -> None:
        """Collect what all files hold, now that everything is known: from here on the store hands it out."""
        for key in self._selection:
            self._collect(key)
        self._store.set_synced()

    async def run(self) -> Never:
        """Collect what changes until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._dirty:
                for _ in range(AT_ONCE):
                    if self._dirty:
                        self._collect(self._take())
                self._on_collected()
                await asyncio.sleep(0)
            await asyncio.sleep(REST_SECONDS)

    def _mark(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._dirty.setdefault(key.namespace, set()).add(key)
        if self._dirty:
            self._news.set()

    def _take(self) -> Key:
        """Return a file of the first namespace, which is the last one then."""
        namespace = next(iter(self._dirty))
        files = self._dirty.pop(namespace)
        key = files.pop()
        if files:
            self._dirty[namespace] = files
        return key

    def _collect(self, key: Key) -> None:
        if (file := self._selection.get(key)) is not None:
            self._store.put_file(file, self._selection.members(key), self._selection.problem(key))
