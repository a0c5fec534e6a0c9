"""The floor: a bare signed UPDATE, as dnspython makes it, on a TCP connection that stays.

No marker, no prerequisite, one RRset: what any program that writes to this server has to wait for.
"""

import socket
import struct
import time
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Self

import dns.rcode
import dns.tsig
import dns.update

from bench import stamps
from controlplane import ControlPlaneError

_TIMEOUT_SECONDS = 20.0
_TTL_SECONDS = 5
_READ_SIZE = 1 << 16


class Exchange(NamedTuple):
    """When an update was sent, and when the answer to it arrived (kernel's stamp); both CLOCK_REALTIME."""

    sent_ns: int
    answered_ns: int


class BareUpdates:
    """A connection to a server on loopback; a context manager."""

    def __init__(self, port: int, zone: str, key: dns.tsig.Key) -> None:
        self._zone = zone
        self._key = key
        self._sock = socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stamps.switch_on(self._sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    def message(self, name: str, addresses: Iterable[str]) -> bytes:
        """Make the update that gives a name these addresses and no others."""
        update = dns.update.UpdateMessage(self._zone)
        update.use_tsig(self._key)
        update.delete(f"{name}.", "A")
        for address in addresses:
            update.add(f"{name}.", _TTL_SECONDS, "A", address)
        wire = update.to_wire()
        return struct.pack(">H", len(wire)) + wire

    def send(self, message: bytes) -> Exchange:
        """Send one, and wait for the answer. Raises ControlPlaneError when it is refused."""
        sent_ns = time.time_ns()
        self._sock.sendall(message)
        received, answered_ns = b"", 0
        while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
            data, answered_ns = stamps.receive(self._sock, _READ_SIZE)
            if not data:
                raise ControlPlaneError(f"the server of {self._zone} closed the connection")
            received += data
        if code := received[5] & 0xF:
            rcode = dns.rcode.to_text(dns.rcode.Rcode(code))
            raise ControlPlaneError(f"the bare update of {self._zone} was refused: {rcode}")
        return Exchange(sent_ns, answered_ns)
