"""Work on objects that were marked: soon, but once for a burst, and never lost.

- A mark after quiet is followed up a moment later, so that what comes in one burst costs one piece of work;
  while an object goes on changing, it is worked on at most once in a longer while.
- One object has at most one piece of work under way, all together have a few. Namespaces take turns, and the
  objects of one by when they are due: one that changes all the time delays no other, and however many a
  namespace has, those of another wait for no more than one piece of its work.
- A namespace has at most as many pieces of work under way as there could be more of: of eight it has four,
  the next one two. So those that get no answer for a long time leave room for others.
- What fails is tried again with growing waits. An API server that asks to be left alone, or gives no answer
  for several objects, is a matter of all: they wait together, and none is held against the single object. One
  of those that had no try yet has it meanwhile: what holds up the others may hold up none but them.
- Work that succeeds may say when the object is due again, for those that are looked at from time to time.
"""

import asyncio
import logging
import math
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Iterable
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Never, TypeGuard, TypeVar

from .backoff import RESOLUTION_SECONDS, Backoff, Uniform, uniform
from .errors import CredentialsError, Forbidden, KubeError, TooManyRequests, Unauthorized, Unreachable

log = logging.getLogger(__name__)

FIRST_SECONDS = 0.2
REST_SECONDS = 0.75
CONCURRENCY = 4
"""More write hardly faster, and hold up the event loop when their answers come together."""

OUTAGE_RETRY_SECONDS = (0.5, 15.0)
OBJECT_RETRY_SECONDS = (1.0, 60.0)
FORBIDDEN_RETRY_SECONDS = (5.0, 300.0)
MAX_RETRY_AFTER_SECONDS = 60.0
LOG_SECONDS = 30.0

_OUTAGE = (Unreachable, CredentialsError, Unauthorized, TooManyRequests)

K = TypeVar("K", bound=Hashable)


class TryAgain(Exception):
    """Raised by work that can't be done yet and has said so elsewhere: a failure that isn't logged."""


class _Entry:
    """An object that is being worked on or stands in line: marked, or to be looked at again, or resting.

    It rests until `rested_at`, and its turn is at `due`. `ticket` is that of its place in line; whatever else
    stands there for it is void. `again` says that it was marked during its work, `anew` that a failure of
    that work is not a reason to wait.
    """

    __slots__ = ("again", "anew", "backoff", "due", "marked", "repeats", "rested_at", "running", "ticket")

    def __init__(self, due: float) -> None:
        self.due = due
        self.rested_at = 0.0
        self.ticket = 0
        self.marked = True
        self.repeats = False
        self.running = False
        self.again = False
        self.anew = False
        self.backoff: Backoff | None = None


class WorkQueue(Generic[K]):
    """Calls `work` with every object that was marked. What `work` raises counts as a failure.

    Where `work` returns a number, the object is due again after so many seconds, marked or not. `name` is
    what log lines begin with; the text of an object says which it is, and `namespace_of` whose it is. No
    object waits for its next try longer than `longest_retry_seconds`.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[K], Awaitable[float | None]],
        *,
        namespace_of: Callable[[K], str],
        first_seconds: float = FIRST_SECONDS,
        rest_seconds: float = REST_SECONDS,
        longest_retry_seconds: float = math.inf,
        concurrency: int = CONCURRENCY,
        draw: Uniform = uniform,
    ) -> None:
        self._name = name
        self._work = work
        self._namespace_of = namespace_of
        self._first_seconds = first_seconds
        self._rest_seconds = rest_seconds
        self._longest_retry_seconds = longest_retry_seconds
        self._concurrency = concurrency
        self._draw = draw
        self._entries: dict[K, _Entry] = {}
        self._line: list[tuple[float, int, K]] = []  # those that are not due yet
        self._due: dict[str, deque[tuple[int, K]]] = {}  # those that are, by namespace
        self._turns: deque[str] = deque()  # of the namespaces that have something due, the next one first
        self._under_way: Counter[str] = Counter()
        self._numbers = count()
        self._wake = asyncio.Event()
        self._outage = Backoff(*OUTAGE_RETRY_SECONDS, draw)
        self._resume_at = 0.0
        self._is_probed = False  # since when all wait
        self._unanswered: set[K] = set()  # those that got no answer since one got any
        self._succeeded_at = 0.0
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
            entry.due = max(entry.rested_at, _now() + self._first_seconds)
            self._enqueue(key, entry)

    def retry(self, key: K) -> None:
        """Mark an object, and cut its wait short if it has failed: the remedy may be there."""
        self.mark(key)
        entry = self._entries[key]
        if entry.running:
            entry.anew = True
        elif entry.backoff is not None:
            entry.backoff = None
            entry.due = _now() + self._first_seconds
            self._enqueue(key, entry)

    async def run(self) -> Never:
        """Work until cancelled. It can be run again: what was under way is worked on anew."""
        self._under_way.clear()
        for key, entry in self._entries.items():
            if entry.running:
                entry.running, entry.marked = False, True
                self._enqueue(key, entry)
        async with asyncio.TaskGroup() as group:
            while True:
                key = await self._next()
                group.create_task(self._attend(key), name=f"{self._name}: {key}")

    def _enqueue(self, key: K, entry: _Entry) -> None:
        entry.ticket = next(self._numbers)
        heappush(self._line, (entry.due, entry.ticket, key))
        if self._line[0][2] == key:
            self._wake.set()

    async def _next(self) -> K:
        """Wait for an object that is due and may be worked on."""
        while True:
            self._wake.clear()
            self._line_up()
            if (key := self._take()) is not None:
                return key
            try:
                async with asyncio.timeout(self._idle_seconds()):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _line_up(self) -> None:
        """Let those that have become due stand in line behind the others of their namespace."""
        while self._line and self._line[0][0] - _now() <= RESOLUTION_SECONDS:
            _, ticket, key = heappop(self._line)
            if self._is_next(key, ticket):
                namespace = self._namespace_of(key)
                if namespace not in self._due:
                    self._due[namespace] = deque()
                    self._turns.append(namespace)
                self._due[namespace].append((ticket, key))

    def _is_next(self, key: K, ticket: int) -> bool:
        """Whether a place in line is that of an object which is to be worked on; forget one that rests."""
        entry = self._entries.get(key)
        if entry is None or entry.ticket != ticket:
            return False
        if entry.marked or entry.repeats:
            return True
        del self._entries[key]
        return False

    def _take(self) -> K | None:
        """Return an object of the first namespace that has one to be worked on, None where none has."""
        all_wait = self._resume_at - _now() > RESOLUTION_SECONDS
        free = self._concurrency - self._under_way.total()
        if not free or (all_wait and not self._may_probe):
            return None
        passed_over: list[str] = []
        found = None
        while self._turns and found is None:
            namespace = self._turns.popleft()
            if self._under_way[namespace] < free:
                found = self._first_of(namespace, all_wait=all_wait)
            if not self._due[namespace]:
                del self._due[namespace]
            elif found is None:
                passed_over.append(namespace)
            else:
                self._turns.append(namespace)
        self._turns.extendleft(reversed(passed_over))
        if found is not None:
            self._under_way[namespace] += 1
            self._entries[found].marked, self._entries[found].running = False, True
            self._is_probed = True
        return found

    def _first_of(self, namespace: str, *, all_wait: bool) -> K | None:
        """Take the first object out of the line of a namespace; while all wait, of those not tried yet."""
        line = self._due[namespace]
        for _ in range(len(line)):
            ticket, key = line.popleft()
            if not self._is_next(key, ticket):
                continue
            if not (all_wait and key in self._unanswered):
                return key
            line.append((ticket, key))
        return None

    def _idle_seconds(self) -> float | None:
        """Return how long nothing changes by itself, None: for ever."""
        times = [self._line[0][0]] if self._line else []
        if self._due and self._resume_at - _now() > RESOLUTION_SECONDS:
            times.append(self._resume_at)
        return max(0.0, min(times) - _now()) if times else None

    @property
    def _may_probe(self) -> bool:
        """Whether one object may be tried while all wait: others got no answer, none was told to wait."""
        return self._trouble is Unreachable and not self._is_probed

    async def _attend(self, key: K) -> None:
        entry = self._entries[key]
        began_at = _now()
        try:
            repeat_seconds = await self._work(key)
        except Exception as error:
            entry.marked = True
            if self._is_outage(error, key, began_at):
                self._pause(error)  # the object is due as it was, after those that nobody has tried
            else:
                # Whatever it is, it concerns this object only, and is tried again.
                entry.due = _now() + self._failed(key, entry, error)
        else:
            self._recovered()
            entry.backoff = None
            entry.marked = entry.again
            entry.repeats = repeat_seconds is not None
            entry.due = entry.rested_at = _now() + self._rest_seconds
            if repeat_seconds is not None and not entry.marked:
                entry.due = max(entry.rested_at, _now() + repeat_seconds)
        entry.running = entry.again = entry.anew = False
        namespace = self._namespace_of(key)
        self._under_way[namespace] -= 1
        if not self._under_way[namespace]:
            del self._under_way[namespace]
        self._enqueue(key, entry)
        self._wake.set()

    def _is_outage(self, error: Exception, key: K, began_at: float) -> TypeGuard[KubeError]:
        """Whether a failure is of the API server as a whole.

        A request without an answer isn't if others got theirs in the meantime, or if no other went without:
        then it is that object which something holds up, such as an admission webhook.
        """
        if not isinstance(error, Unreachable):
            return isinstance(error, _OUTAGE)
        if self._succeeded_at > began_at:
            return False
        self._unanswered.add(key)
        if len(self._unanswered) == 2:
            self._absolve(self._unanswered - {key})
        return len(self._unanswered) > 1

    def _absolve(self, keys: Iterable[K]) -> None:
        """Let objects wait with all others: it wasn't their own failure."""
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and entry.backoff is not None and not entry.running:
                entry.backoff, entry.due = None, _now()
                self._enqueue(key, entry)

    def _pause(self, error: KubeError) -> None:
        """Let all objects wait; several failures of one moment are one."""
        if _now() < self._resume_at:
            return
        seconds = self._outage.next_seconds()
        if isinstance(error, TooManyRequests) and error.retry_after_seconds is not None:
            seconds += min(error.retry_after_seconds, MAX_RETRY_AFTER_SECONDS)
        self._resume_at = _now() + seconds
        self._is_probed = False
        if self._trouble is not type(error):
            log.warning("%s: waiting for the API server: %s", self._name, error)
        self._trouble = type(error)

    def _recovered(self) -> None:
        self._succeeded_at = _now()
        self._unanswered.clear()
        if self._trouble is Unreachable:
            self._resume_at = 0.0
            self._wake.set()
        if self._trouble is not None:
            log.info("%s: works again", self._name)
            self._trouble = None
            self._outage.reset()

    def _failed(self, key: K, entry: _Entry, error: Exception) -> float:
        """Tell that the work on an object failed; return the seconds to wait before the next try."""
        is_news = entry.backoff is None
        if entry.backoff is None:
            first, cap = FORBIDDEN_RETRY_SECONDS if isinstance(error, Forbidden) else OBJECT_RETRY_SECONDS
            if isinstance(error, Unreachable):  # it may be an outage after all, of which nobody else can tell
                cap = min(cap, OUTAGE_RETRY_SECONDS[1])
            entry.backoff = Backoff(first, min(cap, self._longest_retry_seconds), self._draw)
        if isinstance(error, Forbidden) and (right := _right(error)):
            if right not in self._told_rights:
                self._told_rights.add(right)
                log.warning("%s: %s: a right is missing: %s", self._name, key, error.message)
        elif not isinstance(error, KubeError | TryAgain):
            log.error("%s: %s", self._name, key, exc_info=error)
        elif is_news and isinstance(error, KubeError):
            self._warn(key, error)
        if entry.anew:
            entry.backoff = None
            return self._rest_seconds
        return entry.backoff.next_seconds()

    def _warn(self, key: K, error: KubeError) -> None:
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
