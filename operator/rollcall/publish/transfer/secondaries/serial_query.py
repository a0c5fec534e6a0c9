"""Asks a secondary for the SOA of a zone.

Without a key first: every authoritative server answers that, while Knot takes no signed question that no acl
names. Where it is refused, the keys are tried. UDP, and TCP where UDP brings nothing or too little.
"""

import asyncio
import secrets
import time

from rollcall.dnswire.errors import MalformedMessage, TsigError, TsigFault
from rollcall.dnswire.header import AA, TC, Opcode, Rcode, flags_of, rcode_text
from rollcall.dnswire.message import Message, Question, message, question, read
from rollcall.dnswire.rdata import soa_serial
from rollcall.dnswire.tsig import Chain, sign, verify
from rollcall.dnswire.types import IN, Type
from rollcall.model import KeyRing, TsigKey
from rollcall.zone.serial import is_newer, serial_at

from .exchange import Exchange, ServerAddress
from .reasons import Diagnosis, SecondaryReason, implausible, of_signature, of_soa

UDP_SECONDS = (1.0, 2.0)
"""How long to wait for each of the datagrams."""
TCP_SECONDS = 3.0

CLOCK_REACH_SECONDS = 86_400
"""How far ahead of our clock a serial may be that anybody claims: no clock that is looked after is further
off, and a zone that changes more often than once a second is ahead of it as well."""
SIGNED_REACH_SECONDS = 366 * 86_400
"""And one that is claimed with our key: a clock may have been wrong by a year. More is nobody's to say."""

_LENGTH = 2


class SerialQuery:
    """The question for one zone's serial at one secondary; it remembers which key is asked for."""

    def __init__(self, apex: bytes, endpoint: ServerAddress, exchange: Exchange) -> None:
        self.ring: KeyRing | None = None
        self._question = Question(apex, Type.SOA, IN)
        self._endpoint = endpoint
        self._exchange = exchange
        self._key: TsigKey | None = None

    async def ask(self, ours: int | None) -> int | Diagnosis:
        """Return the serial, or why there is none. `ours` is what we have.

        A serial newer than ours has consequences here, so that it has to be said over TCP or with a key: a
        datagram is easily forged. Whoever sits at the address can claim any, to drag ours there, and with
        another one back: it has to be one that a clock explains, or is refused as a `Diagnosis`.
        """
        result: int | Diagnosis | None = None
        for key in self._keys():
            found = await self._try(key, ours)
            if isinstance(found, int):
                if ours is None or not is_newer(found, ours) or _is_explained(found, ours, key):
                    self._key = key
                    return found
                found = implausible(found, ours, is_signed=key is not None)
            if result is None or found.reason is SecondaryReason.CLOCK_SKEW:
                result = found
            if found.reason is SecondaryReason.UNREACHABLE or found.reason is SecondaryReason.EXPIRED:
                break  # no key changes that
        assert result is not None, "there is always one question"
        return result

    def _keys(self) -> list[TsigKey | None]:
        """Return what to sign with, the one that was taken last first."""
        keys = [None, *(self.ring.keys if self.ring else ())]
        return sorted(keys, key=lambda key: key != self._key)

    async def _try(self, key: TsigKey | None, ours: int | None) -> int | Diagnosis:
        try:
            found, is_sure = await self._over_udp(key)
            if isinstance(found, int) and not is_sure and ours is not None and is_newer(found, ours):
                found = await self._over_tcp(key)
        except TimeoutError:
            return self._unreachable("it doesn't answer")
        except OSError as error:
            return self._unreachable(error.strerror or str(error))
        except asyncio.IncompleteReadError:
            return self._unreachable("it closes the connection without an answer")
        except TsigError as error:
            return of_signature(error, "question for the SOA")
        except MalformedMessage as error:
            return Diagnosis(
                SecondaryReason.BAD_ANSWER,
                f"{self._endpoint} answers with what is not a DNS message: {error}.",
            )
        return found

    def _unreachable(self, why: str) -> Diagnosis:
        return Diagnosis(
            SecondaryReason.UNREACHABLE,
            f"The secondary can't be asked at {self._endpoint}: {why}. See that it runs, and that no "
            "firewall or NetworkPolicy is in the way of UDP and TCP to it.",
        )

    async def _over_udp(self, key: TsigKey | None) -> tuple[int | Diagnosis, bool]:
        """Return what it says, and whether that is certainly from it."""
        for seconds in UDP_SECONDS:
            answer: asyncio.Future[tuple[bytes, Message]] = asyncio.get_running_loop().create_future()

            def on_answer(
                wire: bytes, reply: Message, answer: asyncio.Future[tuple[bytes, Message]] = answer
            ) -> None:
                if not answer.done():
                    answer.set_result((wire, reply))

            waiting = self._exchange.expect(self._endpoint, Opcode.QUERY, self._question, on_answer)
            try:
                query, mac = self._write(waiting.ident, key)
                self._exchange.send(query, self._endpoint)
                async with asyncio.timeout(seconds):
                    wire, reply = await answer
            except TimeoutError:
                continue
            finally:
                self._exchange.forget(waiting)
            if reply.flags & TC:
                break
            return self._judge(key, mac, wire, reply), key is not None
        return await self._over_tcp(key), True

    async def _over_tcp(self, key: TsigKey | None) -> int | Diagnosis:
        ident = secrets.randbits(16)
        query, mac = self._write(ident, key)
        async with asyncio.timeout(TCP_SECONDS):
            reader, writer = await asyncio.open_connection(*self._endpoint)
            try:
                writer.write(len(query).to_bytes(_LENGTH, "big") + query)
                length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
                wire = await reader.readexactly(length)
            finally:
                writer.transport.abort()
        reply = read(wire)
        if not reply.is_response or reply.id != ident or reply.questions not in ((self._question,), ()):
            raise MalformedMessage("the response belongs to another question")
        return self._judge(key, mac, wire, reply)

    def _write(self, ident: int, key: TsigKey | None) -> tuple[bytes, bytes]:
        """Return the question in wire format, and its MAC."""
        wire = message(ident, flags_of(Opcode.QUERY), [question(*self._question)])
        if key is None:
            return wire, b""
        signed = sign(wire, key)
        return signed.wire, signed.mac

    def _judge(self, key: TsigKey | None, mac: bytes, wire: bytes, reply: Message) -> int | Diagnosis:
        if key is not None:
            if not reply.tsig:
                raise TsigError(TsigFault.UNSIGNED)
            verify(wire, reply, [key], Chain(mac))
        if reply.rcode != Rcode.NOERROR:
            return of_soa(reply.rcode)
        for each in reply.answers:
            if (each.owner, each.rdtype) == (self._question.name, Type.SOA) and reply.flags & AA:
                serial = soa_serial(each.data)
                if serial is not None:
                    return serial
        return Diagnosis(
            SecondaryReason.NOT_AUTHORITATIVE,
            f"The server at {self._endpoint} answers ({rcode_text(reply.rcode)}), but not with the "
            "authority for the zone: it may be a resolver. Make it a secondary of the zone, or name the "
            "one that is.",
        )


def _is_explained(serial: int, ours: int, key: TsigKey | None) -> bool:
    """Whether a serial newer than ours is one that we could have handed out ourselves, by some clock."""
    reach = SIGNED_REACH_SECONDS if key else CLOCK_REACH_SECONDS
    latest = serial_at(int(time.time()) + reach)
    return is_newer(latest, ours) and not is_newer(serial, latest)
