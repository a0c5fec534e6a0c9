"""The serials that were handed out, kept over restarts.

A serial is persisted before it is served, without I/O on the way from an event to its answer: what is written
is a ceiling some way above, and written again, off the loop, before a serial comes near it. After a crash a
zone goes on above the ceiling. An orderly stop writes the exact serials and digests, so that a restart which
finds nothing changed keeps them.

Without the file a zone goes on from the clock, from what its status says once this replica leads, and from
what its secondaries have: as in a pod on another node. A file that is damaged half-way says as much as can
still be read of it. One of another owner says nothing.
"""

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Never, TypeAlias

import msgspec

from rollcall.disk.errors import Unusable
from rollcall.disk.frames import FileKind, open_regular
from rollcall.disk.state_file import read, set_aside, write
from rollcall.model.owner import Owner
from rollcall.model.wording import counted
from rollcall.zone import Past
from rollcall.zone.content import ZoneContent
from rollcall.zone.names import from_text
from rollcall.zone.serial import is_newer, next_serial, plus

log = logging.getLogger(__name__)

RESERVE = 100_000
"""Serials reserved ahead: more than a day of one change a second."""

REFILL = RESERVE // 2

CHECK_SECONDS = 3600
"""Between two checks of the reserved serials, so that an idle zone's next one is reserved as well."""


FORMER_NAME = "serials.json"
"""The file of releases that knew neither checksums nor owners. It is read once, for a serial that rises is
right whoever wrote it, and gone when the first of this format is written."""

_MAX_FORMER = 16 << 20  # octets: a hundred thousand zones

_Serial: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]


class Reserved(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a zone, by its apex. `serial` is 0, and `digest` empty, but after an orderly stop."""

    apex: bytes
    ceiling: _Serial
    serial: _Serial = 0
    digest: bytes = b""

    @property
    def past(self) -> Past:
        """The same for the zones."""
        return Past(self.ceiling, self.serial, int.from_bytes(self.digest, "big"))


SERIALS = FileKind[Reserved]("serials", 1, Reserved)


_DIGEST_SIZE = 16


class SerialReservations:
    """The file with the serials, and the ceilings that are in it."""

    def __init__(self, path: Path, owner: Owner) -> None:
        self._path = path
        self._owner = owner
        self._former: Path | None = path.with_name(FORMER_NAME)
        self._saved: dict[bytes, Reserved] = {}
        self._ceilings: dict[bytes, int] = {}
        self._writing: asyncio.Task[None] | None = None
        self._owed = False
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._written = 0

    def load(self) -> Mapping[bytes, Past]:
        """Read what an earlier run left, and forget that its stop was orderly: this run will move on.

        A file that can't be used is set aside.
        """
        try:
            for entry in read(self._path, SERIALS, self._owner):
                self._saved[entry.apex] = entry
        except FileNotFoundError:
            self._load_former()
        except (OSError, Unusable) as error:
            kept = f", but for {counted(len(self._saved), 'zone')} that could still be read"
            set_aside(self._path, error, f"serials go on from the clock{kept if self._saved else ''}")
        self._adopt()
        return {apex: entry.past for apex, entry in self._saved.items()}

    def _load_former(self) -> None:
        assert self._former is not None
        try:
            self._saved = {entry.apex: entry for entry in _read_former(self._former)}
        except FileNotFoundError:
            self._former = None
        except (OSError, Unusable) as error:
            set_aside(self._former, error, "serials go on from the clock")
        else:
            log.info("serials go on from those in %s", self._former)

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
            if is_newer(ceiling, plus(ahead, REFILL)):
                continue
            low = True
            self._saved[content.apex] = Reserved(content.apex, plus(ahead, RESERVE))
        if passed:
            self._try_to_write(tuple(self._saved.values()), next(self._numbers))
            self._adopt()
        elif (low or self._owed) and self._writing is None:
            self._writing = asyncio.create_task(self._refill(), name="serials")

    async def _refill(self) -> None:
        ceilings = {apex: entry.ceiling for apex, entry in self._saved.items()}
        entries = tuple(self._saved.values())
        if await asyncio.to_thread(self._try_to_write, entries, next(self._numbers)):
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
                digest = content.digest.to_bytes(_DIGEST_SIZE, "big")
                self._saved[content.apex] = Reserved(content.apex, content.serial, content.serial, digest)
        self._try_to_write(tuple(self._saved.values()), next(self._numbers))

    def _adopt(self) -> None:
        self._ceilings = {apex: entry.ceiling for apex, entry in self._saved.items()}

    def _try_to_write(self, entries: tuple[Reserved, ...], number: int) -> bool:
        """Write unless something newer has been written; return whether the disk took it."""
        try:
            with self._lock:
                if number > self._written:
                    write(self._path, SERIALS, self._owner, entries)
                    self._written = number
                    self._forget_former()
        except OSError as error:
            if not self._owed:
                log.error("serials can't be written to %s, trying again: %s", self._path, error)
            self._owed = True
            return False
        if self._owed:
            log.info("serials are written to %s again", self._path)
        self._owed = False
        return True

    def _forget_former(self) -> None:
        if self._former is not None:
            self._former.unlink(missing_ok=True)
            self._former = None


class _Former(msgspec.Struct, frozen=True):
    ceiling: _Serial
    serial: _Serial = 0
    digest: str = "0"


def _read_former(path: Path) -> list[Reserved]:
    """Read a file of a release before this format. Raises FileNotFoundError, OSError, Unusable."""
    with open_regular(path) as file:
        octets = file.read(_MAX_FORMER)
    try:
        former = msgspec.json.decode(octets, type=dict[str, _Former])
        return [
            Reserved(
                from_text(domain),
                entry.ceiling,
                entry.serial,
                int(entry.digest, 16).to_bytes(_DIGEST_SIZE, "big"),
            )
            for domain, entry in former.items()
        ]
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise Unusable(f"can't be read ({error})") from error
