"""TCP on real sockets with short times: pipelining, slow clients, too many clients, broken frames."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import dns.message
import pytest

from patient_clock import PatientClock
from rollcall.feed.frames import Stats
from rollcall.serve.failures import FailureLog
from rollcall.serve.responder import Respond, Responder
from rollcall.serve.tcp import Limits, serving
from unit.serve.samples import addresses, answers, rrset, zone
from waiting import SECONDS

SHORT = Limits(idle_seconds=0.3)
PATIENT = Limits(idle_seconds=SECONDS)
QUERY = dns.message.make_query("s.example.test.", "A", use_edns=0).to_wire()
LONG_QUERY = dns.message.make_query("all.example.test.", "A").to_wire()


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


class Server:
    """A listener, and what it counted."""

    def __init__(self, port: int, stats: Stats) -> None:
        self.port = port
        self.stats = stats

    async def connect(self, host: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect from an address of this machine."""
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(host, 0))


@contextlib.asynccontextmanager
async def server(limits: Limits, respond: Respond | None = None) -> AsyncIterator[Server]:
    source = answers(
        zone(
            rrset("s.example.test.", "A", *addresses(10)),
            rrset("all.example.test.", "A", *addresses(64), count=64),
        )
    )
    stats = Stats()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]
    async with serving(
        listener, respond or Responder(source, stats, tcp=True).respond, stats, FailureLog(stats), limits
    ):
        async with asyncio.timeout(SECONDS):
            yield Server(port, stats)


async def receive(reader: asyncio.StreamReader) -> bytes:
    size = int.from_bytes(await reader.readexactly(2), "big")
    return await reader.readexactly(size)


async def is_cut(reader: asyncio.StreamReader) -> bool:
    """Read on until the server closes the connection, in whatever way."""
    with contextlib.suppress(ConnectionResetError):
        while await reader.read(1 << 16):
            pass
    return True


async def close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_pipelined_queries_are_answered_in_order() -> None:
    async with server(PATIENT) as running:
        reader, writer = await running.connect()
        queries = [number.to_bytes(2, "big") + QUERY[2:] for number in range(1000)]
        writer.write(framed(*queries))

        for query in queries:
            response = await receive(reader)
            assert response[:2] == query[:2]
            assert response[6:8] == b"\x00\x08"

        assert running.stats.tcp_responses == 1000
        await close(writer)


async def test_a_query_may_come_byte_by_byte() -> None:
    async with server(PATIENT) as running:
        reader, writer = await running.connect()
        for byte in framed(QUERY):
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)

        assert (await receive(reader))[:2] == QUERY[:2]
        await close(writer)


async def test_a_client_that_stops_speaking_still_gets_its_responses() -> None:
    async with server(PATIENT) as running:
        reader, writer = await running.connect()
        writer.write(framed(*[LONG_QUERY] * 500))
        writer.write_eof()

        for _ in range(500):
            await receive(reader)
        assert await reader.read() == b""
        await close(writer)


@pytest.mark.parametrize(
    "said",
    [b"", b"\x00", b"\x00\x1d", framed(QUERY)[:-1], b"\xff\xff" + QUERY, framed(b"") * 100],
    ids=lambda said: f"{len(said)} bytes",
)
async def test_a_client_that_says_too_little_is_cut(said: bytes) -> None:
    async with server(SHORT) as running:
        reader, writer = await running.connect()
        writer.write(said)

        assert await is_cut(reader)
        assert running.stats.tcp_expired == 1
        await close(writer)


async def test_a_byte_now_and_then_does_not_keep_a_connection() -> None:
    async with server(SHORT) as running:
        reader, writer = await running.connect()
        cut = asyncio.create_task(is_cut(reader))
        written = 0
        while not cut.done():
            writer.write(b"\xff")
            written += 1
            await asyncio.sleep(0.02)

        assert written < 100
        assert running.stats.tcp_expired == 1
        await close(writer)


async def test_whole_queries_do_keep_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(SHORT) as running:
        clock = PatientClock(monkeypatch)
        reader, writer = await running.connect()
        for _ in range(40):
            writer.write(framed(QUERY))
            await receive(reader)
            await clock.let_pass(SHORT.idle_seconds / 10)

        assert running.stats.tcp_expired == 0
        await clock.let_pass(SHORT.idle_seconds)
        assert await is_cut(reader)
        assert running.stats.tcp_expired == 1
        await close(writer)


async def test_a_client_that_takes_no_responses_is_cut_and_others_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with server(SHORT) as running:
        clock = PatientClock(monkeypatch)
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", running.port))

        async def flood() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    await loop.sock_sendall(slow, framed(*[LONG_QUERY] * 1000))

        flooding = asyncio.create_task(flood())
        while not flooding.done():
            reader, writer = await running.connect()
            writer.write(framed(QUERY))
            assert (await receive(reader))[6:8] == b"\x00\x08"
            await close(writer)
            await clock.let_pass(SHORT.idle_seconds / 10)
        slow.close()

        assert running.stats.tcp_expired == 1


async def test_a_newcomer_is_let_in_and_the_idlest_of_the_largest_network_goes() -> None:
    async with server(Limits(clients=6, idle_seconds=SECONDS)) as running:
        held = []
        for host in ("127.0.1.1", "127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.2.1", "127.0.2.2"):
            reader, writer = await running.connect(host)
            writer.write(framed(QUERY))
            await receive(reader)
            held.append((reader, writer))
        assert running.stats.tcp_clients == 6
        reader, writer = held[0]
        writer.write(framed(QUERY))
        await receive(reader)

        newcomer, newcomer_writer = await running.connect("127.0.3.1")
        newcomer_writer.write(framed(QUERY))
        assert (await receive(newcomer))[6:8] == b"\x00\x08"

        assert await is_cut(held[1][0]), "the first has asked again since"
        for reader, writer in held[:1] + held[2:]:
            writer.write(framed(QUERY))
            await receive(reader)
        assert (running.stats.tcp_clients, running.stats.tcp_evicted) == (6, 1)
        await close(newcomer_writer, *(writer for _, writer in held))


async def test_many_connections_of_one_address_shut_out_nobody() -> None:
    async with server(Limits(clients=20, idle_seconds=SECONDS)) as running:
        held = [await running.connect() for _ in range(60)]

        for reader, writer in (await running.connect("127.0.9.1"), held[-1]):
            writer.write(framed(QUERY))
            assert (await receive(reader))[6:8] == b"\x00\x08"
            writer.close()
        await close(*(writer for _, writer in held))
        assert running.stats.tcp_evicted == 41


async def test_64_kilobytes_of_anything_are_refused_and_the_connection_goes_on() -> None:
    async with server(PATIENT) as running:
        reader, writer = await running.connect()
        writer.write(framed(b"\x12\x34\x01\x00\x00\x01" + b"\xc0" * 65529, QUERY))

        assert await receive(reader) == b"\x12\x34\x81\x01" + bytes(8)
        assert (await receive(reader))[:2] == QUERY[:2]
        await close(writer)


async def test_what_gets_no_response_is_skipped() -> None:
    async with server(PATIENT) as running:
        reader, writer = await running.connect()
        writer.write(framed(b"", b"short", QUERY[:2] + b"\x81" + QUERY[3:], QUERY))

        assert (await receive(reader))[6:8] == b"\x00\x08"
        assert running.stats.dropped == 3
        await close(writer)


async def test_a_query_that_breaks_us_ends_no_connection(caplog: pytest.LogCaptureFixture) -> None:
    def broken(query: bytes, client: Any) -> bytes | None:
        raise RuntimeError("a bug")

    async with server(PATIENT, broken) as running:
        reader, writer = await running.connect()
        with caplog.at_level(logging.ERROR):
            writer.write(framed(QUERY, b"short", QUERY))
            assert (await receive(reader))[2:4] == b"\x81\x02"
            assert (await receive(reader))[2:4] == b"\x81\x02"
        assert "127.0.0.1 (TCP)" in caplog.text
        assert running.stats.failures == 3
        await close(writer)


async def test_ending_cuts_all_connections() -> None:
    async with server(PATIENT) as running:
        reader, writer = await running.connect()
        writer.write(framed(QUERY))
        await receive(reader)

    assert await is_cut(reader)
    await close(writer)
