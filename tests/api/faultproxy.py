"""A proxy between a client and the API server that goes wrong on command.

It speaks plain HTTP to the client and TLS to the server, and understands just enough of HTTP to tell one
request from the next. Every request gets a connection of its own to the server.
"""

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from controlplane import ControlPlane
from waiting import News

CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer in the server's place."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """Pass this many bytes of the server's answer, then break the connection."""

    after_bytes: int


@dataclass(frozen=True, slots=True)
class Stall:
    """Pass this many bytes of the server's answer, then nothing more, with the connection open."""

    after_bytes: int


Fault = Answer | Cut | Stall


@dataclass(slots=True)
class _Rule:
    marks: tuple[str, ...]
    fault: Fault
    times: int


def status(code: int, reason: str, message: str, **details: Any) -> bytes:
    """Make the body of a Status, as the API server writes it."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return json.dumps(
        body | {"code": code, "reason": reason, "message": message, "details": details}
    ).encode()


class FaultProxy:
    """Starts and ends as an async context manager. `requests` are the request lines that came."""

    def __init__(self, plane: ControlPlane) -> None:
        parts = urlsplit(plane.url)
        self._host, self._port = parts.hostname, parts.port
        self._tls = ssl.create_default_context(cafile=str(plane.ca))
        self._token = plane.token
        self._rules: list[_Rule] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._down = False
        self._stack = AsyncExitStack()
        self._news = News(lambda: self.requests)
        self.requests: list[str] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._stack.callback(server.close)
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._stack.aclose()
        self._down = True
        self.cut_all()
        await asyncio.gather(*self._connections)

    def kubeconfig(self, folder: Path) -> str:
        """Write a kubeconfig that leads through the proxy, as the cluster's administrator."""
        named = {"name": "proxied"}
        body = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxied",
            "clusters": [named | {"cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [named | {"user": {"token": self._token}}],
            "contexts": [named | {"context": {"cluster": "proxied", "user": "proxied"}}],
        }
        file = folder / "proxied.kubeconfig"
        file.write_text(json.dumps(body))
        return str(file)

    def inject(self, fault: Fault, *marks: str, times: int = 1) -> None:
        """Let the next requests whose request line holds all the marks go wrong."""
        self._rules.append(_Rule(marks, fault, times))

    def heal(self) -> None:
        """Forget all faults."""
        self._rules.clear()
        self._down = False

    def go_down(self) -> None:
        """Break every connection, and each new one too, until healed."""
        self._down = True
        self.cut_all()

    def cut_all(self) -> None:
        """Break every connection there is."""
        for task in self._connections:
            task.cancel()

    async def asked(self, ready: Callable[[list[str]], bool]) -> None:
        """Wait until the requests so far are as asked."""
        await self._news.until(lambda: ready(self.requests))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            # A connection that breaks or is broken, on either side, ends here: that is what the proxy is for.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while not self._down and await self._exchange(reader, writer):
                    pass
                await _close(writer)
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request; give whether the connection is good for another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *headers = head.removesuffix("\r\n\r\n").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in headers)}
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        self.requests.append(line)
        self._news.tell()
        fault = self._fault(line)
        if isinstance(fault, Answer):
            writer.write(_answer(fault))
            await writer.drain()
            return True
        kept = [text for text in headers if text.partition(":")[0].lower() not in ("connection", "host")]
        request = "\r\n".join([line, f"Host: {self._host}:{self._port}", "Connection: close", *kept, "", ""])
        await self._forward(request.encode() + body, writer, fault)
        return False

    async def _forward(self, request: bytes, writer: asyncio.StreamWriter, fault: Cut | Stall | None) -> None:
        from_server, to_server = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        try:
            to_server.write(request)
            left = fault.after_bytes if fault else -1
            while left and (data := await from_server.read(left if left > 0 else CHUNK)):
                writer.write(data)
                await writer.drain()
                left -= len(data) if fault else 0
            if isinstance(fault, Stall):
                await asyncio.Event().wait()
            if isinstance(fault, Cut):
                writer.transport.abort()
        finally:
            to_server.transport.abort()

    def _fault(self, line: str) -> Fault | None:
        for rule in self._rules:
            if all(mark in line for mark in rule.marks):
                rule.times -= 1
                if not rule.times:
                    self._rules.remove(rule)
                return rule.fault
        return None


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close a connection once all that was written has left."""
    writer.close()
    await writer.wait_closed()


def _answer(answer: Answer) -> bytes:
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(answer.body))),
        *answer.headers,
    ]
    lines = [f"HTTP/1.1 {answer.status} Because", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode() + answer.body
