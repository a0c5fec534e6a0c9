"""Requests over TCP, and transfers, with limits on clients, on time and on memory (RFC 7766, RFC 5936).

A client has some seconds for a whole request, counted from the end of what came before, so that neither
silence nor an octet a second holds a connection; and it has to take what is sent to it at a pace. Requests of
one connection are answered in their order.

Nobody is shut out by who came first: for a connection too many the idlest one goes of the client that has the
most (`rollcall.crowd`), and slots for transfers are shared (`slots`).
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from socket import SO_SNDBUF, SOL_SOCKET, socket

from rollcall.crowd import Crowd

from ..peer import Address, client_of, peer_address
from .refusals import RefusalLog
from .responder import TransferResponder
from .slots import SlotLimits, TooManyWait, TransferSlots
from .stream import TransferStream

log = logging.getLogger(__name__)

_LENGTH = 2
_TOO_MANY = "too-many-clients"
_TOO_LONG = "too-long"
_TOO_SLOW = "too-slow"
_TOO_MANY_WAIT = "too-many-transfers"


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """What TCP clients may use. `request` and the buffers are octets.

    The kernel's own buffer grows to megabytes, for a client that doesn't read as well.
    """

    clients: int = 256
    request: int = 4096
    write_buffer: int = 1 << 17
    kernel_buffer: int = 1 << 18
    idle_seconds: float = 10.0
    write_seconds: float = 30.0
    """For an answer of one message to be taken."""
    slots: SlotLimits = field(default_factory=SlotLimits)


@dataclass(eq=False, slots=True)
class _Connection:
    """One of a client; `since` is when it last said or took something."""

    address: Address
    task: asyncio.Task[None]
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def is_of_use(self) -> None:
        self.since = asyncio.get_running_loop().time()


class TcpServer:
    """Answers on a listening socket for as long as `run` runs."""

    def __init__(
        self, responder: TransferResponder, refusals: RefusalLog, limits: TransferLimits = TransferLimits()
    ) -> None:
        self._responder = responder
        self._refusals = refusals
        self._limits = limits
        self._crowd = Crowd[_Connection](limits.clients)
        self._slots = TransferSlots(limits.slots)

    async def run(self, sock: socket) -> None:
        """Serve until cancelled; the socket is then closed."""
        sock.setsockopt(SOL_SOCKET, SO_SNDBUF, self._limits.kernel_buffer)  # connections inherit it
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
        task = asyncio.current_task()
        if not peer or task is None:  # it has gone already
            writer.transport.abort()
            return
        connection = _Connection(peer_address(peer[0]), task)
        victim = self._crowd.enter(connection, client_of(connection.address))
        if victim is not None:
            self._refusals.record(str(victim.address), _TOO_MANY, "the idlest connection")
            victim.task.cancel()
        writer.transport.set_write_buffer_limits(high=self._limits.write_buffer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError):  # it asks nothing more
                await self._answer(connection, reader, writer)
            await self._send_rest(connection, writer)
        except (OSError, TimeoutError) as error:
            log.debug("%s: the connection ends: %r", connection.address, error)
        except Exception:
            self._refusals.record_broken(f"{connection.address} over TCP")
        finally:
            self._crowd.leave(connection)
            writer.transport.abort()

    async def _answer(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        client = str(connection.address)
        while True:
            async with asyncio.timeout(self._limits.idle_seconds):
                size = int.from_bytes(await reader.readexactly(_LENGTH), "big")
                if size > self._limits.request:
                    self._refusals.record(client, _TOO_LONG, f"a request of {size} octets")
                    return
                wire = await reader.readexactly(size)
            connection.is_of_use()
            answer = self._responder.respond(wire, connection.address, is_tcp=True)
            try:
                if isinstance(answer, TransferStream):
                    await self._transfer(connection, writer, answer)
                elif answer is not None:
                    async with asyncio.timeout(self._limits.write_seconds):
                        await _write(writer, answer)
                else:
                    return
            except TooManyWait:
                self._refusals.record(client, _TOO_MANY_WAIT, "a transfer")
                return
            except TimeoutError:
                self._refusals.record(client, _TOO_SLOW, "a transfer")
                raise

    async def _send_rest(self, connection: _Connection, writer: asyncio.StreamWriter) -> None:
        """Send what the buffer still holds: who has stopped asking may still read."""
        writer.transport.set_write_buffer_limits(high=0)
        try:
            async with asyncio.timeout(self._limits.write_seconds):
                await writer.drain()
        except TimeoutError:
            self._refusals.record(str(connection.address), _TOO_SLOW, "a transfer")
            raise

    async def _transfer(
        self, connection: _Connection, writer: asyncio.StreamWriter, stream: TransferStream
    ) -> None:
        async with (
            self._slots.take(client_of(connection.address)) as slot,
            contextlib.aclosing(stream.messages()) as messages,
        ):
            async for message in messages:
                slot.begin()
                await _write(writer, message)
                slot.took()
                connection.is_of_use()


async def _write(writer: asyncio.StreamWriter, message: bytes) -> None:
    writer.write(len(message).to_bytes(_LENGTH, "big"))
    writer.write(message)
    await writer.drain()
    await asyncio.sleep(0)  # drain returns at once while there is room; others need their turn
