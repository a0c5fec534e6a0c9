"""A worker for as long as a test runs, and what it says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from nameservers import KEY, Nameserver, records
from rollcall.model import KeyRing, Problem, UpdateTarget, parse_key
from rollcall.propagation.report import CURRENT, TargetReport
from rollcall.publish.update import UpdateWorker
from updates.source import IDENTITY, Records, Source
from waiting import News


class Fence:
    """An election that the test decides. `confirmed` counts how often it was asked."""

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.leading = True
        self.confirmed = 0
        self.raised: list[int] = []

    async def confirm(self) -> bool:
        self.confirmed += 1
        await asyncio.sleep(0)
        return self.leading

    async def raise_epoch(self, above: int) -> int:
        if not self.leading:
            raise RuntimeError("does not lead")
        self.raised.append(above)
        self.epoch = max(self.epoch, above + 1)
        return self.epoch


class Running:
    """A worker that runs. `outcomes` counts messages, `reports` are all that it has said."""

    def __init__(
        self,
        source: Source,
        server: tuple[str, int],
        *,
        key: str | KeyRing | Problem = KEY,
        adopt: bool = False,
        fence: Fence | None = None,
        identity: str = IDENTITY,
    ) -> None:
        self.source = source
        self.fence = fence or Fence()
        self.ring: KeyRing | Problem = KeyRing(parse_key(key)) if isinstance(key, str) else key
        self.reports: list[TargetReport] = []
        self.outcomes: Counter[str] = Counter()
        self._news = News(lambda: f"{self.report}, {self.outcomes}")
        spec = UpdateTarget("target", server[0], "secret", server[1], adopt=adopt)
        self.worker = UpdateWorker(
            "zone",
            spec,
            source.published,
            identity,
            lambda: self.ring,
            self.fence,
            self._take,
            lambda outcome: self.outcomes.update([outcome]),
        )
        self._looks_begun = self._looks_ended = 0
        self._look: Callable[[], Awaitable[None]] = self.worker._reader.read_back
        self.worker._reader.read_back = self._noted_look  # type: ignore[method-assign]  # nothing else tells of it

    @property
    def report(self) -> TargetReport | None:
        """What it said last."""
        return self.reports[-1] if self.reports else None

    def repair(self) -> None:
        """Let it read the zone back now, not in half a minute."""
        self.worker._to_read.set()

    async def repaired(self) -> None:
        """Let it read the zone back, and wait until it has: a reading that had begun before doesn't count."""
        first = self._looks_begun + 1
        self.repair()
        await self._news.until(lambda: self._looks_ended >= first, "a reading")

    async def until(self, condition: Callable[[TargetReport], bool]) -> TargetReport:
        """Wait until a condition holds for what was said last; return that."""
        await self._news.until(
            lambda: self.report is not None and condition(self.report),
        )
        assert self.report is not None
        return self.report

    async def current(self) -> TargetReport:
        """Wait until it says that the newest version is there."""
        return await self.until(lambda it: (it.reason, it.serial) == (CURRENT, self.source.serial))

    async def said(self, reason: str) -> TargetReport:
        """Wait until it says a reason."""
        return await self.until(lambda it: it.reason == reason)

    async def _noted_look(self) -> None:
        self._looks_begun += 1
        number = self._looks_begun
        try:
            await self._look()
        finally:
            self._looks_ended = number
            self._news.tell()

    def _take(self, report: TargetReport) -> None:
        self.reports.append(report)
        self._news.tell()


@asynccontextmanager
async def running(
    source: Source, server: Nameserver | tuple[str, int], **options: Any
) -> AsyncIterator[Running]:
    """Run a worker for a source at a server."""
    address = server if isinstance(server, tuple) else (server.address, server.port)
    it = Running(source, address, **options)
    source.listeners.append(it.worker.on_version)
    task = asyncio.create_task(it.worker.run())
    try:
        yield it
    finally:
        source.listeners.remove(it.worker.on_version)
        is_over = task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not is_over, "it runs until it is cancelled"


async def at_server(server: Nameserver, zone: str) -> Records:
    """Return what is at a server, by AXFR, without markers and apex."""
    found = await asyncio.to_thread(records, server, zone)
    return {
        (owner, ttl, kind, data)
        for owner, ttl, kind, data in found
        if owner != f"{zone}." and not owner.startswith("_rollcall.")
    }


async def markers(server: Nameserver, zone: str) -> dict[str, str]:
    """Return the markers at a server, by owner."""
    found = await asyncio.to_thread(records, server, zone)
    return {owner: data for owner, _, kind, data in found if owner.startswith("_rollcall.") and kind == "TXT"}
