"""Follows one resource of the API and tells of every difference, for as long as it runs.

The rules, in the order of their weight:

- Unknown is not empty. An object is reported gone when the server says so, or when a whole list, to its last
  page, lacks it. No error, time-out or gap removes anything.
- A list is whole when it is one: of the kind that was asked for, with items, and of a version that can be the
  newest (`pages`, `versions`). With whatever else somebody answers in the API server's place, it has failed.
  A stream of such things is a broken one.
- Nothing is missed. A list is followed by a watch from its resourceVersion; a broken watch goes on from the
  last version seen; where the server no longer has that (410), everything is listed again and compared with
  what is known, deletions included.
- What was resumed is audited. Behind an API server that comes back there may be an etcd that was restored
  from a backup and has overtaken the version that we resume from; no error tells of what was missed then. So
  after a watch that broke, and now and then, a list is read slowly beside the watch and compared (`audits`);
  where it differs and no event says why, everything is listed again.
- It never gives up. Every refusal and every broken connection is tried again, with waits that double to a few
  seconds; it says what is wrong once, not once a try.
- Only differences pass. Most updates of a pod touch nothing that we read.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from typing import Generic, Never

import msgspec

from rollcall.kube.backoff import Backoff, Uniform, uniform
from rollcall.kube.errors import ApiError, BadAnswer, Gone, KubeError, Unreachable, reason_of
from rollcall.kube.status import error_of, read_status
from rollcall.model import Key
from rollcall.model.wording import counted

from .audits import Audits, restored
from .pages import PAGE_SIZE, SLICE, Transport, read_pages
from .resource import Event, Item, Resource, T
from .versions import Versions
from .view import Change, View

log = logging.getLogger(__name__)

WATCH_SECONDS = (300.0, 600.0)
"""The server ends a watch after a time drawn from this range, so that watches spread over its replicas."""

INACTIVITY_SECONDS = 75.0
"""A server sends a bookmark every minute, though not on a quiet resource where its etcd doesn't report
progress. A stream that is silent for longer may be dead."""

PROBE_SECONDS = 10.0
"""How long a server that has been silent may take to answer a small question."""

PROBES = 8
PROBE_REST_SECONDS = 5.0
"""How often a server that seems to have gone back is asked, and the time between."""

RELIST_JITTER_SECONDS = 1.0
"""A server that lost its history lost it for every client; they must not all list at once."""

SETTLED_SECONDS = 5.0
"""A stream that lasted this long was a good one, even if nothing happened in it."""

MAX_RETRY_AFTER_SECONDS = 60.0


class Batch(msgspec.Struct, Generic[T], frozen=True):
    """What one read from the network, or one slice of a list, has changed, in order.

    `received_ns` is time.monotonic_ns() at the read. `live` tells a watch event from a list, the flood at
    the start, which may wait while live changes overtake it.
    """

    changes: list[Change[T]]
    received_ns: int
    live: bool


class Reflector(Generic[T]):
    """One resource, in one namespace or in all; with a `label_selector` only what it matches.

    `on_batch` is called in the event loop with every batch that changes something. It must be quick, and it
    must not raise: what it raises ends `run`.

    Attributes for metrics and status, all for reading only:
        view: the objects, and those that can't be read.
        synced: set once the view holds a whole list; it stays set.
        trouble: the error that we are retrying after, None while all is well.
        events: events received, by type (ADDED, MODIFIED, DELETED, BOOKMARK, ERROR).
        restarts: ended watches and failed lists, by reason.
        lists: complete lists, the first included.
        audits: whether they are still what the server has; their results are counted.
    """

    def __init__(
        self,
        client: Transport,
        resource: Resource[T],
        on_batch: Callable[[Batch[T]], None],
        *,
        namespace: str | None = None,
        label_selector: str = "",
        draw: Uniform = uniform,
    ) -> None:
        self.resource = resource
        self.view: View[T] = View()
        self.synced = asyncio.Event()
        self.trouble: KubeError | None = None
        self.events: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self.lists = 0
        self._client = client
        self._path = resource.path(namespace)
        self._doing = f"GET {self._path}?watch"
        self._selection = {"labelSelector": label_selector} if label_selector else {}
        self._on_batch = on_batch
        self._draw = draw
        self._backoff = Backoff(draw=draw)
        self._version = 0  # where the watch goes on; 0: everything has to be listed
        self._versions = Versions()
        self.audits: Audits[T] = Audits(
            client, resource, self._path, self._selection, self.view, self._versions, draw
        )
        self._last_life: float | None = None
        self._clock: Callable[[], float] = time.monotonic

    @property
    def age_seconds(self) -> float:
        """Seconds since the server last told us anything; infinite before the first whole list."""
        return self._clock() - self._last_life if self._last_life is not None else float("inf")

    async def run(self) -> Never:
        """List and watch until cancelled."""
        self._clock = asyncio.get_running_loop().time
        while True:
            try:
                if not self._version:
                    await self._list()
                wait_seconds = await self._watch()
            except KubeError as error:
                wait_seconds = self._failed(error)
            await asyncio.sleep(wait_seconds)

    async def _list(self) -> None:
        """Bring the view to a whole list; only then drop what the list lacks."""
        seen = set[Key]()
        pages = read_pages(
            self._client, self.resource, self._path, self._selection, self._versions, size=PAGE_SIZE
        )
        async with aclosing(pages):
            async for page in pages:
                received_ns = time.monotonic_ns()
                for start in range(0, len(page.items), SLICE):
                    self._take_listed(page.items[start : start + SLICE], seen, received_ns)
                    await asyncio.sleep(0)
        changes: list[Change[T]] = []
        self.view.retain(seen, changes)
        self._deliver(changes, received_ns, live=False)
        self._version = page.version
        self._versions.on_listed()
        self.audits.on_listed()
        self.lists += 1
        self._alive()
        if not self.synced.is_set():
            log.info("%s: synced, %s", self.resource, counted(len(self.view.objects), "object"))
            self.synced.set()

    def _take_listed(self, raws: tuple[msgspec.Raw, ...], seen: set[Key], received_ns: int) -> None:
        changes: list[Change[T]] = []
        for raw in raws:
            item = self.resource.read_item(raw)
            if item.key in seen:
                raise BadAnswer(f"{self._path}: a list that holds {item.key} twice")
            seen.add(item.key)
            self._put(item, changes)
        self._deliver(changes, received_ns, live=False)

    async def _watch(self) -> float:
        """Follow the changes until the stream ends; return the seconds to wait before the next one."""
        params = {
            "resourceVersion": str(self._version),
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(round(self._draw(*WATCH_SECONDS))),
            **self._selection,
        }
        opened = self._clock()
        ends = opened + float(params["timeoutSeconds"])
        active = False
        try:
            async with (
                asyncio.timeout(INACTIVITY_SECONDS) as inactivity,
                aclosing(self._client.watch(self._path, params)) as batches,
                self.audits.beside(inactivity),
            ):
                async for lines in batches:
                    received_ns = time.monotonic_ns()
                    self._alive()
                    if lines:
                        self._apply_lines(lines, received_ns)
                        active = True
                        self._backoff.reset()
                    inactivity.reschedule(self._clock() + INACTIVITY_SECONDS)
        except TimeoutError:
            if not inactivity.expired():
                raise
            if self.audits.disproof is not None:
                raise self.audits.disproof from None
            self.restarts["Inactive"] += 1
            self.audits.suspect()
            await self._check_progress()
            return 0.0
        self.restarts["Ended"] += 1
        if self._clock() < ends - SETTLED_SECONDS:
            self.audits.suspect()
        if active or self._clock() - opened >= SETTLED_SECONDS:
            return 0.0
        return self._backoff.next_seconds()

    def _apply_lines(self, lines: list[bytes], received_ns: int) -> None:
        """Apply the events of one read to the view; what precedes an error among them counts."""
        changes: list[Change[T]] = []
        try:
            for line in lines:
                self._apply_event(self.resource.read_event(line), changes)
        finally:
            self._deliver(changes, received_ns, live=True)

    def _apply_event(self, event: Event[T], changes: list[Change[T]]) -> None:
        self.events[event.type] += 1
        if event.raw is not None:
            raise error_of(self._doing, read_status(event.raw))
        if event.version < self._version:
            raise BadAnswer(f"{self._doing}: an event of version {event.version} after {self._version}")
        item = event.item
        if item is not None:
            self.audits.on_event(item.key)
            if event.type == "DELETED":
                self.view.remove(item.key, item.uid, changes)
            else:
                self._put(item, changes)
        self._version = event.version
        self._versions.see(event.version)

    def _put(self, item: Item[T], changes: list[Change[T]]) -> None:
        if self.view.put(item, changes):
            log.warning(
                "%s %s can't be read, its last good state stays: %s",
                self.resource,
                str(item.key).lstrip("/"),
                item.problem,
            )

    async def _check_progress(self) -> None:
        """Ask a silent server for its version, which must not be lower than ours.

        It is where etcd was restored from a backup. The server would be silent until it has caught up
        with us, and hold other objects than we think.

        Raises:
            Gone: it went back.
            KubeError: it doesn't answer, or not to be believed.
        """
        params = {"limit": "1", **self._selection}
        for _ in range(PROBES):
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    page = self.resource.read_page(await self._client.list_page(self._path, params))
            except TimeoutError as error:
                raise Unreachable(f"GET {self._path}: no answer in time") from error
            try:
                self._versions.check(page.version, self._clock())
                break
            except BadAnswer as error:
                doubt = error
            await asyncio.sleep(PROBE_REST_SECONDS)
        else:
            raise doubt
        if self._versions.went_back:
            raise restored(self._doing, f"went back from version {self._version} to {page.version}")

    def _deliver(self, changes: list[Change[T]], received_ns: int, *, live: bool) -> None:
        if changes:
            self._on_batch(Batch(changes, received_ns, live))

    def _failed(self, error: KubeError) -> float:
        """Note a failure; return the seconds to wait before the next try."""
        self.restarts[reason_of(error)] += 1
        wait_seconds = self._backoff.next_seconds()
        self.audits.suspect()
        if isinstance(error, Gone):
            self._version = 0
            log.info("%s: listing everything again: %s", self.resource, error)
            return wait_seconds + self._draw(0.0, RELIST_JITTER_SECONDS)
        if type(error) is not type(self.trouble):
            log.warning("%s: trying again until it works: %s", self.resource, error)
        self.trouble = error
        if isinstance(error, ApiError) and error.retry_after_seconds is not None:
            return wait_seconds + min(error.retry_after_seconds, MAX_RETRY_AFTER_SECONDS)
        return wait_seconds

    def _alive(self) -> None:
        """Note that the server answers: a whole list, an accepted watch, an event, a bookmark."""
        self._last_life = self._clock()
        if self.trouble is not None:
            log.info("%s: works again", self.resource)
            self.trouble = None
