"""The answer of another server to our AXFR, which we read back: short, endless, out of order, half signed."""

import asyncio

from fuzz.target import Target
from rollcall.dnswire.header import AA, HEADER_SIZE, QR
from rollcall.dnswire.message import message, question, read, record
from rollcall.dnswire.names import is_at_or_below
from rollcall.dnswire.tsig import Chain, mac_of, sign
from rollcall.dnswire.types import IN, Type
from rollcall.model import parse_key
from rollcall.publish.update.reasons import TargetError
from rollcall.publish.update.session import Session, UpdateServer
from rollcall.publish.update.transfer import TransferRefused, read_zone
from rollcall.zone.names import below, from_text
from rollcall.zone.soa import soa_data

_KEY = parse_key("hmac-sha256:rollcall:cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU=")
_ZONE = from_text("example.com")
_DOMAIN = from_text("k8s.example.com")
_UNSIGNED = 0x8000
_AS_IT_IS = 0x4000
_MOST = b"\xff\xff"
"""Additional records: there is no room for one that signs."""

_LOOP = asyncio.new_event_loop()


class _Server:
    """The other end of a connection, and the writer of this one: it answers as soon as it is asked.

    The octets are messages, two before each that say its length, and whether it is sent unsigned, or even
    with an id of its own.
    """

    def __init__(self, octets: bytes, reader: asyncio.StreamReader) -> None:
        self._octets = octets
        self._reader = reader

    def write(self, framed: bytes) -> None:
        """Take a request."""
        request = framed[2:]
        chain = Chain(mac_of(request, read(request)))
        rest = self._octets
        while len(rest) > 2:
            head = int.from_bytes(rest[:2], "big")
            size = head & ~(_UNSIGNED | _AS_IT_IS)
            wire, rest = rest[2 : 2 + size], rest[2 + size :]
            if len(wire) >= HEADER_SIZE and not head & _AS_IT_IS:
                wire = request[:2] + wire[2:]
                if not head & _UNSIGNED and wire[10:HEADER_SIZE] != _MOST:
                    wire, _, chain = sign(wire, _KEY, chain, multi=True)
                elif chain.context is not None:
                    chain.context.update(wire)
            self._reader.feed_data(len(wire).to_bytes(2, "big") + wire)
        self._reader.feed_eof()


async def _read(octets: bytes) -> None:
    reader = asyncio.StreamReader()
    writer = _Server(octets, reader)
    session = Session(UpdateServer("192.0.2.1", 53), _KEY, reader, writer)  # type: ignore[arg-type]  # it writes
    try:
        contents = await read_zone(session, _ZONE, _DOMAIN, "rollcall")
    except (TransferRefused, TargetError):
        return
    for root, unit in contents.state.units():
        assert is_at_or_below(root, _DOMAIN)
        assert all(is_at_or_below(owner, root) for owner in unit.owners())
    assert all(is_at_or_below(owner, _DOMAIN) for owner in contents.state.foreign_below(_DOMAIN))


def feed(octets: bytes) -> None:
    """Let a server send this."""
    _LOOP.run_until_complete(_read(octets))


def _framed(*answers: tuple[bytes, ...], flags: int = 0) -> bytes:
    wires = [message(0, QR | AA, [question(_ZONE, Type.AXFR)], each) for each in answers]
    return b"".join((len(wire) | flags).to_bytes(2, "big") + wire for wire in wires)


_WEB = below(_DOMAIN, "web")
_SOA = record(_ZONE, Type.SOA, IN, 5, soa_data(below(_ZONE, "ns"), below(_ZONE, "admin"), 7, 5))
_NS = record(_ZONE, Type.NS, IN, 5, below(_ZONE, "ns"))
_A = record(_WEB, Type.A, IN, 5, bytes((10, 0, 0, 1)))
_MARKER = b"heritage=rollcall,owner=rollcall,generation=1.1"
_TXT = record(below(_WEB, "_rollcall"), Type.TXT, IN, 5, bytes((len(_MARKER),)) + _MARKER)
_CUT = record(_DOMAIN, Type.DNAME, IN, 5, _ZONE)

TARGET = Target(
    [
        _framed((_SOA, _NS, _A, _TXT, _SOA)),
        _framed((_SOA, _NS), (_A, _TXT), (_SOA,)),
        _framed((_SOA, _NS, _SOA, _A, _SOA)),
        _framed((_SOA,)) + _framed((_A, _CUT), flags=_UNSIGNED) + _framed((_SOA,)),
        _framed((_SOA, _A, _SOA), flags=_UNSIGNED),
        _framed((_SOA, _A, _SOA), flags=_AS_IT_IS),
        _framed(()),
    ],
    feed,
)
