"""Update publishers that a test holds and lets go, one request at a time, against a real server.

Every request of a `Writer` waits at its `Gate` until the test decides what becomes of it. So the order in
which several writers read and write is the test's own, and the same again for the same decisions.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Never

import pytest

from nameservers import KEY, Nameserver
from rollcall.dnswire.message import Message
from rollcall.dnswire.tsig import sign
from rollcall.model import KeyRing, UpdateTarget, parse_key
from rollcall.propagation.report import TargetReport
from rollcall.publish.update import Fence, UpdateWorker, discovery, orphans, reader, reasons, worker, writer
from rollcall.publish.update.session import TIMEOUT_SECONDS, Session, UpdateServer
from updates.source import IDENTITY, Source

DEADLINE_SECONDS = 60.0


class Fate(Enum):
    """What becomes of a request. All but PASS are for updates only; the writer hears of a time-out then."""

    PASS = auto()
    LOST = auto()
    LATE = auto()
    """It stays under way: `Gate.late` has it, for the test to bring it to the server, or not."""
    ANSWER_LOST = auto()


@dataclass(eq=False)
class Waiting:
    """A request, or the answer to an update, that waits at a gate."""

    kind: str
    by_reader: bool
    fate: asyncio.Future[Fate]


@dataclass(eq=False)
class Gate:
    """Where the requests of one writer wait, and what is known of the tasks that send them."""

    waiting: list[Waiting] = field(default_factory=list)
    late: list[bytes] = field(default_factory=list)
    is_writing: bool = False
    is_idle: bool = False
    looks: int = 0
    codes: list[int] = field(default_factory=list)  # of the updates that were answered
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def arrive(self, kind: str) -> Fate:
        """Wait for the test's decision."""
        it = Waiting(kind, _by_reader.get(), asyncio.get_running_loop().create_future())
        self.waiting.append(it)
        self.changed.set()
        try:
            return await it.fate
        finally:
            if it in self.waiting:
                self.waiting.remove(it)

    def release(self, it: Waiting, fate: Fate = Fate.PASS) -> None:
        """Let a request go."""
        self.waiting.remove(it)
        it.fate.set_result(fate)


_gate: ContextVar[Gate] = ContextVar("_gate")
_by_reader: ContextVar[bool] = ContextVar("_by_reader", default=False)


class _Session(Session):
    """A session that asks the gate first."""

    async def send(self, wire: bytes, timeout_seconds: float = TIMEOUT_SECONDS) -> Message:
        gate = _gate.get()
        fate = await gate.arrive("update")
        if fate is Fate.LATE:
            gate.late.append(sign(wire, self.key).wire)
        if fate in (Fate.LOST, Fate.LATE):
            self.closed = True
            raise reasons.timed_out(str(self.server), timeout_seconds)
        answer = await super().send(wire, timeout_seconds)
        gate.codes.append(answer.rcode)
        if fate is Fate.ANSWER_LOST:
            self.closed = True
            raise reasons.timed_out(str(self.server), timeout_seconds)
        await gate.arrive("answer")
        return answer

    async def ask(self, questions: Sequence[tuple[bytes, int]], *, is_signed: bool = True) -> list[Message]:
        await _gate.get().arrive("question")
        return await super().ask(questions, is_signed=is_signed)

    async def check(self, wire: bytes) -> int:
        await _gate.get().arrive("question")
        return await super().check(wire)

    async def read_message(self) -> bytes:
        await _gate.get().arrive("transfer")
        return await super().read_message()


class _Writer(writer.Writer):
    """Says when it has nothing to do."""

    async def run(self) -> Never:
        gate = _gate.get()
        gate.is_writing = True
        try:
            await super().run()
        finally:
            gate.is_writing = False
            gate.changed.set()

    async def _idle(self, session: Session) -> None:
        gate = _gate.get()
        gate.is_idle = True
        gate.changed.set()
        try:
            await super()._idle(session)
        finally:
            gate.is_idle = False


class _Reader(reader.Reader):
    """Says when it reads."""

    async def read_back(self) -> None:
        gate = _gate.get()
        gate.looks += 1
        token = _by_reader.set(True)
        try:
            await super().read_back()
        finally:
            _by_reader.reset(token)
            gate.looks -= 1
            gate.changed.set()


@contextmanager
def gated() -> Iterator[None]:
    """Let every UpdateWorker that is made meanwhile run through gates, and wait no longer than it must."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery, "Session", _Session)
        patch.setattr(worker, "Writer", _Writer)
        patch.setattr(worker, "Reader", _Reader)
        patch.setattr(worker, "FIRST_RETRY_SECONDS", 0.001)
        patch.setattr(worker, "LAST_RETRY_SECONDS", 0.01)
        patch.setattr(writer, "CONFLICT_SECONDS", (0.0, 0.001))
        patch.setattr(reader, "PAUSE_SECONDS", 0.0)
        # When it reads is the test's own, however long it takes.
        patch.setattr(reader, "REPAIR_SECONDS", 3600.0)
        patch.setattr(reader, "FIRST_RETRY_SECONDS", 3600.0)
        patch.setattr(orphans, "DELETED_AFTER_TTLS", 0)
        yield


class Writer:
    """A replica: its own view of the zone, and an UpdateWorker while it runs.

    `steps` are the changes of the zone, the same for every replica; `at` says how many it has seen.
    """

    def __init__(
        self, name: str, server: Nameserver, source: Source, steps: Sequence[Callable[[Source], None]]
    ) -> None:
        self.name = name
        self.source = source
        self.at = 0
        self.gate = Gate()
        self.report: TargetReport | None = None
        self._steps = steps
        self._spec = UpdateTarget("target", server.address, "secret", server.port)
        self._worker: UpdateWorker | None = None
        self._task: asyncio.Task[Never] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has a worker."""
        return self._task is not None

    def advance(self, to: int) -> None:
        """See changes, up to one."""
        while self.at < to:
            self._steps[self.at](self.source)
            self.at += 1

    def start(self, fence: Fence) -> None:
        """Make a worker, which knows nothing of the server yet."""
        self.gate = Gate()
        self._worker = UpdateWorker(
            "zone",
            self._spec,
            self.source.published,
            IDENTITY,
            lambda: KeyRing(parse_key(KEY)),
            fence,
            self._take,
            lambda outcome: None,
        )
        self.source.listeners.append(self._worker.on_version)
        token = _gate.set(self.gate)
        self._task = asyncio.create_task(self._worker.run())
        _gate.reset(token)
        self._task.add_done_callback(lambda _: self.gate.changed.set())

    async def stop(self) -> None:
        """End the worker, wherever it is; what it has sent stays sent."""
        task, self._task = self._task, None
        if task is None or self._worker is None:
            return
        self.source.listeners.remove(self._worker.on_version)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=DEADLINE_SECONDS)
        assert done, f"{self.name} goes on after it was cancelled: {self.report}"
        with suppress(asyncio.CancelledError):
            task.result()

    def repair(self) -> None:
        """Let it read the zone back now."""
        assert self._worker is not None
        self._worker._to_read.set()

    async def rest(self) -> None:
        """Wait until it can do nothing: all that it wants to do waits at the gate, or there is nothing."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not self._rests():
                    self.gate.changed.clear()
                    await self.gate.changed.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name} does not come to rest: {self.report}") from None

    def _rests(self) -> bool:
        if self._task is None or self._worker is None:
            return True
        if self._task.done():
            raise AssertionError(f"{self.name} has ended by itself: {self._task!r}")
        gate = self.gate
        reads = any(it.by_reader for it in gate.waiting)
        if not gate.is_writing:
            return reads
        writes = any(not it.by_reader for it in gate.waiting)
        is_idle = gate.is_idle and not self._worker._to_write.is_set()
        is_reading = bool(gate.looks) or self._worker._to_read.is_set()
        return (writes or is_idle) and (reads or not is_reading)

    def _take(self, report: TargetReport) -> None:
        self.report = report


async def deliver(server: Nameserver, wire: bytes) -> int:
    """Bring a message to a server over a connection of its own; return the response code."""
    answers, stream = await asyncio.open_connection(server.address, server.port)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            stream.write(len(wire).to_bytes(2, "big") + wire)
            length = int.from_bytes(await answers.readexactly(2), "big")
            return (await answers.readexactly(length))[3] & 15
    finally:
        stream.close()
        with suppress(OSError):
            await stream.wait_closed()


async def observer(server: Nameserver) -> Session:
    """Return a connection to look at a server with, which no gate holds."""
    return await Session.open(UpdateServer(server.address, server.port), parse_key(KEY))
