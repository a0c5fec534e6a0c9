"""The files as they are right now, in memory: one source for HTTP and for ConfigMaps.

A file is rendered when somebody asks for it, once for each of its versions. Large ones are rendered in a
thread, so that the loop goes on. All methods are for the thread of the event loop.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from rollcall.model import DiscoveryFile, Key, Members, Problem
from rollcall.zone.serial import is_newer, next_serial

from .files import CannotRender, Rendering, compose

THREAD_INSTANCES = 256
"""From so many instances on, a rendering leaves the loop: it takes up to 0.02 ms an instance."""


class NotSynced(Exception):
    """It isn't known yet what the file holds, which is not the same as that it holds nothing."""


class UnknownFile(Exception):
    """There is no such DiscoveryFile."""


class Current(msgspec.Struct, frozen=True):
    """A rendering with its version, for waiting on the next.

    `file` is what was rendered, None in a rendering from a snapshot that nothing has confirmed yet.
    """

    rendering: Rendering
    version: int
    file: DiscoveryFile | None

    @property
    def stale(self) -> bool:
        """Whether the rendering is from a snapshot."""
        return self.file is None


class SavedFile(msgspec.Struct, frozen=True):
    """A rendering in a snapshot."""

    key: Key
    rendering: Rendering


class _Entry:
    """One file. `version` is a new number with each change of its spec or services; 0 is a snapshot."""

    def __init__(self) -> None:
        self.file: DiscoveryFile | None = None
        self.services: tuple[Members, ...] = ()
        self.problem: Problem | None = None
        self.version = 0
        self.rendered: tuple[int, DiscoveryFile, Rendering | Problem] | None = None
        self.saved: Rendering | None = None
        self.serial: int | None = None
        self.digest = ""
        self.lock = asyncio.Lock()
        self.changed = asyncio.Event()

    def wake(self) -> None:
        """Tell everybody who waits that this version is over."""
        self.changed.set()
        self.changed = asyncio.Event()

    def next_serial(self, digest: str, unix_seconds: int) -> int:
        """Return the serial of a content: a new one exactly if the content is new."""
        if self.serial is None:
            self.serial = next_serial(0, unix_seconds)
        elif digest != self.digest:
            self.serial = next_serial(self.serial, unix_seconds)
        self.digest = digest
        return self.serial


class FileStore:
    """The latest services of each DiscoveryFile, and their renderings."""

    def __init__(self, unix_time: Callable[[], float] = time.time) -> None:
        self._unix_time = unix_time
        self._entries: dict[Key, _Entry] = {}
        self._versions = itertools.count(1)
        self._synced = False
        self.closed = False
        self._listeners: list[Callable[[Key], None]] = []

    def __contains__(self, key: Key) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.file is not None

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the files that are known for certain, not over those of a snapshot."""
        return iter([key for key in self._entries if key in self])

    def file(self, key: Key) -> DiscoveryFile | None:
        """Return a file as it was last told to us."""
        entry = self._entries.get(key)
        return entry.file if entry else None

    def problem(self, key: Key) -> Problem | None:
        """Return why a file isn't to be rendered, whatever its spec; None where it is."""
        entry = self._entries.get(key)
        return entry.problem if entry else None

    def listen(self, listener: Callable[[Key], None]) -> Callable[[], None]:
        """Have a function called with the key of each file that changes or goes; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def put_file(
        self, file: DiscoveryFile, services: Sequence[Members], problem: Problem | None = None
    ) -> None:
        """Set what a file is to hold, or why it isn't rendered.

        Call it only with what is known: after everything has synced.
        """
        entry = self._entries.setdefault(file.key, _Entry())
        known = tuple(services)
        if (entry.file, entry.services, entry.problem) == (file, known, problem):
            return
        entry.file, entry.services, entry.problem, entry.saved = file, known, problem, None
        entry.version = next(self._versions)
        self._notify(file.key, entry)

    def remove_file(self, key: Key) -> None:
        """Forget a file that was deleted."""
        if entry := self._entries.pop(key, None):
            self._notify(key, entry)

    def set_synced(self) -> None:
        """Say that every file there is has been told: what is left of a snapshot belongs to none."""
        self._synced = True
        for key in [key for key in self._entries if key not in self]:
            self.remove_file(key)

    def close(self) -> None:
        """End every wait: the process is about to stop."""
        self.closed = True
        for entry in self._entries.values():
            entry.wake()

    async def current(self, key: Key) -> Current:
        """Return the rendering of a file.

        Raises:
            NotSynced: nothing is known of the file yet.
            UnknownFile: there is no such file.
            CannotRender: its spec leaves nothing to render.
        """
        entry = self._entries.get(key)
        if entry is None:
            raise UnknownFile(str(key)) if self._synced else NotSynced(str(key))
        if entry.file is None:
            assert entry.saved is not None, "an entry has a file or comes from a snapshot"
            return Current(entry.saved, 0, None)
        if entry.rendered is None or entry.rendered[0] != entry.version:
            # Who asked may go; a thread that renders can't be stopped, and others want what it makes.
            await asyncio.shield(self._bring_up_to_date(entry, entry.file))
        assert entry.rendered is not None
        version, file, rendered = entry.rendered
        if isinstance(rendered, Problem):
            raise CannotRender(rendered.reason, rendered.message)
        return Current(rendered, version, file)

    async def wait_past(self, key: Key, version: int) -> None:
        """Wait until a version of a file is no longer the latest."""
        while not self.closed:
            entry = self._entries.get(key)
            if entry is None or entry.version != version:
                return
            await entry.changed.wait()

    def adopt_serial(self, key: Key, serial: int, digest: str) -> None:
        """Go on from the serial that was published before us: serials rise over restarts and failovers."""
        entry = self._entries.get(key)
        if entry is None or (entry.serial, entry.digest) == (serial, digest):
            return
        if entry.serial is not None and is_newer(entry.serial, serial):
            return
        # Where we gave away a serial of our own for another content, neither must stand for what follows.
        entry.digest = digest if entry.digest in ("", digest) else ""
        entry.serial = serial
        entry.version = next(self._versions)
        entry.wake()

    async def export(self) -> tuple[SavedFile, ...]:
        """Return what a snapshot is to hold: the latest rendering of each file."""
        saved = []
        for key in sorted(self._entries):
            try:
                saved.append(SavedFile(key, (await self.current(key)).rendering))
            except (CannotRender, UnknownFile, NotSynced):
                continue  # a file that can't be rendered, or went while others were rendered
        return tuple(saved)

    def restore(self, files: Iterable[SavedFile]) -> None:
        """Serve the renderings of a snapshot until something is known of their files."""
        for saved in files:
            entry = self._entries.setdefault(saved.key, _Entry())
            if entry.file is None:
                entry.saved = saved.rendering
                if saved.rendering.serial is not None:
                    entry.serial, entry.digest = saved.rendering.serial, saved.rendering.digest

    async def _bring_up_to_date(self, entry: _Entry, file: DiscoveryFile) -> None:
        """Render an entry, unless somebody else has done so meanwhile."""
        async with entry.lock:
            if entry.rendered is None or entry.rendered[0] != entry.version:
                version, file = entry.version, entry.file or file
                entry.rendered = version, file, await self._render(entry, file, entry.services)

    async def _render(
        self, entry: _Entry, file: DiscoveryFile, services: tuple[Members, ...]
    ) -> Rendering | Problem:
        if entry.problem is not None:
            return entry.problem
        large = sum(len(members.instances) for members in services) >= THREAD_INSTANCES
        try:
            document = await asyncio.to_thread(compose, file, services) if large else compose(file, services)
        except CannotRender as error:
            return error.problem
        serial = 0
        if document.form.has_serial:
            serial = entry.next_serial(document.digest, int(self._unix_time()))
        return await asyncio.to_thread(document.render, serial) if large else document.render(serial)

    def _notify(self, key: Key, entry: _Entry) -> None:
        entry.wake()
        for listener in list(self._listeners):
            listener(key)
