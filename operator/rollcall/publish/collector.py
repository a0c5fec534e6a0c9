"""What DiscoveryFiles hold, from the directory to the store: beside the flow, for many changes at once."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Never

from rollcall.directory import ServiceChange
from rollcall.model import DiscoveryFile, Key

from .file_store import FileStore
from .selection import FileSelection

REST_SECONDS = 0.02
"""Between two collections of what files hold: the first change passes at once, a burst as one."""


class Files:
    """Tells the store what files hold. `collected` is called after each time."""

    def __init__(self, selection: FileSelection, store: FileStore, collected: Callable[[], None]) -> None:
        self._selection = selection
        self._store = store
        self._collected = collected
        self._dirty: set[Key] = set()
        self._changed = asyncio.Event()

    def apply_file(self, key: Key, file: DiscoveryFile | None) -> None:
        """Take in a file, its new spec, or that it is gone."""
        if file is None:
            self._selection.remove_file(key)
            self._store.remove_file(key)
        else:
            self._selection.apply_file(file)
            self._mark({key})

    def apply(self, changes: Mapping[Key, ServiceChange]) -> None:
        """Take in what changed in the directory, at the cost of a set."""
        self._mark(self._selection.update_services(changes))

    def publish_first(self) -> None:
        """Collect what all files hold, now that everything is known: from here on the store hands it out."""
        for key in self._selection:
            self._collect(key)
        self._store.set_synced()

    async def run(self) -> Never:
        """Collect what changes until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            dirty, self._dirty = self._dirty, set()
            for key in dirty:
                self._collect(key)
            self._collected()
            await asyncio.sleep(REST_SECONDS)

    def _mark(self, keys: Iterable[Key]) -> None:
        self._dirty.update(keys)
        if self._dirty:
            self._changed.set()

    def _collect(self, key: Key) -> None:
        if (file := self._selection.get(key)) is not None:
            self._store.put_file(file, self._selection.members(key))
