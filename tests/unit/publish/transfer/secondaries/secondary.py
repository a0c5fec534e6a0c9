"""Secondaries in memory: an exchange without sockets, that notes what is sent and when."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rollcall.dnswire.header import AA, QR, Opcode, Rcode, flags_of
from rollcall.dnswire.message import Message, Question, message, question, read, record
from rollcall.dnswire.types import IN, Type
from rollcall.feed.frames import TransferZone
from rollcall.model import KeyRing, Secondary, Transfer, TsigKey
from rollcall.publish.transfer.secondaries.exchange import Exchange, ServerAddress
from rollcall.zone.names import from_text
from rollcall.zone.soa import soa_data

APEX = from_text("k8s.example.com")
ENDPOINT = ServerAddress("192.0.2.10", 53)
KEY = TsigKey("rollcall", "hmac-sha256", bytes(32))
OTHER = TsigKey("rollcall-old", "hmac-sha256", bytes(range(32)))
RING = KeyRing(KEY, OTHER)

Answer = Callable[[bytes, Message], bytes | None]


def soa(serial: int) -> bytes:
    return soa_data(from_text("ns.invalid"), from_text("hostmaster.invalid"), serial, 5)


@dataclass
class Sent:
    """A request, and when it was sent."""

    at: float
    wire: bytes
    endpoint: ServerAddress

    @property
    def message(self) -> Message:
        return read(self.wire)

    @property
    def serial(self) -> int:
        """The serial that a NOTIFY tells."""
        (answer,) = self.message.answers
        return int.from_bytes(answer.data[-20:-16], "big")


class ScriptedExchange(Exchange):
    """Gives each request to `answer`; what that returns comes back after `delay` seconds, None never."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.delay = 0.001
        self.sent: list[Sent] = []

    @property
    def pending(self) -> int:
        """How many requests wait for a response."""
        return len(self._waiting)

    def send(self, wire: bytes, endpoint: ServerAddress) -> None:
        loop = asyncio.get_running_loop()
        self.sent.append(Sent(loop.time(), wire, endpoint))
        response = self.answer(wire, read(wire))
        if response is not None:
            loop.call_later(self.delay, self.on_response, response, (endpoint.address, endpoint.port))

    def times(self, opcode: Opcode) -> list[float]:
        return [sent.at for sent in self.sent if sent.message.opcode == opcode]


def silent(wire: bytes, request: Message) -> bytes | None:
    return None


def saying(rcode: Rcode = Rcode.NOERROR) -> Answer:
    """Answer each request with this code, unsigned."""
    return lambda wire, request: response(request, rcode=rcode)


def response(
    request: Message, *, rcode: Rcode = Rcode.NOERROR, serial: int | None = None, flags: int = AA
) -> bytes:
    """Answer a request, with a SOA of this serial if there is one."""
    name, rdtype, rdclass = request.questions[0]
    answers = [] if serial is None else [record(name, Type.SOA, IN, 5, soa(serial))]
    return message(
        request.id,
        flags_of(Opcode(request.opcode), QR, flags, rcode=rcode),
        [question(name, rdtype, rdclass)],
        answers,
    )


def transfer_zone(
    name: str = "k8s.example.com", *secondaries: Secondary, catalog: str = "", networks: Iterable[str] = ()
) -> TransferZone:
    return TransferZone(from_text(name), Transfer(secondaries, tuple(networks), catalog))


SOA_QUESTION = Question(APEX, Type.SOA, IN)
