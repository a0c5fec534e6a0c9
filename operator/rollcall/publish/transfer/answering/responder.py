"""What is answered to whom: SOA, AXFR and IXFR of the zones that the settings name, nothing else.

The first of these that applies decides::

    not a DNS message                          FORMERR
    the settings have not come yet             SERVFAIL
    a signature that none of our keys made     NOTAUTH, and what is wrong in the TSIG record
    two OPT records, or one not at the root    FORMERR
    an EDNS version other than 0               BADVERS
    not a QUERY                                NOTIMP
    not one question                           FORMERR
    not for SOA, AXFR or IXFR                  REFUSED
    a zone that this client may not have       REFUSED
    SOA                                        the SOA, whoever leads; SERVFAIL while it is not known
    another replica leads                      REFUSED
    the content is not known                   SERVFAIL
    AXFR                                       the zone over TCP, REFUSED over UDP
    IXFR without the client's SOA              FORMERR
    IXFR of a client that is up to date        the SOA
    IXFR over TCP                              the difference; the zone where that is not known, or smaller
    IXFR over UDP                              the difference where it is known and fits, else the SOA
"""

from enum import StrEnum

from rollcall.dnswire.errors import MalformedMessage, TsigFault
from rollcall.dnswire.header import HEADER_SIZE, OPCODE, QR, RD, Opcode, Rcode
from rollcall.dnswire.message import Message, read, record
from rollcall.dnswire.names import QUESTION_NAME
from rollcall.dnswire.tsig import refusal, refusal_of_time
from rollcall.dnswire.types import IN, Type
from rollcall.feed.frames import TransferStats
from rollcall.zone.names import to_text
from rollcall.zone.serial import is_newer

from ..journal.difference import small_difference
from ..journal.journal import Head
from ..journal.journaled_zone import JournaledZone
from ..journal.zones import TransferZones
from ..peer import Address
from . import render
from .access import NotAuthentic, TransferAccess
from .refusals import RefusalLog, count
from .request import Request, edns_fault, finish, reply, serial_of
from .stream import TransferStream

_MOST_RECORDS_OVER_UDP = 100
_KINDS: dict[int, str] = {Type.SOA: "SOA", Type.AXFR: "AXFR", Type.IXFR: "IXFR"}


class RefusalReason(StrEnum):
    """Why a request was not answered."""

    MALFORMED = "malformed"
    BAD_KEY = "bad-key"
    BAD_SIGNATURE = "bad-signature"
    BAD_TIME = "bad-time"
    BAD_VERSION = "bad-version"
    OPCODE = "opcode"
    QUESTION = "question"
    UNKNOWN_ZONE = "unknown-zone"
    UNSIGNED = "unsigned"
    OTHER_KEY = "other-key"
    NOT_LEADING = "not-leading"
    NOT_LOADED = "not-loaded"
    NO_AXFR_OVER_UDP = "axfr-over-udp"


class _Refusal(Exception):
    def __init__(self, reason: RefusalReason, rcode: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rcode = rcode


_NO_SETTINGS = _Refusal(RefusalReason.NOT_LOADED, Rcode.SERVFAIL)


class TransferResponder:
    """Answers requests. It neither waits nor writes: its caller does."""

    def __init__(self, zones: TransferZones, stats: TransferStats, refusals: RefusalLog) -> None:
        self._zones = zones
        self._stats = stats
        self._refusals = refusals
        self._access = TransferAccess(zones.current_settings)
        zones.on_settings.append(self._on_settings)

    def respond(self, wire: bytes, address: Address, *, is_tcp: bool) -> bytes | TransferStream | None:
        """Return the answer: a message, or a transfer of many; None where none is due."""
        if len(wire) < HEADER_SIZE or wire[2] & QR >> 8:
            return None
        try:
            message = read(wire)
            if self._zones.current_settings is None:  # nor is it known which keys are ours
                return self._refuse(Request.of(wire, message, address, None, is_tcp=is_tcp), _NO_SETTINGS)
            signer = self._access.authenticate(wire, message)
        except MalformedMessage:
            self._refusals.record(str(address), RefusalReason.MALFORMED, "a message")
            return _bare(wire, Rcode.FORMERR)
        except NotAuthentic as error:
            return self._not_authentic(wire, message, address, error, is_tcp=is_tcp)
        asked = Request.of(wire, message, address, signer, is_tcp=is_tcp)
        try:
            return self._answer(asked)
        except _Refusal as error:
            return self._refuse(asked, error)

    def _refuse(self, asked: Request, refusal: _Refusal) -> bytes:
        self._refusals.record(asked.client, refusal.reason, _about(asked.message))
        return reply(asked, refusal.rcode)

    def _on_settings(self) -> None:
        self._access = TransferAccess(self._zones.current_settings)

    def _answer(self, asked: Request) -> bytes | TransferStream:
        message = asked.message
        if fault := edns_fault(asked):
            raise _Refusal(
                RefusalReason.MALFORMED if fault == Rcode.FORMERR else RefusalReason.BAD_VERSION, fault
            )
        if message.opcode != Opcode.QUERY:
            raise _Refusal(RefusalReason.OPCODE, Rcode.NOTIMP)
        if len(message.questions) != 1:
            raise _Refusal(RefusalReason.MALFORMED, Rcode.FORMERR)
        apex, rdtype, rdclass = message.questions[0]
        if rdclass != IN or rdtype not in _KINDS:
            raise _Refusal(RefusalReason.QUESTION, Rcode.REFUSED)
        self._check_access(asked, apex)
        if rdtype == Type.SOA:
            head = self._zones.head(apex)
            if head is None:
                raise _Refusal(RefusalReason.NOT_LOADED, Rcode.SERVFAIL)
            return _soa(asked, apex, head)
        if not self._zones.is_leading:
            raise _Refusal(RefusalReason.NOT_LEADING, Rcode.REFUSED)
        zone = self._zones.get(apex)
        if zone is None:
            raise _Refusal(RefusalReason.NOT_LOADED, Rcode.SERVFAIL)
        if rdtype == Type.AXFR:
            if not asked.is_tcp:
                raise _Refusal(RefusalReason.NO_AXFR_OVER_UDP, Rcode.REFUSED)
            return TransferStream(asked, zone, None, self._stats)
        return self._ixfr(asked, zone)

    def _check_access(self, asked: Request, apex: bytes) -> None:
        transfer = self._zones.transfer(apex)
        if transfer is None:
            raise _Refusal(RefusalReason.UNKNOWN_ZONE, Rcode.REFUSED)
        key = asked.signer.key if asked.signer else None
        if not self._access.allows(transfer, key, asked.address):
            raise _Refusal(RefusalReason.OTHER_KEY if key else RefusalReason.UNSIGNED, Rcode.REFUSED)

    def _ixfr(self, asked: Request, zone: JournaledZone) -> bytes | TransferStream:
        serial = serial_of(asked.message)
        if serial is None:
            raise _Refusal(RefusalReason.MALFORMED, Rcode.FORMERR)
        if serial == zone.head.serial or is_newer(serial, zone.head.serial):
            count(self._stats.transfers, "current")
            return _soa(asked, zone.apex, zone.head)
        if asked.is_tcp:
            return TransferStream(asked, zone, serial, self._stats)
        net = small_difference(zone, serial)
        if net is not None and net.record_count <= _MOST_RECORDS_OVER_UDP:
            rrsets = render.ixfr(zone.apex, net)
            wire = next(render.messages(asked.message.id, asked.answer_flags, asked.question, rrsets))
            wire, _ = finish(asked, wire)
            if len(wire) <= asked.limit:
                count(self._stats.transfers, "ixfr")
                return wire
        return _soa(asked, zone.apex, zone.head)  # it doesn't fit: the client comes back over TCP

    def _not_authentic(
        self, wire: bytes, message: Message, address: Address, error: NotAuthentic, *, is_tcp: bool
    ) -> bytes:
        """Answer with NOTAUTH and what is wrong with the signature (RFC 8945 section 5.2)."""
        unsigned = Request.of(wire, message, address, None, is_tcp=is_tcp)
        answer = reply(unsigned, Rcode.NOTAUTH)
        if error.key is not None:
            self._refusals.record(
                f"{address} with key {error.key.name}", RefusalReason.BAD_TIME, _about(message)
            )
            return refusal_of_time(answer, wire, message.tsig, error.key)
        is_bad_key = error.fault is TsigFault.BAD_KEY
        reason = RefusalReason.BAD_KEY if is_bad_key else RefusalReason.BAD_SIGNATURE
        self._refusals.record(str(address), reason, _about(message))
        return refusal(answer, wire, message.tsig, Rcode.BADKEY if is_bad_key else Rcode.BADSIG)


def _soa(asked: Request, apex: bytes, head: Head) -> bytes:
    return reply(asked, answers=(record(QUESTION_NAME, Type.SOA, IN, head.soa_ttl, head.soa),))


def _bare(wire: bytes, rcode: int) -> bytes:
    flags = QR | int.from_bytes(wire[2:4], "big") & (OPCODE | RD) | rcode
    return wire[:2] + flags.to_bytes(2, "big") + bytes(8)


def _about(message: Message) -> str:
    if message.opcode != Opcode.QUERY or len(message.questions) != 1:
        return f"a message with opcode {message.opcode}"
    name, rdtype, _ = message.questions[0]
    return f"{_KINDS.get(rdtype, f'type {rdtype}')} of {to_text(name)}"
