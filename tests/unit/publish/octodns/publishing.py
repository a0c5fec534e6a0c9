"""A worker of an octoDNS target that runs beside a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from rollcall.model import OctodnsTarget
from rollcall.propagation.report import BEHIND, CURRENT, TargetReport
from rollcall.publish.octodns import OctodnsWorker
from unit.publish.octodns.zones import IDENTITY, Domain
from waiting import News


class Publishing:
    """Publishes a domain with the settings in `secret`; keeps all reports."""

    def __init__(
        self, domain: Domain, secret: Mapping[str, bytes] | None, identity: str = IDENTITY, **options: Any
    ) -> None:
        self.domain = domain
        self.secret = secret
        self.reports: list[TargetReport] = []
        self._news = News(lambda: self.reports[-1:])
        self.worker = OctodnsWorker(
            "zone",
            OctodnsTarget("provider", "settings"),
            domain.published,
            identity,
            lambda: self.secret,
            self._report,
            **options,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Publishing"]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.worker.run())
            yield self
            task.cancel()

    def hold(self, *lines: str) -> None:
        self.worker.on_version(self.domain.hold(*lines))

    def give(self, secret: Mapping[str, bytes] | None) -> None:
        self.secret = secret
        self.worker.on_secrets_changed()

    async def until(self, condition: Callable[[TargetReport], bool]) -> TargetReport:
        """Wait until the last report is as wanted."""
        await self._news.until(lambda: self.reports and condition(self.reports[-1]))
        return self.reports[-1]

    async def until_current(self) -> TargetReport:
        serial = self.domain.published.serial
        return await self.until(lambda report: (report.reason, report.serial) == (CURRENT, serial))

    async def until_failed(self) -> TargetReport:
        return await self.until(lambda report: report.reason not in (CURRENT, BEHIND))

    def _report(self, report: TargetReport) -> None:
        self.reports.append(report)
        self._news.tell()
