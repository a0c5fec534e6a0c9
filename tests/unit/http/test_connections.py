"""Clients that take what they can: real sockets and a real server, which goes on answering others."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from rollcall.http.connections import Connections
from rollcall.http.limits import HttpLimits
from rollcall.http.server import serving
from rollcall.publish.file_store import FileStore
from unit.http.draining import Draining
from unit.publish.files.builders import file, many
from waiting import SECONDS, until

INSTANCES = 5000
"""Whose file is a megabyte."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Site:
    """The pages, on a port, or on a socket file, through which nothing takes time in virtual time."""

    def __init__(self, listener: socket.socket, connections: Connections, store: FileStore) -> None:
        self.listener = listener
        self.connections = connections
        self.store = store
        self.draining = Draining()

    async def connect(self, said: str = "", *, of: str = "127.0.0.1") -> Stream:
        """Connect from an address, and say something."""
        name = self.listener.getsockname()
        if self.listener.family == socket.AF_UNIX:
            reader, writer = await asyncio.open_unix_connection(name)
        else:
            reader, writer = await asyncio.open_connection(*name, local_addr=(of, 0))
        writer.write(said.encode())
        return reader, writer

    async def get(self, path: str, *, of: str = "127.0.0.1") -> tuple[int, str]:
        """Get a page on a connection of its own; return its status, and head and body."""
        reader, writer = await self.connect(f"{request(path)}Connection: close\r\n\r\n", of=of)
        async with asyncio.timeout(SECONDS):
            answer = (await reader.read()).decode()
        writer.close()
        return int(answer.split(" ", 2)[1]) if answer else 0, answer

    def closed(self, reason: str) -> float:
        """Return how many connections were closed for a reason."""
        family = next(each for each in self.connections.families() if each.name.endswith("_closed_total"))
        return dict(family.values())[reason,]

    async def until_connected(self, number: int) -> None:
        await until(lambda: len(self.connections._slots) == number, f"{number} connections")


def request(path: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: rollcall\r\n"


@contextlib.asynccontextmanager
async def site(limits: HttpLimits, folder: Path | None = None) -> AsyncIterator[Site]:
    store = FileStore()
    store.put_file(file("json"), [many(INSTANCES)])
    store.set_synced()
    with socket.socket(socket.AF_UNIX if folder else socket.AF_INET) as listener:
        listener.bind(str(folder / "http") if folder else ("127.0.0.1", 0))
        listener.listen(512)
        made = Site(listener, Connections(limits), store)
        made.draining.drains.is_synced = True
        async with serving(
            listener, made.connections, CollectorRegistry(), store, made.draining.waits, lambda: ""
        ):
            yield made


FILE = "/v1/files/shop/discovery"
WAIT = "/v1/drained?pod=shop/web-0&timeout=60"


def resident_mebibytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / (1 << 20)


async def test_clients_that_ask_for_a_file_and_do_not_read_share_it() -> None:
    clients = 150
    async with site(HttpLimits()) as http:
        status, whole = await http.get(FILE)
        assert status == 200
        size = len(whole)
        assert size > 900_000
        del whole
        gc.collect()
        before = resident_mebibytes()
        streams = [await http.connect(f"{request(FILE)}\r\n", of="127.0.0.2") for _ in range(clients)]
        for _, writer in streams:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        await http.until_connected(clients)
        assert (await http.get("/healthz"))[0] == 200
        assert resident_mebibytes() - before < clients * size / (1 << 20) / 2
        for reader, writer in streams[:3]:
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            async with asyncio.timeout(SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))
            assert body.endswith(b"}\n")
        for _, writer in streams:
            writer.close()
        await http.until_connected(0)


@pytest.mark.looptime
async def test_a_client_that_reads_nothing_is_cut_off(tmp_path: Path) -> None:
    limits = HttpLimits()
    async with site(limits, tmp_path) as http:
        _, writer = await http.connect(f"{request(FILE)}\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        began = asyncio.get_running_loop().time()
        await until(lambda: http.closed("slow") == 1, "the end of the slow client", 600)
        passed = asyncio.get_running_loop().time() - began
        assert limits.seconds_to_send(900_000) <= passed <= limits.seconds_to_send(1_200_000)
        writer.close()


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("said", "seconds"), [("", 10), ("GET /healthz HT", 10), (f"{request('/')}\r\n", 75)]
)
async def test_a_connection_that_asks_nothing_is_closed(said: str, seconds: int, tmp_path: Path) -> None:
    async with site(HttpLimits(), tmp_path) as http:
        began = asyncio.get_running_loop().time()
        reader, writer = await http.connect(said)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        assert asyncio.get_running_loop().time() - began == pytest.approx(seconds, abs=1.1)
        assert http.closed("expired") == 1
        writer.close()


@pytest.mark.looptime
async def test_an_octet_a_second_is_no_request(tmp_path: Path) -> None:
    async with site(HttpLimits(), tmp_path) as http:
        began = asyncio.get_running_loop().time()
        _, writer = await http.connect()
        for octet in request(f"/{'x' * 100}"):
            writer.write(octet.encode())
            await asyncio.sleep(1)
            if http.closed("expired"):
                break
        assert asyncio.get_running_loop().time() - began < 15
        writer.close()


async def test_a_probe_gets_in_whoever_else_is_there() -> None:
    """Idle connections, and as many that wait as may; none of the latter is sent away for it."""
    limits = HttpLimits(connections=40, an_address=40)
    async with site(limits) as http:
        waiting = [
            await http.connect(f"{request(f'/v1/drained?pod=shop/web-{number}')}\r\n") for number in (0, 0)
        ]
        for _ in range(3 * limits.connections):
            waiting.append(await http.connect())
            waiting.append(await http.connect("GET /healthz HT"))
        await until(lambda: http.closed("evicted") > limits.connections, "the first evictions")
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await http.get(path))[0] == 200
        assert len(http.connections._slots) <= limits.connections
        http.draining.serve(http.draining.delete())
        for reader, _ in waiting[:2]:
            async with asyncio.timeout(SECONDS):
                assert b" 200 " in await reader.readline()
        for _, writer in waiting:
            writer.close()


async def test_one_address_takes_nothing_from_another() -> None:
    async with site(HttpLimits(connections=20, an_address=5)) as http:
        honest, writer = await http.connect(f"{request('/healthz')}\r\n", of="127.0.0.2")
        async with asyncio.timeout(SECONDS):
            await honest.readuntil(b"ok\n")
        greedy = [await http.connect(of="127.0.0.3") for _ in range(60)]
        await until(lambda: http.closed("evicted") == 55, "evictions")
        writer.write(f"{request('/healthz')}\r\n".encode())
        async with asyncio.timeout(SECONDS):
            await honest.readuntil(b"ok\n")
        for _, each in (*greedy, (honest, writer)):
            each.close()


@pytest.mark.parametrize(
    ("limits", "others", "told"),
    [
        (HttpLimits(waits_a_pod=3), "127.0.0.1", "requests wait for shop/web-0 already"),
        (HttpLimits(an_address=4), "127.0.0.1", "requests of 127.0.0.1 wait already"),
        (HttpLimits(connections=4, an_address=4), "127.0.0.2", "3 requests wait already"),
    ],
)
async def test_too_many_that_wait_are_told_to_come_back(limits: HttpLimits, others: str, told: str) -> None:
    async with site(limits) as http:
        waiting = [await http.connect(f"{request(WAIT)}\r\n", of=others) for _ in range(3)]
        await until(lambda: sum(map(len, http.draining.waits._waits.values())) == 3, "three that wait")
        status, text = await http.get(WAIT)
        assert (status, "Retry-After: 1" in text, told in text) == (503, True, True)
        waiting.pop()[1].close()
        await until(lambda: sum(map(len, http.draining.waits._waits.values())) == 2, "one that has gone")
        waiting.append(await http.connect(f"{request(WAIT)}\r\n"))
        await until(lambda: sum(map(len, http.draining.waits._waits.values())) == 3, "another in its slot")
        for _, writer in waiting:
            writer.close()


async def test_long_polls_of_files_are_bounded_as_well() -> None:
    async with site(HttpLimits(connections=4, an_address=4)) as http:
        _, text = await http.get(FILE)
        (etag,) = (line for line in text.splitlines() if line.lower().startswith("etag: "))
        poll = f"{request(f'{FILE}?wait=60s')}If-None-Match: {etag[6:]}\r\n"
        polls = [await http.connect(f"{poll}\r\n") for _ in range(3)]
        changed = http.store._entries[file("json").key].changed
        await until(lambda: len(changed._waiters) == 3, "three that wait")
        reader, writer = await http.connect(f"{poll}Connection: close\r\n\r\n")
        async with asyncio.timeout(SECONDS):
            assert "TooManyWaits" in (await reader.read()).decode()
        writer.close()
        for _, writer in polls:
            writer.close()


@contextlib.contextmanager
def no_descriptor() -> Iterator[None]:
    """Leave this process without a free descriptor."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(map(int, os.listdir("/proc/self/fd"))) + 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
    taken: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_without_descriptors_it_waits_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async with site(HttpLimits()) as http:
        clients = [socket.socket() for _ in range(20)]
        with caplog.at_level(logging.ERROR), no_descriptor():
            for client in clients:
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    client.connect(http.listener.getsockname())
            await until(lambda: "no connection can be accepted" in caplog.text, "a word on it")
            for _ in range(1000):  # turns of the loop, in which it could try again and again
                await asyncio.sleep(0)
        await http.until_connected(20)
        assert (await http.get("/healthz"))[0] == 200
        assert len(caplog.records) == 1
        for client in clients:
            client.close()


async def test_a_request_that_is_none_makes_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with site(HttpLimits()) as http:
        for said in ("\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", f"GET /{'x' * 9000} HTTP/1.1\r\n\r\n"):
            reader, writer = await http.connect(said)
            async with asyncio.timeout(SECONDS):
                assert b" 400 " in await reader.readline()
            writer.close()
        assert http.closed("malformed") == 3
        assert caplog.records == []
