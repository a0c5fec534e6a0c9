"""A TCP proxy between a client and a DNS server that goes wrong on command, message by message.

It knows the two octets of length before each message (RFC 1035 section 4.2.2), so that a fault hits a whole
message, or is cut through the middle of one, whatever the pieces in which TCP brings it.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self, TypeAlias

import dns.opcode

from waiting import News

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Fault(Enum):
    """What becomes of a request. All but PASS, DROP and DUPLICATE end the connection."""

    PASS = auto()
    DROP = auto()
    """It never reaches the server, and the connection stays open: the client hears nothing."""
    DUPLICATE = auto()
    """The server gets it twice; the client gets both answers."""
    RESET = auto()
    """RST to the client; the server gets nothing."""
    CUT_REQUEST = auto()
    """The server gets half of it, then both connections are closed."""
    CUT_ANSWER = auto()
    """The server has answered; the client gets half of that, then the end of the connection."""
    ANSWER_LOST = auto()
    """The server has answered; the client gets nothing of that but RST."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Hold a request, and those behind it on the connection, for a while; then pass it."""

    seconds: float


What: TypeAlias = Fault | Delay


@dataclass(slots=True)
class _Rule:
    what: What
    opcode: dns.opcode.Opcode | None
    times: int


class FaultProxy:
    """An async context manager; clients connect to `port` of 127.0.0.1.

    `requests` are the messages that clients sent, `forwarded` those that the server got whole, `answers`
    those that clients got whole, without the octets of length. `connections` counts what clients opened.
    """

    def __init__(self, address: str, port: int) -> None:
        self._server = address, port
        self._rules: list[_Rule] = []
        self._open: set[_Connection] = set()
        self._news = News(self._counted)
        self.until = self._news.until
        self.tell = self._news.tell
        self.default: What = Fault.PASS
        self.requests: list[bytes] = []
        self.forwarded: list[bytes] = []
        self.answers: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.disconnect()
        await self.until(lambda: not self._open)
        await self._listener.wait_closed()

    def inject(self, what: What, opcode: dns.opcode.Opcode | None = None, times: int = 1) -> None:
        """Let the next requests, or those of an opcode, go wrong; after that `default` holds again."""
        self._rules.append(_Rule(what, opcode, times))

    def disconnect(self) -> None:
        """Reset every connection of clients, and its other half to the server."""
        for connection in self._open:
            connection.reset()

    def fate(self, request: bytes) -> What:
        """Count a request; return what is to become of it."""
        self.requests.append(request)
        self.tell()
        opcode = dns.opcode.from_flags(int.from_bytes(request[2:4], "big"))
        for rule in self._rules:
            if rule.opcode in (None, opcode):
                rule.times -= 1
                if not rule.times:
                    self._rules.remove(rule)
                return rule.what
        return self.default

    def _counted(self) -> str:
        return (
            f"{len(self.requests)} requests, {len(self.forwarded)} forwarded, {len(self.answers)} answers, "
            f"{self.connections} connections, {len(self._open)} of them open"
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = _Connection(self, reader, writer)
        self._open.add(connection)
        self.tell()
        try:
            await connection.run(self._server)
        finally:
            self._open.discard(connection)
            self.tell()


class _Connection:
    """One connection of a client, with one to the server behind it."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writers = [writer]
        self._answer_faults: dict[bytes, What] = {}  # by the ID of the request

    async def run(self, server: tuple[str, int]) -> None:
        """Carry messages until one side has ended the connection, or a fault has."""
        try:
            answers, upstream = await asyncio.open_connection(*server)
            self._writers.append(upstream)
            async with asyncio.TaskGroup() as group:
                pumps = [
                    group.create_task(self._carry_requests(upstream)),
                    group.create_task(self._carry_answers(answers)),
                ]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()
        except* (OSError, asyncio.IncompleteReadError):
            self.reset()  # a side that is gone: the other one shall see it
        finally:
            for writer in self._writers:
                writer.close()
            for writer in self._writers:
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    def reset(self) -> None:
        """Break both halves at once, with RST, whatever was still to be sent."""
        for writer in self._writers:
            if not writer.is_closing():
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
                )
            writer.transport.abort()

    async def _carry_requests(self, upstream: asyncio.StreamWriter) -> None:
        while (request := await _read(self._reader)) is not None:
            what = self._proxy.fate(request)
            if what is Fault.DROP:
                continue
            if what is Fault.RESET:
                self.reset()
                return
            if what is Fault.CUT_REQUEST:
                await _write(upstream, _framed(request)[: len(request) // 2])
                return
            if what in (Fault.CUT_ANSWER, Fault.ANSWER_LOST):
                self._answer_faults[request[:2]] = what
            if isinstance(what, Delay):
                await asyncio.sleep(what.seconds)
            for _ in range(2 if what is Fault.DUPLICATE else 1):
                await _write(upstream, _framed(request))
                self._proxy.forwarded.append(request)
            self._proxy.tell()

    async def _carry_answers(self, answers: asyncio.StreamReader) -> None:
        client = self._writers[0]
        while (answer := await _read(answers)) is not None:
            what = self._answer_faults.pop(answer[:2], Fault.PASS)
            if what is Fault.ANSWER_LOST:
                self.reset()
                return
            if what is Fault.CUT_ANSWER:
                await _write(client, _framed(answer)[: len(answer) // 2])
                return
            await _write(client, _framed(answer))
            self._proxy.answers.append(answer)
            self._proxy.tell()


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


async def _read(reader: asyncio.StreamReader) -> bytes | None:
    """Read a message; None at the end of the connection, IncompleteReadError in the middle of a message."""
    try:
        length = await reader.readexactly(2)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    return await reader.readexactly(int.from_bytes(length, "big"))


async def _write(writer: asyncio.StreamWriter, octets: bytes) -> None:
    writer.write(octets)
    await writer.drain()
