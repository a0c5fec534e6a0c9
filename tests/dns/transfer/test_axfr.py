"""Whole zones over TCP, to clients of every kind."""

import asyncio
import re
import socket
from random import Random

import dns.message
import dns.rcode
import pytest

from nameservers.asking import tsig_key
from rollcall.dnswire.errors import TsigError
from rollcall.dnswire.header import MAX_MESSAGE
from rollcall.dnswire.message import read
from rollcall.dnswire.tsig import Chain, verify
from rollcall.publish.transfer.answering.slots import SlotLimits
from serving.programs import run
from transfers.client import Copy, exchange, expected
from transfers.running import KEY_TEXT, TransferProcess, key, primary, settings
from transfers.source import ZoneSource, large
from waiting import SECONDS

LOOPBACK = ["127.0.0.0/8"]


def axfr(key_text: str | None = KEY_TEXT) -> dns.message.Message:
    message = dns.message.make_query("k8s.example.com", "AXFR")
    if key_text is not None:
        message.use_tsig(tsig_key(key_text))
    return message


@pytest.mark.parametrize("key_text", [KEY_TEXT, None])
async def test_a_zone_of_many_messages(process: TransferProcess, key_text: str | None):
    source = large(8000)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source, allow_unsigned=LOOPBACK))
        copy = Copy(key=key_text)
        await copy.update(process.where)
        assert copy.records == expected(source)
        assert copy.serial == source.serial
        wires = await exchange(process.where, axfr(key_text))
        assert len(wires) > 3
        assert all(len(wire) <= MAX_MESSAGE for wire in wires)
        await control.control.until(lambda: control.control.transfers.transfers == {"axfr": 2})


async def test_each_message_is_signed(process: TransferProcess):
    """And none can be left out or changed (RFC 8945 section 5.3.1)."""
    source = large(8000)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        query = axfr()
        wires = await exchange(process.where, query)
    chain = Chain(query.mac or b"")
    chains = []
    for wire in wires:
        chains.append(chain)
        chain = verify(wire, read(wire), [key()], chain, multi=True).chain
    with pytest.raises(TsigError):
        verify(wires[2], read(wires[2]), [key()], chains[1], multi=True)


async def test_a_zone_that_moves_on_meanwhile(process: TransferProcess):
    """A slow client gets the version that it began with, whole; others are answered meanwhile."""
    source, random = large(8000), Random(5)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source, allow_unsigned=LOOPBACK))
        # Its connections inherit it. The kernel would take the whole zone.
        process.sockets.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        before, serial = expected(source), source.serial
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, process.where)
            wire = axfr(None).to_wire()
            await loop.sock_sendall(sock, len(wire).to_bytes(2, "big") + wire)
            first = await loop.sock_recv(sock, 2)
            for _ in range(20):
                await control.publish(source.flip(random))
            (wire,) = await exchange(process.where, dns.message.make_query("k8s.example.com", "SOA"))
            (soa,) = dns.message.from_wire(wire).answer
            assert soa[0].serial == serial + 20
            reader, writer = await asyncio.open_connection(sock=sock)
            rest = await reader_until_last_soa(reader, first)
            writer.close()
            await writer.wait_closed()
    records = [record for wire in rest for record in read(wire).answers]
    assert records[0] == records[-1]
    assert records[0].data[-20:-16] == serial.to_bytes(4, "big")
    assert len(records) == len(before) + 2


async def reader_until_last_soa(reader: asyncio.StreamReader, begun: bytes) -> list[bytes]:
    messages: list[bytes] = []
    soas = 0
    async with asyncio.timeout(SECONDS):
        begun += await reader.readexactly(2 - len(begun))
        while True:
            messages.append(await reader.readexactly(int.from_bytes(begun, "big")))
            soas += sum(record.rdtype == 6 for record in read(messages[-1]).answers)
            if soas == 2:
                return messages
            begun = await reader.readexactly(2)


async def test_many_at_once(process: TransferProcess):
    """More clients than there may be transfers at a time all get their turn."""
    source = large(400)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source, allow_unsigned=LOOPBACK))
        clients = SlotLimits().slots + 8
        transfers = await asyncio.gather(*(exchange(process.where, axfr(None)) for _ in range(clients)))
        for wires in transfers:
            records = [record for wire in wires for record in read(wire).answers]
            assert records[0] == records[-1]
            assert len(records) == len(expected(source)) + 2


@pytest.mark.parametrize("program", ["dig", "kdig"])
async def test_other_clients(process: TransferProcess, program: str):
    """They check the signatures, too."""
    source = large(4000)
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        arguments = program, process.port, "k8s.example.com", "AXFR", "-y", KEY_TEXT
        printed = await asyncio.to_thread(run, *arguments)
    assert "ransfer failed" not in printed
    assert "WARNING" not in printed
    assert len(re.findall(r"\sIN\s+SRV\s", printed)) == 2000
    assert len(re.findall(r"\sIN\s+SOA\s", printed)) == 2


async def test_names_of_every_kind(process: TransferProcess):
    """Labels of 63 octets, names of 255, dots and other octets in labels."""
    source = ZoneSource()
    fill = 255 - len(source.apex) - 3 * 64 - 1
    odd = [b"\x03a.b", b"\x01\x00", b'\x04\\"; ', b"\x3f" + b"x" * 63]
    odd += [(b"\x3f" + b"y" * 63) * 3 + bytes((fill,)) + b"z" * fill]
    source.put({(label + source.apex, 1): [b"\1\2\3\4", b"\1\2\3\5"] for label in odd})
    assert max(len(owner) for owner, _ in source.sets) == 255
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source))
        copy = Copy()
        await copy.update(process.where)
        assert copy.records == expected(source)


async def test_requests_one_after_the_other(process: TransferProcess):
    """All on one connection, and answered in their order (RFC 7766 section 6.2.1.1)."""
    source = ZoneSource()
    async with primary(process.feed_path, source) as control:
        await control.start(settings(source, allow_unsigned=LOOPBACK))
        soa = dns.message.make_query("k8s.example.com", "SOA")
        queries = [axfr(None), soa, dns.message.make_query("elsewhere.example", "SOA"), axfr(None)]
        answers = [dns.message.from_wire(wire) for wire in await exchange(process.where, *queries)]
        assert [answer.id for answer in answers] == [query.id for query in queries]
        assert answers[2].rcode() == dns.rcode.REFUSED
