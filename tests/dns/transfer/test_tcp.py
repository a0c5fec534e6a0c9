"""Limits on time, with limits short enough for a test."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import dns.message
import pytest

from patient_clock import PatientClock
from rollcall.dnswire.message import read
from rollcall.feed.frames import TransferSettings, TransferZone
from rollcall.model import Transfer
from rollcall.publish.transfer.answering.refusals import RefusalLog
from rollcall.publish.transfer.answering.slots import SlotLimits
from rollcall.publish.transfer.answering.tcp import TcpServer, TransferLimits
from transfers import client
from transfers.source import ZoneSource, large
from unit.publish.transfer.answering.requests import Server
from unit.publish.transfer.journal.feeding import load
from waiting import SECONDS

SOA = dns.message.make_query("k8s.example.com", "SOA").to_wire()
SMALL = 1 << 16
"""Octets of the kernel's buffer, which would else take the whole of a zone."""
AXFR = dns.message.make_query("k8s.example.com", "AXFR").to_wire()


@contextlib.asynccontextmanager
async def listening(
    source: ZoneSource, limits: TransferLimits
) -> AsyncIterator[tuple[Server, tuple[str, int]]]:
    """Serve a zone to everybody."""
    zones = (TransferZone(source.apex, Transfer(allow_unsigned=("127.0.0.1",))),)
    server = Server(TransferSettings(True, zones, {}))
    load(server.zones, source)
    sock = socket.create_server(("127.0.0.1", 0))
    where = sock.getsockname()
    running = asyncio.create_task(TcpServer(server.responder, RefusalLog(server.stats), limits).run(sock))
    await asyncio.sleep(0)  # it begins, and sets what connections inherit
    try:
        yield server, where
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def framed(wire: bytes) -> bytes:
    return struct.pack("!H", len(wire)) + wire


@contextlib.asynccontextmanager
async def connected(
    where: tuple[str, int],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*where)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def stuck(where: tuple[str, int], *, begins: bool = True) -> AsyncIterator[None]:
    """Be a client that asks for a zone and takes no more than the beginning of it, if that."""
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await loop.sock_connect(sock, where)
        await loop.sock_sendall(sock, framed(AXFR))
        if begins:
            await loop.sock_recv(sock, 2)
        yield


async def ended(reader: asyncio.StreamReader) -> bool:
    """Wait for the end of a connection; return whether it came without an answer."""
    async with asyncio.timeout(SECONDS):
        try:
            return await reader.read(1) == b""
        except ConnectionError:
            return True


@pytest.mark.parametrize(
    "begun",
    [b"", framed(SOA)[:1], framed(SOA)[:-1]],
    ids=["nothing", "half of the length", "all but an octet"],
)
async def test_silence_ends_a_connection(begun: bytes):
    async with (
        listening(ZoneSource(), TransferLimits(idle_seconds=0.1)) as (_, where),
        connected(where) as (r, w),
    ):
        w.write(begun)
        assert await ended(r)


async def test_an_octet_now_and_then_holds_no_connection():
    """The time is for a whole request, however it comes."""
    async with (
        listening(ZoneSource(), TransferLimits(idle_seconds=0.2)) as (_, where),
        connected(where) as (r, w),
    ):
        ending = asyncio.create_task(ended(r))
        for octet in framed(SOA) * 100:
            if ending.done():
                break
            w.write(bytes((octet,)))
            await asyncio.wait({ending}, timeout=0.05)
        assert await ending


async def test_who_does_not_take_a_transfer_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    """And makes room for those who wait for theirs."""
    clock = PatientClock(monkeypatch)
    source = large(40_000)
    slots = SlotLimits(slots=1)
    limits = TransferLimits(kernel_buffer=SMALL, idle_seconds=600, slots=slots)
    async with (
        listening(source, limits) as (server, where),
        stuck(where),
        connected(where) as (reader, writer),
    ):
        writer.write(framed(AXFR))
        async with asyncio.timeout(SECONDS):
            while not server.stats.refused:
                await clock.let_pass(slots.hurried_seconds / 10)
            assert await reader.readexactly(2)
            while "axfr" not in server.stats.transfers:
                assert await reader.read(1 << 16)
        assert server.stats.refused == {"too-slow": 1}


async def test_who_asks_nothing_more_is_sent_the_whole_zone():
    """A client may close its half of the connection once it has asked, and then take its time."""
    source = large(12_000)
    loop = asyncio.get_running_loop()
    octets = b""
    async with listening(source, TransferLimits(write_buffer=1 << 22, kernel_buffer=SMALL)) as (_, where):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await loop.sock_connect(sock, where)
            await loop.sock_sendall(sock, framed(AXFR))
            sock.shutdown(socket.SHUT_WR)
            while piece := await loop.sock_recv(sock, 1 << 16):
                octets += piece
    records = [record for wire in client.framed(octets) for record in read(wire).answers]
    assert records[0] == records[-1]
    assert len(records) == len(client.expected(source)) + 2


async def test_twenty_that_take_nothing_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch):
    """Not even somebody at their own address, who has to wait until they are cut off."""
    clock = PatientClock(monkeypatch)
    source = large(40_000)
    limits = TransferLimits(kernel_buffer=SMALL, idle_seconds=600)
    async with contextlib.AsyncExitStack() as others:
        server, where = await others.enter_async_context(listening(source, limits))
        for number in range(20):
            await others.enter_async_context(stuck(where, begins=number < limits.slots.of_a_client))
        reader, writer = await others.enter_async_context(connected(where))
        writer.write(framed(AXFR))
        answer = asyncio.create_task(reader.readexactly(2))
        for _ in range(300):  # as much time as three rounds of them have
            await clock.let_pass(0 if answer.done() else limits.slots.hurried_seconds / 100)
        async with asyncio.timeout(6):  # a minute of the machine's own time, and less than nobody hurried has
            assert await answer
            while "axfr" not in server.stats.transfers:
                assert await reader.read(1 << 16)
        assert server.stats.refused["too-slow"] > 0


async def test_for_one_connection_too_many_the_idlest_goes():
    """Of the client that has the most: whoever comes is let in."""
    async with contextlib.AsyncExitStack() as others:
        server, where = await others.enter_async_context(
            listening(ZoneSource(), TransferLimits(clients=4, idle_seconds=600))
        )
        held = []
        for _ in range(4):
            reader, writer = await others.enter_async_context(connected(where))
            writer.write(framed(SOA))
            assert await reader.readexactly(2)
            held.append(reader)
        newcomer, asking = await others.enter_async_context(connected(where))
        asking.write(framed(SOA))
        async with asyncio.timeout(SECONDS):
            assert await newcomer.readexactly(2)
            with contextlib.suppress(ConnectionError):
                await held[0].read()  # to its end
        assert server.stats.refused == {"too-many-clients": 1}


async def test_a_transfer_holds_up_nobody():
    """Others are answered between two messages of it, and no more of it waits than the buffer holds."""
    async with (
        listening(large(40_000), TransferLimits(kernel_buffer=SMALL)) as (server, where),
        stuck(where),
        connected(where) as (other, asking),
    ):
        for _ in range(10):
            asking.write(framed(SOA))
            size = int.from_bytes(await other.readexactly(2), "big")
            assert (await other.readexactly(size))[:2] == SOA[:2]
        assert server.stats.transfers == {}
