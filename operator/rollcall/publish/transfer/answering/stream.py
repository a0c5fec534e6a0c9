"""A transfer over TCP: its messages, one after the other, of the version that was current at its beginning.

Composing is lazy: a message is made when the client has taken the previous one, so that a slow client costs
one message of memory, and the zone may move on meanwhile.
"""

import logging
import time
from collections.abc import AsyncGenerator

from rollcall.feed.frames import TransferStats
from rollcall.zone.names import to_text

from ..journal.difference import difference
from ..journal.journaled_zone import JournaledZone
from . import render
from .refusals import count
from .request import Request, finish

log = logging.getLogger(__name__)


class TransferStream:
    """An AXFR, or with the `serial` of the client's version an IXFR, which may turn out to be the same."""

    def __init__(self, asked: Request, zone: JournaledZone, serial: int | None, stats: TransferStats) -> None:
        self._asked = asked
        self._zone = zone
        self._serial = serial
        self._stats = stats

    async def messages(self) -> AsyncGenerator[bytes, None]:
        """Give the messages. Send each before asking for the next: only one exists at a time."""
        zone, asked = self._zone, self._asked
        started = time.monotonic()
        net = None if self._serial is None else await difference(zone, self._serial)
        if net is not None and net.record_count < zone.journal.record_count:
            kind, head, rrsets = "ixfr", net.new, render.ixfr(zone.apex, net)
        else:
            content = zone.content()
            kind, head, rrsets = "axfr", content.head, render.axfr(zone.apex, content)
        chain = None
        octets = 0
        for wire in render.messages(asked.message.id, asked.answer_flags, asked.question, rrsets):
            wire, chain = finish(asked, wire, chain, multi=True)
            octets += len(wire)
            yield wire
        count(self._stats.transfers, kind)
        log.log(
            logging.INFO if kind == "axfr" else logging.DEBUG,
            "%s: %s of serial %d to %s, %d octets in %.3f s",
            to_text(zone.apex),
            kind.upper(),
            head.serial,
            asked.client,
            octets,
            time.monotonic() - started,
        )
