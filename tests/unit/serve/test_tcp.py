"""A TCP connection in virtual time, on a transport that takes what it is told to take."""

import asyncio
from collections.abc import Callable
from typing import Any

import dns.message
import pytest

from rollcall.feed.frames import Stats
from rollcall.serve.failures import FailureLog
from rollcall.serve.responder import Responder
from rollcall.serve.tcp import A_TURN, BATCH, READ_SIZE, Limits, Server
from unit.serve.samples import addresses, answers, rrset, zone

pytestmark = pytest.mark.looptime

QUERY = dns.message.make_query("all.example.test.", "A").to_wire()
RESPONSE_SIZE = len(QUERY) + 64 * 16
DEFAULTS = Limits()
PLAIN = dns.message.make_query("s.example.test.", "A").to_wire()
HUGE_QUERY = dns.message.make_query("huge.example.test.", "TXT").to_wire()


class FakeTransport(asyncio.Transport):
    """Hands the client's octets to a connection, unless it has paused; keeps what waits for the client."""

    def __init__(self, host: str) -> None:
        super().__init__({"peername": (host, 5353)})
        self.is_taken = True
        self.waiting = 0
        self.taken = bytearray()
        self.reads = True
        self.aborted = False
        self.closed = False
        self._high = 0
        self._unread = b""
        self._connection: asyncio.BufferedProtocol

    def join(self, connection: asyncio.BufferedProtocol) -> "FakeTransport":
        self._connection = connection
        connection.connection_made(self)
        return self

    def say(self, data: bytes) -> int:
        """Let the client say this; return how many octets of it have not been read."""
        self._unread += data
        while self._unread and self.reads and not self.is_closing():
            piece, self._unread = self._unread[:READ_SIZE], self._unread[READ_SIZE:]
            buffer = self._connection.get_buffer(-1)
            assert isinstance(buffer, memoryview)
            buffer[: len(piece)] = piece
            self._connection.buffer_updated(len(piece))
        return len(self._unread)

    def take(self) -> None:
        """Let the client take what waits for it."""
        was_blocked = self.waiting > self._high
        self.waiting = 0
        if was_blocked:
            self._connection.resume_writing()

    def write(self, data: Any) -> None:
        if self.is_taken:
            self.taken += data
            return
        self.waiting += len(data)
        if self.waiting > self._high:
            self._connection.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None
        self._high = high

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.aborted or self.closed

    def close(self) -> None:
        self.closed = True
        if not self.waiting:
            self._connection.connection_lost(None)

    def abort(self) -> None:
        self.aborted = True
        asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)


class Worker:
    """What the connections of a test share."""

    def __init__(self, limits: Limits = DEFAULTS) -> None:
        self.stats = Stats()
        source = answers(
            zone(
                rrset("s.example.test.", "A", "10.0.0.1"),
                rrset("all.example.test.", "A", *addresses(64), count=64),
                rrset("huge.example.test.", "TXT", *(f'"{n:03} {"x" * 250}"' for n in range(200)), count=200),
            )
        )
        self._server = Server(
            Responder(source, self.stats, tcp=True).respond, self.stats, FailureLog(self.stats), limits
        )

    def connect(self, host: str = "192.0.2.1") -> FakeTransport:
        return FakeTransport(host).join(self._server.connect())


@pytest.fixture
async def worker() -> Worker:
    return Worker()


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


async def seconds_until_gone(
    client: FakeTransport, say: Callable[[], bytes], every_seconds: float, at_most: float
) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not client.is_closing() and loop.time() - began < at_most:
        client.say(say())
        await asyncio.sleep(every_seconds)
    return loop.time() - began


@pytest.mark.parametrize(
    "said",
    [b"\0", framed(b""), framed(b"short"), framed(QUERY[:2] + b"\x81" + QUERY[3:])],
    ids=["a zero octet", "empty messages", "messages that are none", "responses"],
)
async def test_what_gets_no_answer_keeps_no_connection(worker: Worker, said: bytes) -> None:
    """A zero octet a second made an empty message every other second, which started the time anew."""
    client = worker.connect()

    assert await seconds_until_gone(client, lambda: said, 1.0, at_most=60.0) <= 11.0
    assert (client.aborted, worker.stats.tcp_expired, worker.stats.tcp_clients) == (True, 1, 0)


async def test_a_query_now_and_then_keeps_a_connection_while_there_are_slots(worker: Worker) -> None:
    client = worker.connect()

    assert await seconds_until_gone(client, lambda: framed(QUERY), 8.0, at_most=600.0) >= 600.0
    assert worker.stats.tcp_expired == 0


async def test_where_slots_are_scarce_nobody_stays_for_ever() -> None:
    worker = Worker(Limits(clients=4))
    busy = [worker.connect(f"192.0.{number}.1") for number in range(3)]

    def say() -> bytes:
        for each in busy[1:]:
            if not each.is_closing():
                each.say(framed(QUERY))
        return framed(QUERY)

    assert 60.0 <= await seconds_until_gone(busy[0], say, 1.0, at_most=600.0) <= 75.0
    assert busy[0].closed, "what it asked has been answered"
    assert len(busy[0].taken) >= 60 * RESPONSE_SIZE


async def test_a_busy_client_is_not_the_one_who_goes() -> None:
    worker = Worker(Limits(clients=2))
    busy, idle = worker.connect("192.0.2.1"), worker.connect("192.0.3.1")
    await asyncio.sleep(1)
    busy.say(framed(QUERY))

    newcomer = worker.connect("192.0.4.1")

    assert (busy.aborted, idle.aborted, newcomer.aborted) == (False, True, False)
    assert (worker.stats.tcp_clients, worker.stats.tcp_evicted) == (2, 1)


async def test_1536_held_connections_of_24_addresses_keep_nobody_out(worker: Worker) -> None:
    honest = worker.connect("198.51.100.1")
    honest.say(framed(QUERY))
    for number in range(24 * 64):
        worker.connect(f"192.0.{number % 24}.1").say(framed(QUERY))

    newcomer = worker.connect("203.0.113.1")
    for client in (honest, newcomer):
        before = len(client.taken)
        client.say(framed(QUERY))
        assert len(client.taken) > before
    assert worker.stats.tcp_clients == 512


async def test_from_a_client_that_takes_nothing_nothing_more_is_read(worker: Worker) -> None:
    client = worker.connect()
    client.is_taken = False

    unread = client.say(framed(*[QUERY] * 10_000))
    for _ in range(1000):
        await asyncio.sleep(0)
        unread = client.say(b"")

    assert unread > 9_000 * len(QUERY)
    assert client.waiting <= 2 * DEFAULTS.write_buffer + RESPONSE_SIZE
    client.is_taken = True
    client.take()
    for _ in range(1000):
        client.say(b"")
        await asyncio.sleep(0)
    assert worker.stats.tcp_responses == 10_000, "it goes on where it was"


async def test_of_the_longest_answers_one_waits(worker: Worker) -> None:
    client = worker.connect()
    client.is_taken = False

    client.say(framed(*[HUGE_QUERY] * 64))
    await asyncio.sleep(1)

    assert worker.stats.tcp_responses == 1
    assert 50_000 < client.waiting < 1 << 16


async def test_who_takes_nothing_is_cut(worker: Worker) -> None:
    client = worker.connect()
    client.is_taken = False

    assert await seconds_until_gone(client, lambda: framed(*[QUERY] * 100), 1.0, at_most=60.0) <= 11.0
    assert client.aborted


async def test_those_who_pipeline_share_a_batch_in_each_turn_of_the_loop(worker: Worker) -> None:
    """512 batches in one turn kept all else waiting for a third of a second."""
    greedy = [worker.connect(f"192.0.{number}.1") for number in range(100)]
    for client in greedy:
        client.say(framed(*[QUERY] * 1000))
    for _ in range(100):
        before = worker.stats.tcp_responses
        await asyncio.sleep(0)
        assert worker.stats.tcp_responses - before <= 2 * BATCH, "a turn may be looked at from its middle"

    taken = [len(client.taken) for client in greedy]
    assert worker.stats.tcp_responses > 100 * BATCH / 2
    assert max(taken) - min(taken) <= 2 * A_TURN * (RESPONSE_SIZE + 2), "each has its turn"

    honest = worker.connect("198.51.100.1")
    honest.say(framed(QUERY))
    assert len(honest.taken) == RESPONSE_SIZE + 2, "who doesn't pipeline has no need of one"


async def test_one_who_pipelines_has_whole_batches(worker: Worker) -> None:
    client = worker.connect()
    client.say(framed(*[PLAIN] * 300))
    before = worker.stats.tcp_responses
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert worker.stats.tcp_responses - before >= BATCH


@pytest.mark.parametrize("step", [1, 7, 4095, 4096, 4097, 65536])
async def test_a_long_message_is_refused_and_not_kept(worker: Worker, step: int) -> None:
    said = framed(QUERY[:12] + b"\xc0" * 65523, QUERY)
    client = worker.connect()
    for at in range(0, len(said), step):
        client.say(said[at : at + step])

    refusal = QUERY[:2] + b"\x81\x01" + bytes(8)
    assert client.taken[2:14] == refusal
    assert client.taken[14:16] == RESPONSE_SIZE.to_bytes(2, "big")
    assert client.taken[16:18] == QUERY[:2]
    assert len(client.taken) == 14 + 2 + RESPONSE_SIZE
