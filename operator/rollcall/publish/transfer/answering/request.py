"""A request as its answer needs it, and the answers that every kind of request may get."""

from typing import NamedTuple, Self

from rollcall.dnswire.edns import MIN_PAYLOAD, Edns
from rollcall.dnswire.header import AA, HEADER_SIZE, MAX_MESSAGE, QR, RD, TC, Rcode
from rollcall.dnswire.message import Message, ResourceRecord, question
from rollcall.dnswire.names import ROOT
from rollcall.dnswire.rdata import soa_serial
from rollcall.dnswire.tsig import Chain, Verified, sign
from rollcall.dnswire.types import Type

from ..peer import Address


class Request(NamedTuple):
    """A request whose signature has been checked. `question` is as it has to stand in the answer, or b""."""

    message: Message
    question: bytes
    address: Address
    is_tcp: bool
    signer: Verified | None
    edns: Edns | None

    @classmethod
    def of(
        cls, wire: bytes, message: Message, address: Address, signer: Verified | None, *, is_tcp: bool
    ) -> Self:
        """Make a request of a message whose signature has been checked."""
        asked = b""
        if message.questions:
            asked = question(*message.questions[0])
            as_sent = wire[HEADER_SIZE : HEADER_SIZE + len(asked)]
            name = message.questions[0].name
            if as_sent[: len(name)].lower() == name:  # the case of letters goes back as it came
                asked = as_sent
        edns = next((Edns.of(each.rdclass, each.ttl) for each in _opt_records(message)), None)
        return cls(message, asked, address, is_tcp, signer, edns)

    @property
    def flags(self) -> int:
        """What the header of every answer to it begins with."""
        return QR | self.message.opcode << 11 | self.message.flags & RD

    @property
    def answer_flags(self) -> int:
        """The second 16 bits of the header of an answer with records."""
        return self.flags | AA

    @property
    def limit(self) -> int:
        """How many octets its answer may have."""
        if self.is_tcp:
            return MAX_MESSAGE
        return self.edns.payload if self.edns else MIN_PAYLOAD

    @property
    def client(self) -> str:
        """Who asks, for people."""
        key = f" with key {self.signer.key.name}" if self.signer else ""
        return f"{self.address}{key}"


def edns_fault(asked: Request) -> Rcode:
    """Return the rcode that is due for an OPT record that is not valid (RFC 6891 section 6.1)."""
    options = _opt_records(asked.message)
    if len(options) > 1 or any(each.owner != ROOT for each in options):
        return Rcode.FORMERR
    return Rcode.BADVERS if asked.edns and asked.edns.version else Rcode.NOERROR


def serial_of(message: Message) -> int | None:
    """Return which version the sender of an IXFR request has (RFC 1995 section 3); None if it doesn't say."""
    for each in message.authorities:
        if each.rdtype == Type.SOA and each.owner == message.questions[0].name:
            return soa_serial(each.data)
    return None


def reply(to: Request, rcode: int = 0, answers: tuple[bytes, ...] = ()) -> bytes:
    """Return an answer of one message; where it is too long for UDP, one that sends the client to TCP."""
    flags = to.flags | rcode & 15 | (AA if answers else 0)
    header = to.message.id.to_bytes(2, "big") + flags.to_bytes(2, "big")
    body = header + bytes((0, bool(to.question), 0, len(answers), 0, 0, 0, 0)) + to.question
    wire = finish(to, b"".join((body, *answers)), extended=rcode >> 4)[0]
    if len(wire) <= to.limit or not answers:
        return wire
    short = header[:2] + (flags | TC).to_bytes(2, "big") + bytes((0, 1, 0, 0, 0, 0, 0, 0)) + to.question
    return finish(to, short)[0]


def finish(
    to: Request, wire: bytes, chain: Chain | None = None, *, extended: int = 0, multi: bool = False
) -> tuple[bytes, Chain | None]:
    """Add EDNS and signature to an answer that has no additional records, as its request had them.

    `chain` is that of the previous message; EDNS is for the first message only. `extended` are the upper
    bits of the rcode. It returns the chain for the next message.
    """
    if to.edns is not None and chain is None:
        wire = b"".join((wire[:10], b"\0\1", wire[HEADER_SIZE:], to.edns.reply(extended)))
    if to.signer is None:
        return wire, chain or Chain()
    signed = sign(wire, to.signer.key, chain or Chain(to.signer.mac), multi=multi)
    return signed.wire, signed.chain


def _opt_records(message: Message) -> list[ResourceRecord]:
    return [each for each in message.additional if each.rdtype == Type.OPT]
