"""Reads a server's zone back, as a whole, and finds what differs: at first, and then now and then."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Never

from rollcall.dnswire.errors import TsigError
from rollcall.kube.backoff import Backoff, jittered
from rollcall.model import KeyRing

from . import reasons
from .discovery import connect
from .publication import Publication
from .readback import read_cuts, read_units
from .reasons import TargetError
from .session import Session, UpdateServer
from .transfer import TransferRefused, read_zone

REPAIR_SECONDS = 30.0

WHOLE_SECONDS = 900.0
"""So long after the last time the zone is read as a whole, whatever its serial says."""

FIRST_RETRY_SECONDS = 0.5
"""While a unit is unsure; each time longer, up to the usual wait."""

PAUSE_SECONDS = 0.5
"""Between two readings, however much somebody is in a hurry."""

NAMES_AT_A_TIME = 64


class Reader:
    """Reads one domain over a connection of its own.

    `due` asks for the next reading at once: something is not as it was expected. `found` is set after each
    reading that took place.
    """

    def __init__(
        self,
        server: UpdateServer,
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
        self._read_at = 0.0

    async def run(self) -> Never:
        """Read back until cancelled. What goes wrong is for the writer to say, which sees it as well."""
        retry = Backoff(FIRST_RETRY_SECONDS, REPAIR_SECONDS)
        while True:
            seconds = jittered(REPAIR_SECONDS)
            if self._publication.knowledge.is_sure:
                retry.reset()
            else:  # a write of ours has overlapped the reading that was to make sure of a unit
                seconds = retry.next_seconds()
            try:
                async with asyncio.timeout(seconds):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            with suppress(TargetError):
                await self.read_back()
            await asyncio.sleep(PAUSE_SECONDS)

    async def read_back(self) -> None:
        """Read the zone, unless its serial says that it is as we know it.

        Raises:
            TargetError: it can't be read.
        """
        session, zone = await connect(self._server, self._ring(), self._domain)
        try:
            await self._read_if_changed(session, zone)
        except TsigError as error:
            raise reasons.signature_fault(str(self._server), session.key.name, error) from None
        finally:
            await session.close()

    async def _read_if_changed(self, session: Session, zone: bytes) -> None:
        publication = self._publication
        count = publication.serial_count.count
        serial = await session.serial_of(zone)
        if self._is_fresh and publication.serial_count.explain(serial, count):
            return
        since = publication.begin_reading()
        try:
            contents = await read_zone(session, zone, self._domain, self._identity)
        except TransferRefused:
            await self._read_names(zone, since)
        else:
            for _ in publication.learn_zone(contents.state, since):
                await asyncio.sleep(0)
            serial = contents.serial
        publication.end_reading(since, serial)
        self._read_at = time.monotonic()
        self._found.set()

    @property
    def _is_fresh(self) -> bool:
        """Whether the whole was read not long ago, and every unit with all of its names."""
        knowledge = self._publication.knowledge
        is_known = knowledge.is_complete and knowledge.is_sure
        return is_known and time.monotonic() < self._read_at + WHOLE_SECONDS

    async def _read_names(self, zone: bytes, since: int) -> None:
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
