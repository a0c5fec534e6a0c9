"""What the control process and its children say to each other, over a stream socket.

A frame is a four-byte length and a msgpack array that begins with the name of its kind. The control process
sends Reset, then the whole state as Deltas, then CommitFrame; after that each change as one Delta. A worker
says Hello, then Ack for each CommitFrame and each Delta after it, and Stats when they have changed. The
transfer process is told TransferSettings besides, and says SecondaryState and TransferStats.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

import msgspec

from rollcall.model import KeyRing, Transfer
from rollcall.zone.changes import ZoneDelta

from .errors import FrameError

MAX_FRAME = 64 << 20
"""Bytes. The longest frame is the largest live delta; a length beyond this is not one of ours."""

RRSETS_A_FRAME = 256
"""A whole zone goes out in pieces of this many RRsets, so that a worker answers queries in between."""

_LENGTH = 4


class Reset(msgspec.Struct, frozen=True, array_like=True, tag="reset"):
    """The whole state follows. Until its CommitFrame the worker answers from what it had."""


class Delta(msgspec.Struct, frozen=True, array_like=True, tag="delta"):
    """Changes of zones that become visible together."""

    version: int
    zones: tuple[ZoneDelta, ...]


class CommitFrame(msgspec.Struct, frozen=True, array_like=True, tag="commit"):
    """The whole state has been sent; it holds every change up to this version."""

    version: int


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    """The first word of a worker: its number, from 0."""

    worker: int


class Ack(msgspec.Struct, frozen=True, array_like=True, tag="ack"):
    """A version is being answered since `at`: seconds of the machine's monotonic clock."""

    version: int
    at: float


class Stats(msgspec.Struct, array_like=True, tag="stats"):
    """Counters since the worker started; `tcp_clients` is a gauge.

    `rcodes` counts the responses with an rcode other than NOERROR; `dropped` the messages that got none, as
    they were no messages or responses themselves; `failures` the queries that broke the server.
    `limited` responses were not sent, and `slipped` ones cut, by the rate limit. `tcp_evicted` connections
    were closed to make room for others, `tcp_expired` ones as they were idle, slow, or there for too long.
    """

    udp_responses: int = 0
    tcp_responses: int = 0
    rcodes: dict[int, int] = {}
    truncated: int = 0
    dropped: int = 0
    failures: int = 0
    limited: int = 0
    slipped: int = 0
    unsent: int = 0
    tcp_clients: int = 0
    tcp_evicted: int = 0
    tcp_expired: int = 0

    def count(self, rcode: int) -> None:
        """One more response with this rcode."""
        self.rcodes[rcode] = self.rcodes.get(rcode, 0) + 1


class TransferSettings(msgspec.Struct, frozen=True, array_like=True, tag="settings"):
    """Who may transfer which zone, and whether this replica is the one that does it.

    `keys` holds the rings by the name of their Secret; a name without a ring is one that can't be used.
    """

    leading: bool
    zones: tuple["TransferZone", ...]
    keys: dict[str, KeyRing]


class TransferZone(msgspec.Struct, frozen=True, array_like=True):
    """A DNS zone that is transferred: the domain of a DiscoveryZone, or one of its reverse domains."""

    apex: bytes
    transfer: Transfer


class SecondaryState(msgspec.Struct, frozen=True, array_like=True, tag="secondary"):
    """How far a secondary has got with a zone.

    `serial` is the last one seen there, 0 where none was; `at` (Unix seconds) when it was first seen there;
    `reason` is "Current", "Behind", or what is wrong in one word, `message` the same in a sentence.
    """

    apex: bytes
    name: str
    serial: int
    at: float
    reason: str
    message: str


class TransferStats(msgspec.Struct, array_like=True, tag="transfers"):
    """Counters since the transfer process started.

    `transfers` by kind: axfr, ixfr, current (a single SOA); `refused` by reason; `notifies` by outcome.
    """

    transfers: dict[str, int] = {}
    refused: dict[str, int] = {}
    notifies: dict[str, int] = {}


ToWorker = Reset | Delta | CommitFrame | TransferSettings
ToControl = Hello | Ack | Stats | SecondaryState | TransferStats

_T = TypeVar("_T")


def encode(frame: ToWorker | ToControl) -> bytes:
    """Write a frame as it goes over the socket."""
    body = msgspec.msgpack.encode(frame)
    return len(body).to_bytes(_LENGTH, "big") + body


class Decoder(Generic[_T]):
    """Cuts a stream of bytes into frames of the given kinds."""

    def __init__(self, kinds: Any) -> None:
        self._decode = msgspec.msgpack.Decoder[_T](kinds).decode
        self._buffer = bytearray()

    def feed(self, chunk: bytes | memoryview) -> Iterator[_T]:
        """Yield the frames that end in this chunk. Raises FrameError, after which the stream is of no use."""
        self._buffer += chunk
        while len(self._buffer) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._buffer[:_LENGTH], "big")
            if end > MAX_FRAME:
                raise FrameError(f"a frame of {end} bytes is longer than {MAX_FRAME}")
            if len(self._buffer) < end:
                return
            body = bytes(memoryview(self._buffer)[_LENGTH:end])
            del self._buffer[:end]
            try:
                yield self._decode(body)
            except msgspec.MsgspecError as error:
                raise FrameError(f"a frame is not one of ours: {error}") from error


def pieces(zones: Iterable[ZoneDelta]) -> Iterator[ZoneDelta]:
    """Split the changes into frames' worth of RRsets, not to be seen before the last one is applied."""
    for zone in zones:
        yield msgspec.structs.replace(zone, rrsets=zone.rrsets[:RRSETS_A_FRAME])
        for start in range(RRSETS_A_FRAME, len(zone.rrsets), RRSETS_A_FRAME):
            yield ZoneDelta(
                zone.apex, zone.serial, zone.soa, zone.soa_ttl, zone.rrsets[start : start + RRSETS_A_FRAME]
            )
