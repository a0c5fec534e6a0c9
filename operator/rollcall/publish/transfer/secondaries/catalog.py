"""Catalog zones (RFC 9432, version 2): lists of our zones, by which secondaries add and drop them.

Which zones a catalog lists follows from the settings. Its content is generated (`TransferZones.generate`);
its serial and its journal are kept like those of any zone.
"""

import asyncio
import base64
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence

from rollcall.dnswire import rdata as rd
from rollcall.dnswire.names import is_at_or_below
from rollcall.dnswire.types import Type
from rollcall.feed.frames import TransferZone
from rollcall.model import Transfer
from rollcall.zone.exported import ExportedRRset, RRsetKey
from rollcall.zone.names import InvalidName, below, from_text, to_text
from rollcall.zone.soa import soa_data

from ..journal.zones import TransferZones

log = logging.getLogger(__name__)

VERSION = "2"
HOLD_SECONDS = 15.0
"""A control process that begins knows its zones one after the other."""
TTL_SECONDS = 0
"""Nobody is to cache a catalog (section 4)."""

_INVALID = from_text("invalid")


class Catalogs:
    """Makes the catalog zones that zones name in `transfer.catalog`. Use it within one event loop.

    `problems` says what is wrong with the catalog that a zone names, by the apex of that zone.

    A secondary that finds a zone missing in a catalog deletes its copy. So a zone that is no longer in the
    settings at all stays listed for HOLD_SECONDS, and a catalog that nobody names any more is served empty.
    """

    def __init__(self, zones: TransferZones) -> None:
        self.problems: Mapping[bytes, str] = {}
        self._zones = zones
        self._made: dict[bytes, dict[bytes, TransferZone]] = {}
        self._access: dict[bytes, Transfer] = {}
        self._missing: dict[bytes, float] = {}  # zones that have left the settings, and when
        self._timer: asyncio.TimerHandle | None = None

    def is_catalog(self, apex: bytes) -> bool:
        """Whether a zone is one of the catalogs."""
        return apex in self._made

    def refresh(self) -> None:
        """Bring the catalogs up to date with the settings."""
        settings = self._zones.current_settings
        zones = settings.zones if settings is not None else ()
        wanted, problems = arrange(zones)
        for apex in [apex for apex in self._made if around(apex, zones) is not None]:
            del self._made[apex], self._access[apex]
            self._zones.withdraw(apex)
        self._hold(wanted, {zone.apex for zone in zones})
        self._made = {apex: wanted.get(apex, {}) for apex in {**self._made, **wanted}}
        for apex, members in self._made.items():
            if members:
                self._access[apex] = union(members.values())
            self._zones.generate(apex, records(apex, members), soa, TTL_SECONDS, self._access[apex])
        for apex, problem in problems.items():
            if self.problems.get(apex) != problem:
                log.error("%s: %s", to_text(apex), problem)
        self.problems = problems

    def _hold(self, wanted: dict[bytes, dict[bytes, TransferZone]], present: set[bytes]) -> None:
        """Keep zones that have just left the settings in their catalogs; look again when the time is over."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        listed = {member for members in self._made.values() for member in members}
        self._missing = {apex: self._missing.get(apex, now) for apex in listed - present}
        held = {apex for apex, since in self._missing.items() if now < since + HOLD_SECONDS}
        for apex, members in self._made.items():
            kept = {member: zone for member, zone in members.items() if member in held}
            if kept:
                wanted[apex] = kept | wanted.get(apex, {})
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if held:
            first = min(self._missing[apex] for apex in held)
            self._timer = loop.call_at(first + HOLD_SECONDS, self.refresh)


def arrange(
    zones: Sequence[TransferZone],
) -> tuple[dict[bytes, dict[bytes, TransferZone]], dict[bytes, str]]:
    """Return the members of each catalog, and what is wrong with the catalogs that zones name."""
    catalogs: dict[bytes, dict[bytes, TransferZone]] = {}
    problems: dict[bytes, str] = {}
    for zone in zones:
        text = zone.transfer.catalog
        if not text:
            continue
        try:
            apex = from_text(text)
            below(apex, unique(zone.apex), "zones")
        except InvalidName as error:
            problems[zone.apex] = f"There is no catalog {text}: {error}."
            continue
        outer = around(apex, zones)
        if outer is None:
            catalogs.setdefault(apex, {})[zone.apex] = zone
        else:
            problems[zone.apex] = (
                f"There is no catalog {text}: its name lies in the zone {to_text(outer)}. Give "
                "transfer.catalog a name outside of all zones."
            )
    return catalogs, problems


def around(catalog: bytes, zones: Iterable[TransferZone]) -> bytes | None:
    """Return the zone that a name lies in, None where there is none."""
    return next((zone.apex for zone in zones if is_at_or_below(catalog, zone.apex)), None)


def records(apex: bytes, members: Iterable[bytes]) -> dict[RRsetKey, ExportedRRset]:
    """Return the RRsets of a catalog but its SOA (section 4)."""
    rrsets: dict[RRsetKey, ExportedRRset] = {
        (apex, Type.NS): ExportedRRset(TTL_SECONDS, (_INVALID,)),
        (below(apex, "version"), Type.TXT): ExportedRRset(TTL_SECONDS, (rd.txt(VERSION),)),
    }
    for member in members:
        owner = below(apex, unique(member), "zones")
        rrsets[owner, Type.PTR] = ExportedRRset(TTL_SECONDS, (member,))
    return rrsets


def soa(serial: int) -> bytes:
    """Return the record data of a catalog's SOA."""
    return soa_data(_INVALID, _INVALID, serial, TTL_SECONDS)


def unique(member: bytes) -> str:
    """Return the label that stands for a zone: the same at any time, so that no secondary resets the zone."""
    digest = hashlib.blake2b(member, digest_size=10).digest()
    return base64.b32hexencode(digest).decode().lower()


def union(zones: Iterable[TransferZone]) -> Transfer:
    """Return who may transfer a catalog: whoever may transfer one of its members."""
    secondaries = {each: None for zone in zones for each in zone.transfer.secondaries}
    networks = {each: None for zone in zones for each in zone.transfer.allow_unsigned}
    return Transfer(tuple(secondaries), tuple(networks))
