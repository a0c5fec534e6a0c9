"""Keeps the last answers on disk, for a start without the API server."""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from rollcall.disk.errors import Unusable
from rollcall.disk.frames import FileKind
from rollcall.disk.state_file import check, read, set_aside, write
from rollcall.model.metric import MetricFamily, single
from rollcall.model.owner import Owner
from rollcall.publish.file_store import FileStore, SavedFile
from rollcall.serve.snapshot import ANSWERS, write_snapshot
from rollcall.zone import Output, PublishedVersion, ZoneDelta, Zones

log = logging.getLogger(__name__)

REST_SECONDS = 2.0
REST_FACTOR = 50
"""Rest this many times as long as the last snapshot took: at most a fiftieth of a core goes into them."""

RETRY_SECONDS = 30.0
"""After the disk has refused: it may be full."""

FILES = FileKind[SavedFile]("files", 1, SavedFile)


class Snapshots(Output):
    """Writes the state of zones and files after changes, never twice at once.

    `has_answers` says whether there is a snapshot of an earlier run to answer from.
    """

    def __init__(self, answers: Path, files: Path, owner: Owner, zones: Zones, store: FileStore) -> None:
        self.has_answers = False
        self._answers = answers
        self._files = files
        self._owner = owner
        self._zones = zones
        self._store = store
        self._written_at = 0.0
        self._refusal = ""
        self._news = asyncio.Event()

    def on_published(self, version: PublishedVersion) -> None:
        """Have a version written that shows in a zone."""
        if version.deltas:
            self._news.set()

    def on_files_collected(self) -> None:
        """Have files written that may have changed."""
        self._news.set()

    def families(self) -> Iterator[MetricFamily]:
        """Describe what is known of the last snapshot."""
        yield single(
            "rollcall_snapshot_timestamp_seconds",
            "When the last snapshot was written, unix time.",
            lambda: self._written_at,
        )

    async def run(self) -> None:
        """Write snapshots until cancelled: some time after a change, so as not to be in the way of it."""
        rest_seconds = REST_SECONDS
        while True:
            await self._news.wait()
            await asyncio.sleep(rest_seconds)
            self._news.clear()
            started = time.monotonic()
            if await self.write():
                rest_seconds = max(REST_SECONDS, REST_FACTOR * (time.monotonic() - started))
            else:
                rest_seconds = RETRY_SECONDS
                self._news.set()

    async def write(self) -> bool:
        """Write both files now; return whether the disk took them. One that refuses is said once."""
        zones = tuple(self._zones.full_deltas())
        files = await self._store.export()
        try:
            await asyncio.to_thread(self._write, zones, files)
        except OSError as error:
            if str(error) != self._refusal:
                log.error("the snapshot can't be written, trying again: %s", error)
            self._refusal = str(error)
            return False
        if self._refusal:
            log.info("the snapshot is written again")
        self._refusal = ""
        self._written_at = time.time()
        return True

    def _write(self, zones: Iterable[ZoneDelta], files: tuple[SavedFile, ...]) -> None:
        write_snapshot(self._answers, self._owner, zones)
        write(self._files, FILES, self._owner, files)

    async def restore(self) -> None:
        """Serve the files of the last snapshot until they are known again; set aside what can't be used."""
        self.has_answers = await asyncio.to_thread(self._check_answers)
        self._store.restore(await asyncio.to_thread(self._read_files))

    def _check_answers(self) -> bool:
        """Return whether the DNS workers, which read the file too, can use it."""
        try:
            check(self._answers, ANSWERS, self._owner)
        except FileNotFoundError:
            return False
        except (OSError, Unusable) as error:
            set_aside(self._answers, error, "names are unknown until the first sync")
            return False
        return True

    def _read_files(self) -> tuple[SavedFile, ...]:
        try:
            return tuple(read(self._files, FILES, self._owner))
        except FileNotFoundError:
            return ()
        except (OSError, Unusable) as error:
            set_aside(self._files, error, "files are unknown until the first sync")
            return ()
