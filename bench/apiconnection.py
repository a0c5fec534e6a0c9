"""A connection to the API server that tells when a response arrived, by the kernel's stamp.

HTTP clients don't give their sockets away, so this is HTTP/1.1 over TLS by hand: one request at a time, and
of the response only its end and its status are looked for.
"""

import re
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass

from bench import stamps

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_READ_SIZE = 1 << 16
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """A response: its status, its body, and when its first bytes arrived."""

    status: int
    body: bytes
    received_ns: int


class ApiConnection:
    """One connection; `fileno` lets a selector wait for it."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stamps.switch_on(self._sock)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        self._received = b""
        self._first_ns = 0
        self._used = time.monotonic()
        self._shake_hands()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._sock.fileno()

    @property
    def idle_seconds(self) -> float:
        """How long ago the last request was sent."""
        return time.monotonic() - self._used

    def close(self) -> None:
        """Close it."""
        self._sock.close()

    def send(self, request: bytes) -> None:
        """Send a whole request."""
        self._received, self._first_ns = b"", 0
        self._used = time.monotonic()
        self._tls.write(request)
        self._sock.sendall(self._outgoing.read())

    def receive(self) -> Response | None:
        """Read what is there, and return the response when it is complete.

        Raises ConnectionError when the server has closed the connection.
        """
        data, received_ns = stamps.receive(self._sock, _READ_SIZE)
        if not data:
            raise ConnectionError("the API server has closed the connection")
        self._incoming.write(data)
        with suppress(ssl.SSLWantReadError):
            while more := self._tls.read(_READ_SIZE):
                self._received += more
            raise ConnectionError("the API server has closed the connection")
        if self._received and not self._first_ns:
            self._first_ns = received_ns
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        length = _LENGTH.search(head)
        complete = len(body) >= int(length[1]) if length else body.endswith(b"\r\n0\r\n\r\n")
        return Response(int(head.split(None, 2)[1]), body, self._first_ns) if complete else None

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._sock.sendall(self._outgoing.read())
                self._incoming.write(self._sock.recv(_READ_SIZE))
        self._sock.sendall(self._outgoing.read())
