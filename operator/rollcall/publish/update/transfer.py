"""Reading the whole zone back by AXFR (RFC 5936): what differs is found at the cost of one transfer.

Messages are read in a thread: a zone of fifty thousand records is some hundred milliseconds of work.
"""

import asyncio
from typing import NamedTuple

from rollcall.dnswire.errors import MalformedMessage, TsigError
from rollcall.dnswire.header import Opcode, Rcode, flags_of, rcode_text
from rollcall.dnswire.message import message, question, read
from rollcall.dnswire.names import is_at_or_below
from rollcall.dnswire.rdata import soa_serial
from rollcall.dnswire.tsig import Chain, sign, skip, verify
from rollcall.dnswire.types import IN, Type
from rollcall.model import TsigKey
from rollcall.model.wording import counted

from .cuts import CUT_TYPES, Cuts
from .reasons import TargetError, UpdateReason
from .server_state import ServerState, names_of, sort_names
from .session import Session

MAX_OCTETS = 256 << 20
"""Of a transfer. A server that goes on and on would keep us busy for ever."""

MAX_RECORDS = 300_000
"""In our domain, others' too. While they are sorted one takes 1.1 KB: all of them a third of a gigabyte."""

TRANSFER_SECONDS = 300.0
"""For all of it. One that trickles would keep the zone from being read for ever."""

_SOA = int(Type.SOA)


class TransferRefused(Exception):
    """The server serves no transfer of the zone to us."""


class TransferredZone(NamedTuple):
    """The zone of a server, as far as it is in our domain, in the version of this serial."""

    serial: int
    state: ServerState


async def read_zone(session: Session, zone: bytes, domain: bytes, identity: str) -> TransferredZone:
    """Transfer a zone; the session is of no use afterwards.

    Raises:
        TransferRefused: the server doesn't serve it, or not within our bounds.
        TargetError: the transfer broke off.
    """
    try:
        async with asyncio.timeout(TRANSFER_SECONDS):
            return await _read_zone(session, zone, domain, identity)
    except TimeoutError:
        raise TransferRefused(f"it takes more than {TRANSFER_SECONDS:g} s") from None


async def _read_zone(session: Session, zone: bytes, domain: bytes, identity: str) -> TransferredZone:
    signed = sign(
        message(session.next_id(), flags_of(Opcode.QUERY), [question(zone, Type.AXFR)]), session.key
    )
    session.write_message(signed.wire)
    collector = _Collector(zone, domain, session.key, Chain(signed.mac), signed.wire[:2])
    while not collector.complete:
        wire = await session.read_message()
        try:
            await asyncio.to_thread(collector.add, wire)
        except (MalformedMessage, TsigError) as error:
            if collector.started:
                text = f"A transfer of the zone from {session.server} broke off: {error}."
                raise TargetError(UpdateReason.MALFORMED, text) from None
            raise TransferRefused(str(error)) from None
    return await asyncio.to_thread(collector.contents, identity)


class _Collector:
    """Collects the messages of a transfer."""

    def __init__(self, zone: bytes, domain: bytes, key: TsigKey, chain: Chain, ident: bytes) -> None:
        self.started = False
        self.complete = False
        self._zone = zone
        self._domain = domain
        self._key = key
        self._chain = chain
        self._ident = ident
        self._serial = 0
        self._octets = 0
        self._records: list[tuple[bytes, int, int, bytes]] = []
        self._above = Cuts()

    def add(self, wire: bytes) -> None:
        """Add a message.

        Raises:
            TransferRefused: it says that there is no transfer, or there is too much of it.
            MalformedMessage: it is not one of a transfer.
            TsigError: its signature doesn't hold.
        """
        self._octets += len(wire)
        if self._octets > MAX_OCTETS:
            raise TransferRefused(f"it has more than {MAX_OCTETS} octets")
        answer = read(wire)
        if answer.rcode != Rcode.NOERROR or wire[:2] != self._ident:
            if self.started:
                raise MalformedMessage(f"the server says {rcode_text(answer.rcode)}")
            raise TransferRefused(rcode_text(answer.rcode))
        if answer.tsig:
            self._chain = verify(wire, answer, [self._key], self._chain, multi=True).chain
        else:
            self._chain = skip(wire, self._chain)
        for record in answer.answers:
            if record.rdtype == _SOA and record.owner == self._zone:
                if self.started:
                    if not answer.tsig:
                        raise MalformedMessage("the last message is not signed")
                    self.complete = True
                    return
                self.started = True
                self._serial = soa_serial(record.data) or 0
            elif not self.started:
                raise MalformedMessage("a transfer begins with a SOA record")
            elif record.rdclass == IN and self._is_ours(record.owner):
                if len(self._records) == MAX_RECORDS:
                    most = counted(MAX_RECORDS, "record", "records")
                    raise TransferRefused(f"it has more than {most} in our domain")
                self._records.append((record.owner, record.rdtype, record.ttl, record.data))
            elif record.rdtype in CUT_TYPES and self._is_above(record.owner, record.rdtype):
                self._above.add(record.owner, record.rdtype)
        if not answer.answers:
            raise MalformedMessage("a message of a transfer is empty")

    def contents(self, identity: str) -> TransferredZone:
        """Return what was transferred."""
        state = sort_names(names_of(self._records), identity)
        state.cuts.add_all(self._above)
        return TransferredZone(self._serial, state)

    def _is_ours(self, owner: bytes) -> bool:
        return owner != self._domain and is_at_or_below(owner, self._domain)

    def _is_above(self, owner: bytes, rdtype: int) -> bool:
        """Whether a cut is at or above the domain; the zone's own NS is not one."""
        is_apex = owner == self._zone and rdtype == Type.NS
        return is_at_or_below(self._domain, owner) and not is_apex
