"""A process that asks one DNS server until its answers show what was written, and notes when they did.

It is a process of its own so that neither the writer nor the other poller delays it. It sleeps between its
queries: a poller that spins would take one of the cores whose speed is measured.
"""

import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from bench import stamps
from bench.board import Acknowledgements, Sightings
from bench.questions import reply, with_id

MAX_OUTSTANDING = 16
LOST_NS = 1_000_000_000
"""An answer that has not come by then is not waited for any longer: the query is sent again."""

_TICK_NS = 250_000
"""How often the poller looks for acknowledgements while it has nothing to ask."""
_SERVICES = 1 << 10
_ROUNDS = 1 << 6


@dataclass(frozen=True, slots=True)
class Expected:
    """A service, and what its answers are to show of each pod: its slot, its address, whether it is there."""

    query: bytes
    pods: tuple[tuple[int, bytes, bool], ...]


@dataclass(frozen=True, slots=True)
class Task:
    """What to wait for. A service is asked once it has an acknowledged write, when `eager` at once.

    `spacing_ns` lies between two queries to the server, `timeout_seconds` ends it all.
    """

    services: tuple[Expected, ...]
    eager: bool
    spacing_ns: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Done:
    """How a task ended: pods never seen in their state, what it took, answers that nobody expected."""

    missing: int
    queries: int
    cpu_seconds: float
    refused: int
    strangers: int


class Armed:
    """Sent once in an eager task: the first answer is here, so that from now on no change is missed."""


def main(connection: Connection, port: int, written: Acknowledgements, sightings: Sightings) -> None:
    """Do one task after the other, until the other end of the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too, but our parent decides
    rounds = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        stamps.switch_on(sock)
        sock.connect(("127.0.0.1", port))
        while True:
            try:
                task: Task = connection.recv()
                rounds += 1
                poll = Poll(sock, rounds, task, written, sightings)
                connection.send(poll.run(lambda: connection.send(Armed())))
            except (EOFError, BrokenPipeError):
                return


class Poll:
    """One task under way."""

    def __init__(
        self, sock: socket.socket, number: int, task: Task, written: Acknowledgements, sightings: Sightings
    ) -> None:
        self._sock = sock
        self._task = task
        self._written = written
        self._sightings = sightings
        self._stamp = (
            number % _ROUNDS * _SERVICES
        )  # so that an answer to an earlier task is not taken for ours
        self._service_of = {
            slot: index for index, service in enumerate(task.services) for slot, _, _ in service.pods
        }
        self._known = [{address for _, address, _ in service.pods} for service in task.services]
        self._wrong: list[set[tuple[int, bytes, bool]]] = [set() for _ in task.services]
        self._left = len(self._service_of)
        self._acknowledged = 0
        self._queue: deque[int] = deque()
        self._sent: dict[int, int] = {}  # service → when
        self._last_wrong = [0] * len(task.services)
        self._answers = self._queries = self._refused = self._strangers = 0

    def run(self, armed: Callable[[], None]) -> Done:
        """Ask until every pod was seen in its new state, or the time is over."""
        cpu_began = time.process_time()
        deadline = time.monotonic_ns() + int(self._task.timeout_seconds * 1e9)
        if self._task.eager:
            self._open(self._service_of)
        is_armed = not self._task.eager
        next_query = next_check = now = time.monotonic_ns()
        while self._left and now < deadline:
            if now >= next_check:
                self._look_for_acknowledgements()
                self._give_up_lost(now)
                next_check = now + _TICK_NS
            if now >= next_query and self._queue and len(self._sent) < MAX_OUTSTANDING:
                self._ask(self._queue.popleft(), now)
                next_query = now + self._task.spacing_ns
            until = min(next_check, next_query) if self._queue else next_check
            self._wait(until)
            if self._receive() and not is_armed:
                is_armed = True
                armed()
            now = time.monotonic_ns()
        return Done(
            self._left, self._queries, time.process_time() - cpu_began, self._refused, self._strangers
        )

    def _look_for_acknowledgements(self) -> None:
        if not self._task.eager:
            new = self._written.since(self._acknowledged)
            self._acknowledged += len(new)
            self._open(new)

    def _open(self, slots: Iterable[int]) -> None:
        """From now on ask for these pods."""
        for slot in slots:
            index = self._service_of[slot]
            if not self._wrong[index] and index not in self._sent:
                self._queue.append(index)
            self._wrong[index].update(pod for pod in self._task.services[index].pods if pod[0] == slot)

    def _ask(self, index: int, now: int) -> None:
        self._sent[index] = now
        self._queries += 1
        with suppress(ConnectionRefusedError):  # the server is being restarted: asked again when it is lost
            self._sock.send(with_id(self._task.services[index].query, self._stamp + index))

    def _wait(self, until_ns: int) -> None:
        pause = (until_ns - time.monotonic_ns()) / 1e9
        if self._sent:
            select.select([self._sock], [], [], max(0.0, pause))
        elif pause > 0:
            time.sleep(pause)

    def _receive(self) -> bool:
        """Take all answers that are there; whether there was one that says something."""
        any_good = False
        while True:
            try:
                message, received_ns = stamps.receive(self._sock, 4096)
            except (BlockingIOError, ConnectionRefusedError):
                return any_good
            answer = reply(message)
            index = answer.id - self._stamp
            if not 0 <= index < len(self._wrong) or self._sent.pop(index, None) is None:
                continue
            if answer.addresses is None:
                self._refused += 1
            else:
                any_good = True
                self._compare(index, answer.addresses, received_ns)
            if self._wrong[index]:
                self._queue.append(index)

    def _compare(self, index: int, addresses: frozenset[bytes], received_ns: int) -> None:
        if not addresses <= self._known[index]:
            self._strangers += 1
        wrong = self._wrong[index]
        right = {pod for pod in wrong if (pod[1] in addresses) == pod[2]}
        for slot, _, _ in right:
            self._sightings.before[slot] = self._last_wrong[index]
            self._sightings.seen[slot] = received_ns
        wrong -= right
        self._left -= len(right)
        if wrong:
            self._last_wrong[index] = received_ns

    def _give_up_lost(self, now: int) -> None:
        for index in [index for index, sent in self._sent.items() if now - sent > LOST_NS]:
            del self._sent[index]
            self._queue.append(index)
