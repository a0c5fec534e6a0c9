"""A DNS server that does to updates what a test says: for answers that real servers give in trouble only."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

from nameservers import tsig_key

Decide = Callable[[dns.message.Message], dns.rcode.Rcode | bytes]


class Stub:
    """Answers for one zone, which stays empty. `decide` gives the code of an update, or octets to send."""

    def __init__(self, zone: str, decide: Decide) -> None:
        self.zone = zone
        self.decide = decide
        self.updates = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                answer = self._answer(await reader.readexactly(length))
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def _answer(self, wire: bytes) -> bytes:
        request = dns.message.from_wire(wire, keyring=tsig_key())
        if request.opcode() == dns.opcode.UPDATE:
            self.updates += 1
            decided = self.decide(request)
            if isinstance(decided, bytes):
                return decided
            return _response(request, decided)
        kind = request.question[0].rdtype
        if kind == dns.rdatatype.AXFR:
            return _response(request, dns.rcode.REFUSED)
        soa = dns.rrset.from_text(self.zone + ".", 5, "IN", "SOA", "ns.invalid. host.invalid. 1 5 5 5 5")
        return _response(request, dns.rcode.NOERROR, soa if kind == dns.rdatatype.SOA else None)


def _response(
    request: dns.message.Message, rcode: dns.rcode.Rcode, answer: dns.rrset.RRset | None = None
) -> bytes:
    response = dns.message.make_response(request)
    response.flags |= dns.flags.AA
    response.set_rcode(rcode)
    if answer is not None:
        response.answer.append(answer)
    return response.to_wire()


@asynccontextmanager
async def stub(zone: str, decide: Decide) -> AsyncIterator[Stub]:
    """Run a stub on loopback."""
    it = Stub(zone, decide)
    listener = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.port = listener.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        listener.close()
        await listener.wait_closed()
