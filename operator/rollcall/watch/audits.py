"""When a view is audited, and how slowly: beside the watch that keeps it.

An audit follows a watch that broke, since behind an API server that comes back there may be another etcd; and
one is held now and then, for breaks that nobody noticed. It asks the API server for a list of everything, so
that it is neither held often nor read fast.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Generic

from rollcall.kube.backoff import Backoff, Uniform
from rollcall.kube.errors import Gone, KubeError
from rollcall.model import Key
from rollcall.model.wording import counted

from .audit import GRACE_SECONDS, Audit
from .pages import PAGE_SIZE, SLICE, Transport, read_pages
from .resource import Resource, T
from .versions import Versions
from .view import View

log = logging.getLogger(__name__)

CALM_SECONDS = (1800.0, 3600.0)
"""Between two audits while nothing has happened."""

SUSPICION_SECONDS = (5.0, 10.0)
"""From a watch that broke to its audit: an API server that is just back has other work."""

REST_SECONDS = 30.0
PAGE_BUDGET_SECONDS = 1.5
"""From the begin of an audit to the next, however often watches break: the former, or the latter for each
page where that is more (five minutes for 50,000 objects)."""

PAGE_REST_SECONDS = 0.5
"""After a whole page; after one of fewer objects in proportion. A page costs a few milliseconds here, a slice
of them at a time."""

LIST_SECONDS = 240.0
"""The rest is shorter where all pages would take longer than this: after five minutes the API server may have
forgotten the moment that the list is of."""

RETRY_SECONDS = (4.0, 60.0)

RESTORED = "Restored"


def restored(doing: str, what: str) -> Gone:
    """Make the error for a server that has another history than we know."""
    return Gone(doing, 410, RESTORED, f"the server {what}: its etcd was restored from a backup")


class Audits(Generic[T]):
    """Those of one view. `results` counts them (Same, Differs, Failed), for metrics.

    `disproof` is set where one has found another history: everything has to be listed anew.
    """

    def __init__(
        self,
        client: Transport,
        resource: Resource[T],
        path: str,
        selection: Mapping[str, str],
        view: View[T],
        versions: Versions,
        draw: Uniform,
    ) -> None:
        self.results: Counter[str] = Counter()
        self.disproof: Gone | None = None
        self._client = client
        self._resource = resource
        self._path = path
        self._selection = selection
        self._view = view
        self._versions = versions
        self._draw = draw
        self._audit: Audit[T] | None = None
        self._due_at = 0.0
        self._not_before = 0.0

    def on_listed(self) -> None:
        """Note that the view has been brought to a whole list."""
        self.disproof = None
        self._due_at = _now() + self._draw(*CALM_SECONDS)

    def on_event(self, key: Key) -> None:
        """Note that the watch tells of an object."""
        if self._audit is not None:
            self._audit.on_event(key)

    def suspect(self) -> None:
        """Note that the server may be another than it was: it was away, or the way to it."""
        soon = _now() + self._draw(*SUSPICION_SECONDS)
        self._due_at = min(self._due_at, max(soon, self._not_before))

    @asynccontextmanager
    async def beside(self, stream: asyncio.Timeout) -> AsyncIterator[None]:
        """Hold those that are due for the length of a watch; a disproof lets its time-out expire."""
        task = asyncio.create_task(self._hold(stream), name=f"audits of {self._resource}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (defect := task.exception()):
                raise defect

    async def _hold(self, stream: asyncio.Timeout) -> None:
        backoff = Backoff(*RETRY_SECONDS, self._draw)
        while self.disproof is None:
            await asyncio.sleep(self._due_at - _now())
            try:
                self.disproof = await self._compare()
            except KubeError as error:
                self.results["Failed"] += 1
                self._due_at = _now() + backoff.next_seconds()
                log.debug("%s: an audit failed: %s", self._resource, error)
            else:
                backoff.reset()
                self.results["Differs" if self.disproof else "Same"] += 1
                self._due_at = _now() + self._draw(*CALM_SECONDS)
            finally:
                self._audit = None
        stream.reschedule(_now())

    async def _compare(self) -> Gone | None:
        """Read a list slowly; return what shows that it is of another history than the view.

        Raises:
            KubeError: it could not be read to its end, or not be believed.
        """
        self._audit = audit = Audit(self._view.objects)
        pages = max(len(self._view.objects) / PAGE_SIZE, 1.0)
        self._not_before = self._due_at = _now() + max(REST_SECONDS, pages * PAGE_BUDGET_SECONDS)
        rest_seconds = min(PAGE_REST_SECONDS, LIST_SECONDS / pages)
        async with aclosing(
            read_pages(
                self._client, self._resource, self._path, self._selection, self._versions, size=PAGE_SIZE
            )
        ) as read:
            async for page in read:
                if self._versions.went_back:
                    return restored(f"GET {self._path}", f"went back to version {page.version}")
                for start in range(0, len(page.items), SLICE):
                    for raw in page.items[start : start + SLICE]:
                        audit.compare(self._resource.read_item(raw), _now())
                    await asyncio.sleep(0)
                if found := self._unexplained(audit, _now()):
                    return found
                await asyncio.sleep(rest_seconds * min(len(page.items) / PAGE_SIZE, 1.0))
        audit.end(_now())
        await asyncio.sleep(GRACE_SECONDS)
        return self._unexplained(audit, math.inf)

    def _unexplained(self, audit: Audit[T], now: float) -> Gone | None:
        keys = audit.unexplained(now)
        if not keys:
            return None
        among = str(min(keys)).lstrip("/")
        return restored(
            f"GET {self._path}",
            f"says something else of {counted(len(keys), 'object')} than we know, of {among} for one",
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
