"""A process that asks for a name a thousand times a second and notes which side each answer shows.

It is a process of its own, so that nothing else that we do delays its questions. They go over many sockets in
turn: the kernel deals these out to the DNS workers, so that all of them are looked at.
"""

import selectors
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection

from bench import stamps
from bench.questions import with_id
from bench.releases.sides import Side, side_of
from bench.releases.timeline import Record

SOCKETS = 16
SPACING_NS = 1_000_000

LOST_NS = 2_000_000_000
"""An answer that takes longer is lost."""

_LATE_NS = 5_000_000
"""Where it could not ask in time for so long it goes on from now: questions in a heap would say nothing."""

_READ_SIZE = 1 << 16
_IDS = 1 << 16
_TC = 0x02


@dataclass(frozen=True, slots=True)
class Watch:
    """What to ask, one question after the other, until told to stop; see `side_of` for the sides."""

    port: int
    queries: tuple[bytes, ...]
    tcp: bool
    sides: Mapping[bytes, Side]


class Armed:
    """Sent once: every socket has had an answer, so that from now on no switch is missed."""


class Stop:
    """Received: ask no more, wait for what is under way, and send the record."""


def main(connection: Connection) -> None:
    """Do one watch after the other, until the other end of the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too, but our parent decides
    while True:
        try:
            watch: Watch = connection.recv()
            with ExitStack() as stack:
                sockets = [stack.enter_context(connected(watch)) for _ in range(SOCKETS)]
                connection.send(Witness(watch, sockets).run(connection))
        except (EOFError, BrokenPipeError):
            return


def connected(watch: Watch) -> socket.socket:
    """Connect one socket to the server; the caller closes it."""
    kind = socket.SOCK_STREAM if watch.tcp else socket.SOCK_DGRAM
    sock = socket.socket(socket.AF_INET, kind)
    try:
        sock.connect(("127.0.0.1", watch.port))
        if watch.tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        stamps.switch_on(sock)
    except BaseException:
        sock.close()
        raise
    return sock


class Witness:
    """One watch under way."""

    def __init__(self, watch: Watch, sockets: Sequence[socket.socket]) -> None:
        self._watch = watch
        self._sockets = sockets
        self._buffers = [bytearray() for _ in sockets]
        self._silent = set(range(len(sockets)))
        self._sent: dict[int, int] = {}  # id → when
        self._number = 0
        self._record = Record()

    def run(self, connection: Connection) -> Record:
        """Ask until told to stop."""
        with selectors.SelectSelector() as selector:  # others round a timeout up to milliseconds
            for index, sock in enumerate(self._sockets):
                selector.register(sock, selectors.EVENT_READ, index)
            selector.register(connection, selectors.EVENT_READ)
            asking, armed, end = True, False, 0
            due = time.monotonic_ns()
            while asking or (self._sent and time.monotonic_ns() < end):
                now = time.monotonic_ns()
                if asking and now >= due:
                    self._ask()
                    due = max(due + SPACING_NS, now - _LATE_NS)
                for key, _ in selector.select(max(0.0, (due if asking else end) - time.monotonic_ns()) / 1e9):
                    if key.data is None:
                        connection.recv()
                        selector.unregister(connection)
                        asking, end = False, time.monotonic_ns() + LOST_NS
                    else:
                        self._receive(key.data)
                if not armed and not self._silent:
                    armed = True
                    connection.send(Armed())
        self._record.lost += len(self._sent)
        return self._record

    def _ask(self) -> None:
        number = self._number % _IDS
        index = self._number % len(self._sockets)
        queries = self._watch.queries
        query = with_id(queries[self._number // len(self._sockets) % len(queries)], number)
        self._number += 1
        if self._sent.pop(number, None) is not None:  # sent a minute ago, and never answered
            self._record.lost += 1
        self._sent[number] = time.time_ns()
        self._sockets[index].send(len(query).to_bytes(2, "big") + query if self._watch.tcp else query)

    def _receive(self, index: int) -> None:
        data, received_ns = stamps.receive(self._sockets[index], _READ_SIZE)
        if not self._watch.tcp:
            self._take(index, data, received_ns)
            return
        if not data:
            raise ConnectionError("the server has closed the connection")
        buffer = self._buffers[index]
        buffer += data
        while len(buffer) >= 2 and len(buffer) >= (end := 2 + int.from_bytes(buffer[:2], "big")):
            self._take(index, bytes(buffer[2:end]), received_ns)
            del buffer[:end]

    def _take(self, index: int, message: bytes, received_ns: int) -> None:
        sent_ns = self._sent.pop(int.from_bytes(message[:2], "big"), None)
        if sent_ns is None:
            return
        self._silent.discard(index)
        self._record.cut += bool(message[2] & _TC)
        self._record.add(sent_ns, received_ns, index, side_of(message, self._watch.sides))
