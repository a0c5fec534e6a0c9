"""What a client of the HTTP pages may say before it goes."""

import asyncio
import contextlib
import socket
import tempfile
from pathlib import Path

from prometheus_client import CollectorRegistry

from fuzz.target import Target
from rollcall.http.connections import Connections
from rollcall.http.limits import HttpLimits
from rollcall.http.server import serving
from rollcall.publish.file_store import FileStore
from unit.http.draining import Draining
from unit.publish.files.builders import file, many

_SECONDS = 30.0
_LOOP = asyncio.new_event_loop()
_STACK = contextlib.AsyncExitStack()
_FOLDER = tempfile.TemporaryDirectory()
_SOCKET = str(Path(_FOLDER.name) / "http")


async def _serve() -> None:
    store = FileStore()
    store.put_file(file("json"), [many(3)])
    store.set_synced()
    draining = Draining()
    draining.drains.is_synced = True
    listener = _STACK.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(_SOCKET)
    listener.listen(16)
    pages = serving(
        listener, Connections(HttpLimits(64)), CollectorRegistry(), store, draining.waits, lambda: ""
    )
    await _STACK.enter_async_context(pages)


async def _say(octets: bytes) -> None:
    async with asyncio.timeout(_SECONDS):
        reader, writer = await asyncio.open_unix_connection(_SOCKET)
        writer.write(octets)
        with contextlib.suppress(ConnectionError):
            writer.write_eof()
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def feed(octets: bytes) -> None:
    """Say this on a connection of its own, and take what comes."""
    _LOOP.run_until_complete(_say(octets))


_LOOP.run_until_complete(_serve())

_PATHS = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/v1/files/shop/discovery",
    "/v1/files/shop/discovery?wait=0s",
    "/v1/files/%00/x",
    "/v1/drained?pod=shop/web-0&timeout=0",
    "/v1/drained?uid=x",
]
TARGET = Target(
    [
        *(
            f"GET {path} HTTP/1.1\r\nHost: rollcall\r\nIf-None-Match: x\r\n\r\n".encode() * times
            for path in _PATHS
            for times in (1, 2)
        ),
        b"POST /v1/drained HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HEAD / HTTP/1.0\r\nContent-Length: 9\r\n\r\n",
    ],
    feed,
)
