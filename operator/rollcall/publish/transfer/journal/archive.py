"""Journals on disk, so that secondaries go on with IXFR after a restart.

A crash, or damage, costs the end of a file, at worst the file, and that does no harm: after a restart the
difference between the last version in the file and the content that the feed gives becomes one more version,
whose serial is the feed's. A secondary that had one of the lost versions then asks from a serial that is not
known and takes the whole zone; no serial ever stands for two contents, as lost ones are not given out again.
So nothing is synced to disk, and no answer waits for a write. A file that is older still, such as one of a
restored volume, is the same case.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from rollcall.disk.atomic_file import clear_unfinished
from rollcall.disk.errors import Unusable
from rollcall.disk.frames import FrameReader, Tail, open_regular
from rollcall.disk.state_file import set_aside
from rollcall.model.owner import Owner
from rollcall.zone.names import to_text

from . import frames
from .journal import Journal
from .journal_file import FileWork, JournalFile, write

log = logging.getLogger(__name__)

SUFFIX = ".journal"
WRITE_SECONDS = 0.5
"""How long versions gather before they are written together."""

_MAX_NAME = 200


class Archive:
    """The journals in a folder. Call `load` before anything else, then `run`, and `close` after that."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self._folder = folder
        self._owner = owner
        self._loaded: dict[bytes, tuple[Journal, JournalFile]] = {}
        self._files: dict[bytes, JournalFile] = {}

    def load(self) -> None:
        """Read all journals; those of no use are set aside. Blocks."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            clear_unfinished(self._folder)
            paths = list(self._folder.glob(f"*{SUFFIX}"))
        except OSError as error:
            log.error("journals can't be kept: %s; after a restart secondaries transfer whole zones", error)
            return
        for path in paths:
            try:
                self._load(path)
            except (OSError, Unusable) as error:
                set_aside(path, error, "secondaries transfer the whole zone once")

    def open(self, apex: bytes) -> tuple[Journal, JournalFile]:
        """Return the journal of a zone as it was kept, or an empty one, and what goes on to keep it."""
        journal, file = self._loaded.pop(apex) if apex in self._loaded else self._new(apex)
        self._files[apex] = file
        return journal, file

    def forget(self, apex: bytes) -> None:
        """Remove the journal of a zone."""
        known = self._loaded.pop(apex, None)
        file = self._files.pop(apex, None) or (known and known[1])
        if file:
            self._remove(file)

    def retain(self, apexes: Iterable[bytes]) -> None:
        """Remove all journals but those of these zones."""
        for apex in {*self._loaded, *self._files}.difference(apexes):
            self.forget(apex)

    async def run(self) -> None:
        """Write what there is to write, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            for file in list(self._files.values()):
                work = file.take_work()
                if work is not None:
                    await self._write(file, work)

    def close(self) -> None:
        """Write what has not been written. Blocks."""
        for file in self._files.values():
            work = file.take_work()
            if work is not None:
                try:
                    write(work)
                except OSError as error:
                    log.warning("journal %s can't be written: %s", file.path, error)

    async def _write(self, file: JournalFile, work: FileWork) -> None:
        writing = asyncio.ensure_future(asyncio.to_thread(write, work))
        try:
            await asyncio.wait({writing})
        finally:  # where we are cancelled as well: what is written next goes where this write ends
            await asyncio.wait({writing})
            self._on_written(file, work, writing)

    def _on_written(self, file: JournalFile, work: FileWork, writing: "asyncio.Future[Tail]") -> None:
        try:
            tail = writing.result()
        except OSError as error:
            log.warning("journal %s can't be written, trying again later: %s", file.path, error)
            file.on_failed()
        else:
            file.on_written(work, tail)
        if self._files.get(file.apex) is not file:
            self._remove(file)  # forgotten meanwhile

    def _load(self, path: Path) -> None:
        journal = Journal()
        with open_regular(path) as file:
            reader = FrameReader(file, frames.JOURNAL)
            reader.check_owner(self._owner)
            apex, tail = frames.restore(reader, journal)
            size = os.fstat(file.fileno()).st_size
        if path != self._path(apex):
            raise Unusable(f"is the journal of {to_text(apex)}")
        if tail.size < size:
            log.warning("%s is damaged at its end: the last %d octets are cut off", path, size - tail.size)
            with contextlib.suppress(OSError):  # then the next write finds it too long, and writes it anew
                os.truncate(path, tail.size)
        self._loaded[apex] = journal, JournalFile(apex, path, self._owner, journal, tail)

    def _new(self, apex: bytes) -> tuple[Journal, JournalFile]:
        journal = Journal()
        return journal, JournalFile(apex, self._path(apex), self._owner, journal)

    def _path(self, apex: bytes) -> Path:
        name = quote(to_text(apex), safe="")
        if len(name) > _MAX_NAME:  # of 255 octets that a file's name may have
            name = f"{name[:_MAX_NAME]}-{hashlib.blake2b(apex, digest_size=8).hexdigest()}"
        return self._folder / f"{name}{SUFFIX}"

    def _remove(self, file: JournalFile) -> None:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("journal %s can't be removed: %s", file.path, error)
