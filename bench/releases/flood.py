"""Very many questions about one name, over several sockets, with many under way on each.

What the answers hold is counted; when they came is not looked at.
"""

import selectors
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from bench.questions import EDNS, RECORD

SOCKETS = 16
"""The kernel deals them out to the DNS workers of the server: each has its share, and draws by itself."""

WINDOW = 8
"""Questions under way on each socket: no more than fit into the buffers of both sides."""

_SILENT_SECONDS = 5.0
_ANSWER_SIZE = 4096
_POINTER_SIZE = 2
_RECORD_SIZE = _POINTER_SIZE + RECORD.size + 4
"""Of an A record whose owner is a pointer to the question."""


class Tally:
    """Counts which addresses come first in the answers to one query, and which are in them at all.

    All answers are to hold `places` A records, none twice; one that doesn't is counted in `odd` or `repeated`
    and nowhere else.
    """

    def __init__(self, query: bytes, places: int) -> None:
        first = len(query) - len(EDNS) + _POINTER_SIZE + RECORD.size
        self.firsts: Counter[bytes] = Counter()
        self.members: Counter[bytes] = Counter()
        self.answers = self.odd = self.repeated = 0
        self._spans = [slice(at, at + 4) for at in range(first, first + places * _RECORD_SIZE, _RECORD_SIZE)]
        self._size = len(query) + places * _RECORD_SIZE
        self._places = places
        self._counts = b"\x00\x01" + places.to_bytes(2, "big") + b"\x00\x00\x00\x01"

    def take(self, message: bytes) -> None:
        """Count one answer."""
        self.answers += 1
        if len(message) != self._size or message[3] & 0xF or message[4:12] != self._counts:
            self.odd += 1
            return
        addresses = [message[span] for span in self._spans]
        if len(set(addresses)) != self._places:
            self.repeated += 1
            return
        self.firsts[addresses[0]] += 1
        self.members.update(addresses)


def ask(port: int, query: bytes, number: int, tally: Tally) -> int:
    """Ask a server on this machine `number` times; return how many of the answers never came."""
    with ExitStack() as stack:
        sockets = []
        for _ in range(SOCKETS):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.setblocking(False)
            sock.connect(("127.0.0.1", port))
            sockets.append(sock)
        return _Run(sockets, query, number, tally).run()


class _Run:
    """Questions under way."""

    def __init__(self, sockets: Sequence[socket.socket], query: bytes, number: int, tally: Tally) -> None:
        self._sockets = sockets
        self._query = query
        self._unsent = number
        self._under_way = 0
        self._tally = tally

    def run(self) -> int:
        lost = 0
        with selectors.DefaultSelector() as selector:
            for sock in self._sockets:
                selector.register(sock, selectors.EVENT_READ)
            while self._unsent or self._under_way:
                readable = selector.select(_SILENT_SECONDS) if self._under_way else []
                for key, _ in readable:
                    assert isinstance(key.fileobj, socket.socket)
                    self._send(key.fileobj, self._receive(key.fileobj))
                if not readable:
                    lost += self._under_way
                    self._under_way = 0
                    for sock in self._sockets:
                        self._send(sock, WINDOW)
        return lost

    def _send(self, sock: socket.socket, number: int) -> None:
        number = min(number, self._unsent)
        self._unsent -= number
        self._under_way += number
        for _ in range(number):
            sock.send(self._query)

    def _receive(self, sock: socket.socket) -> int:
        """Take all answers that are there; return their number."""
        number = 0
        with suppress(BlockingIOError):
            while True:
                self._tally.take(sock.recv(_ANSWER_SIZE))
                number += 1
        self._under_way -= number
        return number
