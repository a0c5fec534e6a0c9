"""One TCP connection to a server: signed requests, and their answers, whose signatures are checked.

A request whose answer doesn't come has an unknown outcome (`ConnectionLost`); the connection is then of no
use any more, so that a late answer can't be taken for that of another request.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple, Self

from rollcall.dnswire.errors import MalformedMessage, TsigError, TsigFault
from rollcall.dnswire.header import Opcode, Rcode, flags_of
from rollcall.dnswire.message import Message, message, question, read
from rollcall.dnswire.rdata import soa_serial
from rollcall.dnswire.tsig import Chain, sign, verify
from rollcall.dnswire.types import Type
from rollcall.model import TsigKey

from . import reasons
from .reasons import TargetError, UpdateReason

TIMEOUT_SECONDS = 5.0
PIPELINED = 64
"""Questions that are under way at a time: as many as fit into any buffer."""


class UpdateServer(NamedTuple):
    """Where a server is."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"


class Session:
    """A connection. Use it from one task at a time."""

    def __init__(
        self, server: UpdateServer, key: TsigKey, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.key = key
        self.closed = False
        self._reader = reader
        self._writer = writer
        self._last_id = secrets.randbelow(1 << 16)

    @classmethod
    async def open(cls, server: UpdateServer, key: TsigKey) -> Self:
        """Connect.

        Raises:
            ConnectionLost: there is no connection to be had.
        """
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection(server.host, server.port)
        except TimeoutError:
            raise reasons.timed_out(str(server), TIMEOUT_SECONDS) from None
        except OSError as error:
            raise reasons.unreachable(str(server), error) from None
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(server, key, reader, writer)

    @property
    def usable(self) -> bool:
        """Whether the connection is open, as far as we have heard."""
        return not (self.closed or self._reader.at_eof() or self._reader.exception())

    async def close(self) -> None:
        """End the connection."""
        self.closed = True
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._writer.wait_closed()

    def next_id(self) -> int:
        """Return an id for a request: none that was used lately on this connection, and hard to guess."""
        self._last_id = (self._last_id + 1 + secrets.randbelow(64)) % (1 << 16)
        return self._last_id

    async def ask(self, questions: Sequence[tuple[bytes, int]], *, is_signed: bool = True) -> list[Message]:
        """Ask questions (name, type), many at a time; return the answers in that order. Raises as `send`."""
        answers: list[Message] = []
        for start in range(0, len(questions), PIPELINED):
            wires = [
                message(self.next_id(), flags_of(Opcode.QUERY), [question(name, rdtype)])
                for name, rdtype in questions[start : start + PIPELINED]
            ]
            answers += await self._exchange(wires, TIMEOUT_SECONDS, is_signed=is_signed)
        return answers

    async def serial_of(self, zone: bytes) -> int | None:
        """Return the serial of a zone; None where the server doesn't say. Raises as `send`."""
        [answer] = await self.ask([(zone, Type.SOA)])
        for record in answer.answers:
            if record.rdtype == Type.SOA and record.owner == zone:
                return soa_serial(record.data)
        return None

    async def send(self, wire: bytes, timeout_seconds: float = TIMEOUT_SECONDS) -> Message:
        """Send a message that is not signed yet; return the answer.

        Raises:
            ConnectionLost: there was no answer; the outcome is unknown.
            TsigError: the server doesn't accept our signature, or we not that of the answer.
            TargetError: the answer is not a DNS message.
        """
        [answer] = await self._exchange([wire], timeout_seconds)
        return answer

    async def check(self, wire: bytes) -> int:
        """Send prerequisites alone, which change nothing; return the rcode. Raises as `send`."""
        try:
            [answer] = await self._exchange([wire], TIMEOUT_SECONDS)
        except TsigError as error:
            if error.fault is TsigFault.BAD_KEY and error.by_peer:
                return Rcode.REFUSED  # Knot says so of what the key is not granted
            raise
        return answer.rcode

    async def _exchange(
        self, wires: Sequence[bytes], timeout_seconds: float, *, is_signed: bool = True
    ) -> list[Message]:
        async with self._limited(timeout_seconds):
            return await self._converse(wires, is_signed=is_signed)

    @asynccontextmanager
    async def _limited(self, seconds: float) -> AsyncIterator[None]:
        """Say what is wrong with an exchange that takes place within; the connection is of no use then."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            self.closed = True
            raise reasons.timed_out(str(self.server), seconds) from None
        except (OSError, asyncio.IncompleteReadError) as error:
            self.closed = True
            lost = error if isinstance(error, OSError) else OSError("it closed the connection")
            raise reasons.unreachable(str(self.server), lost) from None
        except MalformedMessage as error:
            self.closed = True
            text = f"{self.server} answers with what is not a DNS message ({error}): is it a DNS server?"
            raise TargetError(UpdateReason.MALFORMED, text) from None
        except BaseException:
            self.closed = True  # an answer may still come, and must not be read by another request
            raise

    async def _converse(self, wires: Sequence[bytes], *, is_signed: bool) -> list[Message]:
        waiting: dict[int, tuple[int, bytes]] = {}
        for number, request in enumerate(wires):
            signed, mac = request, b""
            if is_signed:
                signed, mac, _ = sign(request, self.key)
            waiting[int.from_bytes(request[:2], "big")] = (number, mac)
            self.write_message(signed)
        await self._writer.drain()
        answers: list[Message | None] = [None] * len(wires)
        while waiting:
            length = int.from_bytes(await self._reader.readexactly(2), "big")
            wire = await self._reader.readexactly(length)
            asked = waiting.pop(int.from_bytes(wire[:2], "big"), None)
            if asked is None:
                continue  # the second answer to a request that was doubled on its way
            number, mac = asked
            answer = read(wire)
            if is_signed:
                verify(wire, answer, [self.key], Chain(mac))
            answers[number] = answer
        return [answer for answer in answers if answer is not None]

    async def read_message(self) -> bytes:
        """Return the next message as it comes: for transfers. Raises ConnectionLost."""
        async with self._limited(TIMEOUT_SECONDS * 2):
            length = int.from_bytes(await self._reader.readexactly(2), "big")
            return await self._reader.readexactly(length)

    def write_message(self, wire: bytes) -> None:
        """Write a message as it is: for transfers."""
        self._writer.write(len(wire).to_bytes(2, "big") + wire)
