"""Requests over TCP, and transfers, with limits on clients, on time and on memory (RFC 7766, RFC 5936).

A client has some seconds for a whole request, counted from the end of what came before, so that neither
silence nor an octet a second holds a connection; and it has to take what is sent to it at a pace. Requests of
one connection are answered in their order.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass
from socket import socket

from ..peer import peer_address
from .refusals import RefusalLog
from .responder import TransferResponder
from .stream import TransferStream

log = logging.getLogger(__name__)

_LENGTH = 2
_TOO_MANY = "too-many-clients"
_TOO_LONG = "too-long"
_TOO_SLOW = "too-slow"


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """What TCP clients may use. `request` and `write_buffer` are octets."""

    clients: int = 256
    clients_an_address: int = 32
    transfers: int = 16
    request: int = 4096
    write_buffer: int = 1 << 17
    idle_seconds: float = 10.0
    write_seconds: float = 30.0
    """For one message of a transfer, of at most 64 KiB, to make room for the next one."""


class TcpServer:
    """Answers on a listening socket for as long as `run` runs."""

    def __init__(
        self, responder: TransferResponder, refusals: RefusalLog, limits: TransferLimits = TransferLimits()
    ) -> None:
        self._responder = responder
        self._refusals = refusals
        self._limits = limits
        self._clients: Counter[str] = Counter()
        self._transfers = asyncio.Semaphore(limits.transfers)

    async def run(self, sock: socket) -> None:
        """Serve until cancelled; the socket is then closed."""
        async with asyncio.TaskGroup() as group:
            server = await asyncio.start_server(
                lambda reader, writer: group.create_task(self._serve(reader, writer)),
                sock=sock,
                limit=self._limits.request,
                backlog=self._limits.clients,
            )
            try:
                await asyncio.get_running_loop().create_future()  # until cancelled
            finally:
                server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        client = peer[0] if peer else ""
        limits = self._limits
        if (
            not client
            or self._clients.total() >= limits.clients
            or self._clients[client] >= limits.clients_an_address
        ):
            self._refusals.record(client, _TOO_MANY, "a connection")
            writer.transport.abort()
            return
        self._clients[client] += 1
        writer.transport.set_write_buffer_limits(high=limits.write_buffer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError):  # it asks nothing more
                await self._answer(client, reader, writer)
            await self._send_rest(client, writer)
        except (OSError, TimeoutError) as error:
            log.debug("%s: the connection ends: %r", client, error)
        except Exception:
            log.exception("a request of %s over TCP broke", client)
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
            writer.transport.abort()

    async def _answer(self, client: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = peer_address(client)
        while True:
            async with asyncio.timeout(self._limits.idle_seconds):
                size = int.from_bytes(await reader.readexactly(_LENGTH), "big")
                if size > self._limits.request:
                    self._refusals.record(client, _TOO_LONG, f"a request of {size} octets")
                    return
                wire = await reader.readexactly(size)
            answer = self._responder.respond(wire, address, is_tcp=True)
            if isinstance(answer, TransferStream):
                async with self._transfers, contextlib.aclosing(answer.messages()) as messages:
                    async for message in messages:
                        await self._write(client, writer, message)
            elif answer is not None:
                await self._write(client, writer, answer)
            else:
                return

    async def _write(self, client: str, writer: asyncio.StreamWriter, message: bytes) -> None:
        writer.write(len(message).to_bytes(_LENGTH, "big"))
        writer.write(message)
        await self._drain(client, writer)
        await asyncio.sleep(0)  # drain returns at once while there is room; others need their turn

    async def _send_rest(self, client: str, writer: asyncio.StreamWriter) -> None:
        """Send what the buffer still holds: who has stopped asking may still read."""
        writer.transport.set_write_buffer_limits(high=0)
        await self._drain(client, writer)

    async def _drain(self, client: str, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._limits.write_seconds):
                await writer.drain()
        except TimeoutError:
            self._refusals.record(client, _TOO_SLOW, "a transfer")
            raise
