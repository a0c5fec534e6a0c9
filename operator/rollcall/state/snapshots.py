"""Keeps the last answers on disk, for a start without the API server."""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from rollcall.atomic_file import replacing
from rollcall.model.metric import MetricFamily, single
from rollcall.publish.file_store import FileStore, SavedFile
from rollcall.serve.snapshot import write_snapshot
from rollcall.zone import Output, PublishedVersion, ZoneDelta, Zones

log = logging.getLogger(__name__)

REST_SECONDS = 2.0
REST_FACTOR = 50
"""Rest this many times as long as the last snapshot took: at most a fiftieth of a core goes into them."""


class Snapshots(Output):
    """Writes the state of zones and files after changes, never twice at once."""

    def __init__(self, answers: Path, files: Path, zones: Zones, store: FileStore) -> None:
        self._answers = answers
        self._files = files
        self._zones = zones
        self._store = store
        self._written_at = 0.0
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
            await self.write()
            rest_seconds = max(REST_SECONDS, REST_FACTOR * (time.monotonic() - started))

    async def write(self) -> None:
        """Write both files now. A disk that refuses is logged, and tried again with the next change."""
        zones = tuple(self._zones.full_deltas())
        files = await self._store.export()
        try:
            await asyncio.to_thread(self._write, zones, files)
        except OSError as error:
            log.error("the snapshot can't be written: %s", error)
        else:
            self._written_at = time.time()

    def _write(self, zones: Iterable[ZoneDelta], files: tuple[SavedFile, ...]) -> None:
        write_snapshot(self._answers, zones)
        with replacing(self._files) as file:
            file.write(msgspec.msgpack.encode(files))

    def restore_files(self) -> None:
        """Serve the files of the last snapshot until they are known again."""
        try:
            saved = msgspec.msgpack.decode(self._files.read_bytes(), type=tuple[SavedFile, ...])
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s is unreadable, files are unknown until the first sync: %s", self._files, error)
            return
        self._store.restore(saved)
