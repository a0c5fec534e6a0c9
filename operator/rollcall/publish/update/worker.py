"""Brings one domain to one server that takes updates, and keeps it so.

Two tasks share what is known (`Publication`): one writes, a message at a time, over a connection that stays;
the other reads the zone back over one of its own, now and then.
"""

import asyncio
from collections.abc import Callable
from typing import Never

from rollcall.kube.backoff import Backoff
from rollcall.model import KeyRing, Problem, UpdateTarget
from rollcall.propagation.report import TargetReport
from rollcall.zone.exported import ExportedZone, Version

from .fence import Fence
from .progress import TargetProgress
from .publication import Publication
from .reader import Reader
from .reasons import Refusal, TargetError
from .session import UpdateServer
from .writer import Writer

FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 60.0
LEAST_REST_SECONDS = 0.5
"""After a refusal, however much changes meanwhile."""


class UpdateWorker:
    """Publishes one domain at one target. Run it only while this replica leads.

    `keys` gives the keys of the target's Secret, or what is wrong with it; `identity` is the owner that
    markers name; `count` gets what became of each message: applied, conflict, refused, unknown.
    """

    def __init__(
        self,
        zone: str,
        spec: UpdateTarget,
        exported: ExportedZone,
        identity: str,
        keys: Callable[[], KeyRing | Problem],
        fence: Fence,
        report: Callable[[TargetReport], None],
        count: Callable[[str], None],
    ) -> None:
        self._keys = keys
        self._new_keys = asyncio.Event()
        self._used: KeyRing | Problem | None = None
        self._to_write = asyncio.Event()
        self._to_read = asyncio.Event()
        self._publication = Publication(exported, spec, identity, lambda: fence.epoch)
        self._progress = TargetProgress(
            zone,
            exported.apex,
            spec.name,
            self._publication.worklist,
            Backoff(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS),
            report,
        )
        server = UpdateServer(spec.server, spec.port)
        self._reader = Reader(
            server,
            exported.apex,
            identity,
            self._publication,
            self._ring,
            due=self._to_read,
            found=self._to_write,
        )
        self._writer = Writer(
            server,
            exported.apex,
            self._publication,
            self._ring,
            fence,
            self._progress,
            count,
            due=self._to_write,
            doubt=self._to_read,
        )

    def on_version(self, version: Version) -> None:
        """Add what a version touches to what is to be written; without I/O, at the cost of the change."""
        self._publication.on_version(version)
        self._to_write.set()

    def on_secrets_changed(self) -> None:
        """Use our key from the next message on, if it is among the Secrets that changed."""
        if self._keys() != self._used:
            self._new_keys.set()
            self._writer.renew()
            self._to_write.set()

    async def run(self) -> Never:
        """Publish until cancelled."""
        for _ in self._publication.build():
            await asyncio.sleep(0)
        while True:
            try:
                await self._publish()
            except TargetError as error:
                await self._rest(self._progress.on_failure(error), is_refusal=isinstance(error, Refusal))

    async def _publish(self) -> Never:
        """Read what is there, then write and read back, until the target fails."""
        try:
            if not self._publication.knowledge.is_complete:
                await self._reader.read_back()
            await self._write_and_read_back()
        finally:
            await self._writer.close()

    async def _write_and_read_back(self) -> Never:
        # No TaskGroup: before Python 3.13 one that is cancelled while a task of it fails forgets the former,
        # and the worker of a replica that no longer leads would go on.
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

    async def _rest(self, seconds: float, *, is_refusal: bool) -> None:
        """Wait after a failure; a new key ends the wait.

        So does a new version where the server has refused what there was: it may take what is new.
        """
        if not seconds or self._new_keys.is_set():
            return
        least = min(seconds, LEAST_REST_SECONDS)
        waker = self._to_write if is_refusal else self._new_keys
        if not await _is_set(self._new_keys, least):
            await _is_set(waker, seconds - least)
        if self._new_keys.is_set():
            self._progress.on_remedy()


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event for some seconds at most; return whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
