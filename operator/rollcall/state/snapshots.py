"""Keeps the last answers on disk, for a start without the API server."""

import asyncio
import logging
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from rollcall.atomic_file import replacing
from rollcall.metrics import Metrics
from rollcall.publish.file_store import FileStore, SavedFile
from rollcall.serve.snapshot import write_snapshot
from rollcall.zone import ZoneDelta, Zones

log = logging.getLogger(__name__)

REST_SECONDS = 2.0
REST_FACTOR = 50
"""Rest this many times as long as the last snapshot took: at most a fiftieth of a core goes into them."""


class Snapshots:
    """Writes the state of zones and files after changes, never twice at once."""

    def __init__(self, answers: Path, files: Path, zones: Zones, store: FileStore, metrics: Metrics) -> None:
        self._answers = answers
        self._files = files
        self._zones = zones
        self._store = store
        self._metrics = metrics
        self._changed = asyncio.Event()

    def on_change(self) -> None:
        """Note that there is something newer than the last snapshot."""
        self._changed.set()

    async def run(self) -> None:
        """Write snapshots until cancelled: some time after a change, so as not to be in the way of it."""
        rest_seconds = REST_SECONDS
        while True:
            await self._changed.wait()
            await asyncio.sleep(rest_seconds)
            self._changed.clear()
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
            self._metrics.snapshot_seconds.set_to_current_time()

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
