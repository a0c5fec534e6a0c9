"""The serials that were handed out, kept over restarts.

A serial is persisted before it is served, without I/O on the way from an event to its answer: what is written
is a ceiling some way above, and written again, off the loop, before a serial comes near it. After a crash a
zone goes on above the ceiling. An orderly stop writes the exact serials and digests, so that a restart which
finds nothing changed keeps them.
"""

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Never

import msgspec

from rollcall.atomic_file import replacing
from rollcall.zone import Past
from rollcall.zone.content import ZoneContent
from rollcall.zone.names import from_text, to_text
from rollcall.zone.serial import is_newer, next_serial

log = logging.getLogger(__name__)

RESERVE = 100_000
"""Serials reserved ahead: more than a day of one change a second."""

REFILL = RESERVE // 2

CHECK_SECONDS = 3600
"""Between two checks of the reserved serials, so that an idle zone's next one is reserved as well."""


class _Saved(msgspec.Struct):
    ceiling: int
    serial: int = 0
    digest: str = "0"


class SerialReservations:
    """The file with the serials, and the ceilings that are in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: dict[bytes, _Saved] = {}
        self._ceilings: dict[bytes, int] = {}
        self._writing: asyncio.Task[None] | None = None
        self._owed = False
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._written = 0

    def load(self) -> Mapping[bytes, Past]:
        """Read what an earlier run left, and forget that its stop was orderly: this run will move on.

        A file that can't be read is set aside; serials then go on from the clock.
        """
        try:
            saved = msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Saved])
            self._saved = {from_text(domain): entry for domain, entry in saved.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("%s is unreadable and set aside, serials go on from the clock: %s", self._path, error)
            self._path.replace(self._path.with_suffix(".damaged"))
            return {}
        past = {
            apex: Past(entry.ceiling, entry.serial, int(entry.digest, 16))
            for apex, entry in self._saved.items()
        }
        self._ceilings = {apex: entry.ceiling for apex, entry in self._saved.items()}
        return past

    def reserve(self, contents: Iterable[ZoneContent], unix_seconds: int) -> None:
        """See to it that the serials of these zones, and their next ones, are below a ceiling on disk.

        Blocks only where a ceiling has been passed: the first time that a zone is seen. A disk that refuses
        is logged and tried again; answers are not held back for it, for they matter more than a serial after
        a restart, which goes on from the clock.
        """
        low = passed = False
        for content in contents:
            ahead = next_serial(content.serial, unix_seconds)
            ceiling = self._ceilings.get(content.apex, 0)
            passed |= content.serial != ceiling and not is_newer(ceiling, content.serial)
            if is_newer(ceiling, (ahead + REFILL) % (1 << 32)):
                continue
            low = True
            self._saved[content.apex] = _Saved((ahead + RESERVE) % (1 << 32))
        if passed:
            self._try_to_write(self._encoded(), next(self._numbers))
            self._adopt()
        elif (low or self._owed) and self._writing is None:
            self._writing = asyncio.create_task(self._refill(), name="serials")

    async def _refill(self) -> None:
        ceilings = {apex: entry.ceiling for apex, entry in self._saved.items()}
        if await asyncio.to_thread(self._try_to_write, self._encoded(), next(self._numbers)):
            self._ceilings |= ceilings
        self._writing = None

    async def run(self, contents: Callable[[], Iterable[ZoneContent]]) -> Never:
        """Reserve ahead until cancelled, also for zones in which nothing changes."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.reserve(contents(), int(time.time()))

    async def settled(self) -> None:
        """Wait for a write that is under way."""
        if self._writing is not None:
            await self._writing

    def close(self, contents: Iterable[ZoneContent]) -> None:
        """Write the exact serials and digests at an orderly stop, when no change can follow."""
        for content in contents:
            if content.serial:
                self._saved[content.apex] = _Saved(content.serial, content.serial, f"{content.digest:x}")
        self._try_to_write(self._encoded(), next(self._numbers))

    def _adopt(self) -> None:
        self._ceilings = {apex: entry.ceiling for apex, entry in self._saved.items()}

    def _encoded(self) -> bytes:
        return msgspec.json.encode({to_text(apex): entry for apex, entry in self._saved.items()})

    def _try_to_write(self, data: bytes, number: int) -> bool:
        """Write unless something newer has been written; return whether the disk took it."""
        try:
            with self._lock:
                if number > self._written:
                    with replacing(self._path) as file:
                        file.write(data)
                    self._written = number
        except OSError as error:
            if not self._owed:
                log.error("serials can't be written to %s, trying again: %s", self._path, error)
            self._owed = True
            return False
        self._owed = False
        return True
