"""Work on objects that were marked: soon, but once for a burst, and never lost.

- A mark after quiet is followed up a moment later, so that what comes in one burst costs one piece of work;
  while an object goes on changing, it is worked on at most once in a longer while.
- One object has at most one piece of work under way, all together have a few. They take turns by when they
  are due: one that changes all the time delays no other.
- What fails is tried again with growing waits. An API server that doesn't answer, or asks to be left alone,
  is a matter of all objects: they wait together, and none is held against the single object.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Hashable
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Never, TypeVar

from .backoff import Backoff, Uniform, uniform
from .errors import CredentialsError, Forbidden, KubeError, TooManyRequests, Unauthorized, Unreachable

log = logging.getLogger(__name__)

FIRST_SECONDS = 0.2
REST_SECONDS = 0.75
CONCURRENCY = 4
"""More write hardly faster, and hold up the event loop when their answers come together."""

RESOLUTION_SECONDS = 0.001
"""What is due in less is due: a timer may fire a little early, and must not be set again for nothing."""

OUTAGE_RETRY_SECONDS = (0.5, 15.0)
OBJECT_RETRY_SECONDS = (1.0, 60.0)
FORBIDDEN_RETRY_SECONDS = (5.0, 300.0)
MAX_RETRY_AFTER_SECONDS = 60.0
LOG_SECONDS = 30.0

_OUTAGE = (Unreachable, CredentialsError, Unauthorized, TooManyRequests)

K = TypeVar("K", bound=Hashable)


class _Entry:
    """An object that is waiting (in line at `due`), being worked on, or resting until `due`."""

    __slots__ = ("again", "backoff", "due", "marked", "running")

    def __init__(self, due: float) -> None:
        self.due = due
        self.marked = True
        self.running = False
        self.again = False
        self.backoff: Backoff | None = None


class WorkQueue(Generic[K]):
    """Calls `work` with every object that was marked. What `work` raises counts as a failure.

    `name` is what log lines begin with; the text of an object says which it is.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[K], Awaitable[None]],
        *,
        first_seconds: float = FIRST_SECONDS,
        rest_seconds: float = REST_SECONDS,
        concurrency: int = CONCURRENCY,
        draw: Uniform = uniform,
    ) -> None:
        self._name = name
        self._work = work
        self._first_seconds = first_seconds
        self._rest_seconds = rest_seconds
        self._concurrency = concurrency
        self._draw = draw
        self._entries: dict[K, _Entry] = {}
        self._line: list[tuple[float, int, K]] = []
        self._numbers = count()
        self._wake = asyncio.Event()
        self._outage = Backoff(*OUTAGE_RETRY_SECONDS, draw)
        self._resume_at = 0.0
        self._trouble: type[KubeError] | None = None
        self._told_rights: set[str] = set()
        self._quiet_until: dict[type[KubeError], float] = {}

    def __len__(self) -> int:
        """How many objects are waiting or being worked on."""
        return sum(entry.marked or entry.running for entry in self._entries.values())

    def mark(self, key: K) -> None:
        """Have an object worked on: at once cheap, the work follows."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(_now() + self._first_seconds)
            self._enqueue(key, entry)
        elif entry.running:
            entry.again = True
        elif not entry.marked:
            entry.marked = True
            entry.due = max(entry.due, _now() + self._first_seconds)

    async def run(self) -> Never:
        """Work until cancelled. It can be run again: what was under way is worked on anew."""
        for key, entry in self._entries.items():
            if entry.running:
                entry.running, entry.marked = False, True
                self._enqueue(key, entry)
        slots = asyncio.Semaphore(self._concurrency)
        async with asyncio.TaskGroup() as group:
            while True:
                await slots.acquire()
                key = await self._next()
                task = group.create_task(self._attend(key), name=f"{self._name}: {key}")
                task.add_done_callback(lambda _: slots.release())

    def _enqueue(self, key: K, entry: _Entry) -> None:
        heappush(self._line, (entry.due, next(self._numbers), key))
        if self._line[0][2] == key:
            self._wake.set()

    async def _next(self) -> K:
        """Wait for the first object that is due."""
        while True:
            seconds = None
            while self._line:
                seconds = max(self._line[0][0], self._resume_at) - _now()
                if seconds > RESOLUTION_SECONDS:
                    break
                _, _, key = heappop(self._line)
                entry = self._entries[key]
                if entry.due - _now() > RESOLUTION_SECONDS:  # marked while it was resting
                    self._enqueue(key, entry)
                elif entry.marked:
                    entry.marked, entry.running = False, True
                    return key
                else:
                    del self._entries[key]
                seconds = None
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _attend(self, key: K) -> None:
        entry = self._entries[key]
        try:
            await self._work(key)
        except _OUTAGE as error:
            self._pause(error)
            entry.marked = True  # due as it was: it keeps its place in line
        except Exception as error:
            # Whatever it is, it concerns this object only, and is tried again.
            entry.marked = True
            entry.due = _now() + self._failed(key, entry, error)
        else:
            self._recovered()
            entry.backoff = None
            entry.marked = entry.again
            entry.due = _now() + self._rest_seconds
        entry.running = entry.again = False
        self._enqueue(key, entry)

    def _pause(self, error: KubeError) -> None:
        """Let all objects wait; several failures of one moment are one."""
        if _now() < self._resume_at:
            return
        seconds = self._outage.next_seconds()
        if isinstance(error, TooManyRequests) and error.retry_after_seconds is not None:
            seconds += min(error.retry_after_seconds, MAX_RETRY_AFTER_SECONDS)
        self._resume_at = _now() + seconds
        if self._trouble is not type(error):
            log.warning("%s: waiting for the API server: %s", self._name, error)
        self._trouble = type(error)

    def _recovered(self) -> None:
        if self._trouble is not None:
            log.info("%s: works again", self._name)
            self._trouble = None
            self._outage.reset()

    def _failed(self, key: K, entry: _Entry, error: Exception) -> float:
        """Take note that the work on an object failed; give the seconds to wait before the next try."""
        is_news = entry.backoff is None
        if entry.backoff is None:
            bounds = FORBIDDEN_RETRY_SECONDS if isinstance(error, Forbidden) else OBJECT_RETRY_SECONDS
            entry.backoff = Backoff(*bounds, self._draw)
        if isinstance(error, Forbidden) and (right := _right(error)):
            if right not in self._told_rights:
                self._told_rights.add(right)
                log.warning("%s: %s: a right is missing: %s", self._name, key, error.message)
        elif not isinstance(error, KubeError):
            log.error("%s: %s", self._name, key, exc_info=error)
        elif is_news:
            self._tell(key, error)
        return entry.backoff.next_seconds()

    def _tell(self, key: K, error: KubeError) -> None:
        """Warn of a failure; while many objects fail in one way, of one of them at a time."""
        quiet_until = self._quiet_until.get(type(error), 0.0)
        level = logging.WARNING if _now() >= quiet_until else logging.DEBUG
        if level == logging.WARNING:
            self._quiet_until[type(error)] = _now() + LOG_SECONDS
        log.log(level, "%s: %s: trying again until it works: %s", self._name, key, error)


def _right(error: Forbidden) -> str | None:
    """Return the verb and the resource of a refusal, without the object: one line for all of them.

    None where it was not for a missing right: in a namespace that is being deleted, by an admission policy.
    """
    found = re.search(r"cannot .*", error.message)
    return found[0] if found else None


def _now() -> float:
    return asyncio.get_running_loop().time()
