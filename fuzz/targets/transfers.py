"""Requests to the transfer server: strangers, secondaries, and those who know a key."""

import asyncio
from ipaddress import ip_address

from fuzz.target import Target
from rollcall.dnswire.header import HEADER_SIZE
from rollcall.dnswire.message import read
from rollcall.dnswire.tsig import sign
from rollcall.feed.frames import TransferSettings, TransferZone
from rollcall.model import KeyRing, Secondary, Transfer, parse_key
from rollcall.publish.transfer.answering.stream import TransferStream
from transfers.source import ZoneSource
from unit.publish.transfer.answering.requests import ALLOWED, STRANGER, Server, ixfr, query

_MOST = b"\xff\xff"  # additional records: there is no room for one that signs
_KEY = parse_key("hmac-sha256:rollcall:cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU=")
_ZONE = ZoneSource()
_SERVER = Server(
    TransferSettings(
        True,
        (
            TransferZone(
                _ZONE.apex, Transfer((Secondary("one", "192.0.2.1", 53, "ours"),), ("192.0.2.0/25",))
            ),
        ),
        {"ours": KeyRing(_KEY)},
    ),
    _ZONE,
)
_TCP, _KNOWN, _SIGNED = 1, 2, 4


def feed(octets: bytes) -> None:
    """Ask what follows the first octet, which says over what, from where and whether it is to be signed."""
    if not octets:
        return
    how, request = octets[0], octets[1:]
    if how & _SIGNED and len(request) >= HEADER_SIZE and request[10:HEADER_SIZE] != _MOST:
        request = sign(request, _KEY).wire
    address = ip_address(ALLOWED if how & _KNOWN else STRANGER)
    answer = _SERVER.responder.respond(request, address, is_tcp=bool(how & _TCP))
    if isinstance(answer, TransferStream):
        asyncio.run(_check_stream(answer, request))
    elif answer is not None:
        _check(answer, request)
    else:
        assert len(request) < HEADER_SIZE or request[2] & 0x80


async def _check_stream(stream: TransferStream, request: bytes) -> None:
    count = 0
    async for wire in stream.messages():
        _check(wire, request)
        count += 1
    assert count


def _check(answer: bytes, request: bytes) -> None:
    message = read(answer)
    assert message.is_response
    assert message.id == int.from_bytes(request[:2], "big")
    assert not message.answers or message.rcode == 0


TARGET = Target(
    [
        bytes((how,)) + wire
        for wire in (
            *(query(rdtype).to_wire() for rdtype in ("SOA", "AXFR", "A")),
            *(ixfr(serial).to_wire() for serial in (_ZONE.serial, _ZONE.serial - 1)),
            query("SOA", use_edns=0).to_wire(),
            sign(query("AXFR").to_wire(), _KEY).wire,
        )
        for how in range(8)
    ],
    feed,
)
