"""Reads a server's zone back, as a whole, and finds what differs: at first, and then now and then."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from random import SystemRandom
from typing import Never

from rollcall.dnswire.errors import TsigError
from rollcall.model import KeyRing

from . import reasons
from .discovery import connect
from .publication import Publication
from .readback import read_cuts, read_units
from .reasons import TargetError
from .session import Server, Session
from .transfer import TransferRefused, read_zone

REPAIR_SECONDS = 30.0

WHOLE_SECONDS = 900.0
"""So long after the last time the zone is read as a whole, whatever its serial says."""

JITTER = (0.9, 1.1)
PAUSE_SECONDS = 0.5
"""Between two readings, however much somebody is in a hurry."""

NAMES_AT_A_TIME = 64

_uniform = SystemRandom().uniform


class Reader:
    """Reads one domain over a connection of its own.

    `due` asks for the next reading at once: something is not as it was expected. `found` is set after each
    reading that took place.
    """

    def __init__(
        self,
        server: Server,
        domain: bytes,
        identity: str,
        publication: Publication,
        ring: Callable[[], KeyRing],
        *,
        due: asyncio.Event,
        found: asyncio.Event,
    ) -> None:
        self._server = server
        self._domain = domain
        self._identity = identity
        self._publication = publication
        self._ring = ring
        self._due = due
        self._found = found
        self._serial: int | None = None
        self._read_at = 0.0

    async def run(self) -> Never:
        """Read back until cancelled. What goes wrong is for the writer to say, which sees it as well."""
        while True:
            try:
                async with asyncio.timeout(REPAIR_SECONDS * _uniform(*JITTER)):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            with suppress(TargetError):
                await self.look()
            await asyncio.sleep(PAUSE_SECONDS)

    async def look(self) -> None:
        """Read the zone, unless its serial says that it is as we know it.

        Raises:
            TargetError: it can't be read.
        """
        session, zone = await connect(self._server, self._ring(), self._domain)
        try:
            await self._look(session, zone)
        except TsigError as error:
            raise reasons.signature_fault(str(self._server), session.key.name, error) from None
        finally:
            await session.close()

    async def _look(self, session: Session, zone: bytes) -> None:
        publication = self._publication
        writes = publication.writes
        serial = await session.serial_of(zone)
        if writes is not None and self._is_explained(serial, writes):
            self._serial = serial
            publication.forget_writes(writes)
            return
        since = publication.begin_reading()
        try:
            contents = await read_zone(session, zone, self._domain, self._identity)
        except TransferRefused:
            await self._look_at_names(zone, since)
            self._serial = serial
        else:
            for _ in publication.learn_zone(contents.state, since):
                await asyncio.sleep(0)
            self._serial = contents.serial
        self._read_at = time.monotonic()
        self._found.set()

    def _is_explained(self, serial: int | None, writes: int) -> bool:
        """Whether nobody but us has written since the last look: then each update of ours is one step.

        Each of our updates changes a marker, so that none of them can be without a step. Where a server
        counts in another way, or the whole was not read for long, it is read.
        """
        knowledge = self._publication.knowledge
        if self._serial is None or not (knowledge.is_complete and knowledge.is_sure):
            return False
        if time.monotonic() >= self._read_at + WHOLE_SECONDS:
            return False
        return serial == (self._serial + writes) % (1 << 32)

    async def _look_at_names(self, zone: bytes, since: int) -> None:
        """Ask for each name that we know of, where the server serves no transfer."""
        session, _ = await connect(self._server, self._ring(), self._domain)
        publication = self._publication
        try:
            roots = publication.roots()
            publication.learn_cuts(await read_cuts(session, zone, publication.names_above(roots, zone)))
            batch: dict[bytes, set[bytes]] = {}
            size = 0
            for number, root in enumerate(roots, 1):
                batch[root] = publication.names_of(root)
                size += len(batch[root])
                if size < NAMES_AT_A_TIME and number < len(roots):
                    continue
                reading = await read_units(session, zone, batch)
                for each in batch:
                    publication.learn_unit(each, reading, since)
                batch, size = {}, 0
            publication.complete_by_names(since)
        finally:
            await session.close()
