"""A server that goes on and on: its zone is not read as a whole, and costs no more than the bounds."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from rollcall.dnswire.header import AA, QR
from rollcall.dnswire.message import message, question, read, record
from rollcall.dnswire.tsig import Chain, mac_of, sign
from rollcall.dnswire.types import IN, Type
from rollcall.model import parse_key
from rollcall.publish.update import transfer
from rollcall.publish.update.session import UpdateServer
from rollcall.publish.update.transfer import TransferRefused, read_zone
from rollcall.zone.names import below, from_text
from rollcall.zone.soa import soa_data

KEY = parse_key("hmac-sha256:rollcall:cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU=")
ZONE = from_text("example.com")
SECONDS_EACH = 7.0


class Endless:
    """A connection to a server whose transfer never ends: it gives a message each few seconds, or at once."""

    server = UpdateServer("192.0.2.1", 53)
    key = KEY

    def __init__(self, seconds_each: float) -> None:
        self.sent = 0
        self._seconds_each = seconds_each
        self._wires: Iterator[bytes] = iter(())

    def next_id(self) -> int:
        return 7

    def write_message(self, wire: bytes) -> None:
        self._wires = self._messages(Chain(mac_of(wire, read(wire))))

    async def read_message(self) -> bytes:
        await asyncio.sleep(self._seconds_each)
        wire = next(self._wires)
        self.sent += len(wire)
        return wire

    def _messages(self, chain: Chain) -> Iterator[bytes]:
        answers = [record(ZONE, Type.SOA, IN, 5, soa_data(ZONE, ZONE, 1, 5))]
        number = 0
        while True:
            wire = message(7, QR | AA, [question(ZONE, Type.AXFR)], answers)
            signed, _, chain = sign(wire, KEY, chain, multi=True)
            yield signed
            number += 1
            answers = [record(below(ZONE, f"n{number}"), Type.TXT, IN, 5, bytes((250,)) * 251)] * 50


async def read_from(session: Any) -> None:
    await read_zone(session, ZONE, ZONE, "rollcall")


@pytest.mark.parametrize(
    ("bound", "most", "said"),
    [("MAX_OCTETS", 1 << 20, "more than 1048576 octets"), ("MAX_RECORDS", 500, "more than 500 records")],
)
async def test_a_transfer_without_end_is_given_up(
    bound: str, most: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, bound, most)
    endless = Endless(0)
    with pytest.raises(TransferRefused, match=said):
        await read_from(endless)
    assert endless.sent < (1 << 20) + (1 << 16)


@pytest.mark.looptime
async def test_one_that_trickles_is_given_up() -> None:
    endless = Endless(SECONDS_EACH)
    with pytest.raises(TransferRefused, match="more than 300 s"):
        await read_from(endless)
    assert asyncio.get_running_loop().time() == pytest.approx(300, abs=1)
