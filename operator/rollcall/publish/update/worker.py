"""Brings one domain to one server that takes updates, and keeps it so.

Two tasks share what is known (`Publication`): one writes, a message at a time, over a connection that stays;
the other reads the zone back over one of its own, now and then.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from random import SystemRandom
from typing import Never

from rollcall.model import KeyRing, Problem, UpdateTarget
from rollcall.propagation.report import BEHIND, CURRENT, TargetReport
from rollcall.zone.exported import ExportedZone, Version
from rollcall.zone.names import to_text

from . import reasons
from .fence import Fence
from .publication import Publication
from .reader import Reader
from .reasons import ConnectionLost, Reason, TargetError
from .session import Server
from .writer import Writer

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 60.0
PROGRESS_SECONDS = 1.0
"""Between two reports of how far a flood has got."""

_uniform = SystemRandom().uniform


class UpdateWorker:
    """Publishes one domain at one target. Run it only while this replica leads.

    `keys` gives the keys of the target's Secret, or what is wrong with it; `identity` is the owner that
    markers name; `count` takes what became of each message: applied, conflict, refused, unknown.
    """

    def __init__(
        self,
        zone: str,
        spec: UpdateTarget,
        published: ExportedZone,
        identity: str,
        keys: Callable[[], KeyRing | Problem],
        fence: Fence,
        report: Callable[[TargetReport], None],
        count: Callable[[str], None],
    ) -> None:
        self._zone = zone
        self._spec = spec
        self._published = published
        self._keys = keys
        self._report = report
        self._last = TargetReport(zone, published.apex, spec.name, 0, 0.0, BEHIND, "", healthy=True)
        self._failures = 0
        self._progress_at = 0.0
        self._new_keys = asyncio.Event()
        self._used: KeyRing | Problem | None = None
        self._publication = Publication(published, spec, identity, lambda: fence.epoch)
        server = Server(spec.server, spec.port)
        self._reader = Reader(server, published.apex, identity, self._publication, self._ring)
        self._writer = Writer(
            server, published.apex, self._publication, self._ring, fence, self._reader.hurry, self, count
        )
        self._reader.found = self._writer.wake

    def on_version(self, version: Version) -> None:
        """Put what a version touches into the backlog; without I/O, at the cost of the change."""
        self._publication.on_version(version)
        self._writer.wake()

    def on_secrets_changed(self) -> None:
        """Use our key from the next message on, if it is among the Secrets that changed."""
        if self._keys() != self._used:
            self._new_keys.set()
            self._writer.renew()

    async def run(self) -> Never:
        """Publish until cancelled."""
        for _ in self._publication.units.build():
            await asyncio.sleep(0)
        while True:
            try:
                await self._publish()
            except TargetError as error:
                await self._failed(error)

    async def _publish(self) -> Never:
        """Read what is there, then write and read back, until the target fails."""
        try:
            if not self._publication.learned:
                await self._reader.look()
            await self._write_and_read_back()
        finally:
            await self._writer.close()

    async def _write_and_read_back(self) -> Never:
        # No TaskGroup: before Python 3.13 one that is cancelled while a task of it fails forgets the former,
        # and the worker of a replica that leads no more would go on.
        tasks = [asyncio.create_task(self._reader.run()), asyncio.create_task(self._writer.run())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise AssertionError([task.result() for task in done])  # each of them fails, or is cancelled

    def _ring(self) -> KeyRing:
        self._new_keys.clear()
        self._used = self._keys()
        if isinstance(self._used, Problem):
            raise TargetError(self._used.reason, self._used.message)
        return self._used

    async def _failed(self, error: TargetError) -> None:
        """Say what is wrong, and wait; a new key ends the wait. A first loss of the connection is no news."""
        if self._failures or not isinstance(error, ConnectionLost):
            self._say(error.reason, str(error), healthy=False)
        self._failures += 1
        if self._failures == 1 and isinstance(error, ConnectionLost):
            return
        if self._new_keys.is_set():
            return
        bound = min(FIRST_RETRY_SECONDS * 2 ** min(self._failures - 1, 10), LAST_RETRY_SECONDS)
        try:
            async with asyncio.timeout(bound * _uniform(0.5, 1.0)):
                await self._new_keys.wait()
        except TimeoutError:
            return
        self._failures = 0

    # --- what the writer tells ---------------------------------------------------------------------------

    def answered(self) -> None:
        """Take in that the server has answered to a message with what helps."""
        self._failures = 0

    def progressed(self) -> None:
        """Take in that there is more to send."""
        now = time.monotonic()
        if now >= self._progress_at + PROGRESS_SECONDS:
            self._progress_at = now
            self._say(
                BEHIND, f"{len(self._publication.backlog)} services or pointers are left.", healthy=True
            )

    def settled(self, serial: int) -> None:
        """Take in that everything up to a version is there, but for what can't be."""
        reason, message = self._trouble()
        at = self._last.at if self._last.serial == serial and self._last.at else time.time()
        self._say(reason, message, healthy=reason == CURRENT, published=(serial, at))

    def _trouble(self) -> tuple[str, str]:
        obstacles = [obstacle for _, obstacle in self._publication.obstacles.values()]
        if marked := [each for each in obstacles if each.owner]:
            names = [name for each in marked for name in each.names]
            return Reason.OWNED_BY_ANOTHER, reasons.owned_by_another((each.owner for each in marked), names)
        if obstacles:
            return Reason.NAMES_TAKEN, reasons.names_taken(
                [name for each in obstacles for name in each.names]
            )
        for rcode, names in self._publication.rejections.names().items():
            return Reason.REJECTED, reasons.rejected(names, rcode)
        return CURRENT, self._writer.remark()

    def _say(
        self, reason: str, message: str, *, healthy: bool, published: tuple[int, float] | None = None
    ) -> None:
        serial, at = published or (self._last.serial, self._last.at)
        report = TargetReport(
            self._zone, self._published.apex, self._spec.name, serial, at, reason, message, healthy
        )
        if report == self._last:
            return
        if not healthy and (self._last.reason, self._last.message) != (reason, message):
            domain = to_text(self._published.apex)
            log.warning("%s at %s of DiscoveryZone %s: %s", domain, self._spec.name, self._zone, message)
        self._last = report
        self._report(report)
