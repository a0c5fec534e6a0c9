"""The zones that secondaries get: those of the feed that the settings name, and those that are made here.

A journal has the versions that this replica served while it led: what it would have called serial 5 before
that may be another content at the replica that led then. So a journal stands still while another one leads,
and goes on with the difference between its last content and the current one.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from rollcall.feed.errors import DeltaError
from rollcall.feed.frames import TransferSettings, TransferZone
from rollcall.model import Transfer
from rollcall.zone.changes import ZoneDelta
from rollcall.zone.exported import ExportedRRset, ExportedZone, RRsetKey
from rollcall.zone.names import to_text
from rollcall.zone.serial import is_newer, next_serial, serial_at

from .archive import Archive
from .journal import Head
from .journaled_zone import JournaledZone


class _Generated(NamedTuple):
    rrsets: dict[RRsetKey, ExportedRRset]
    soa: Callable[[int], bytes]
    soa_ttl: int
    transfer: Transfer


class TransferZones:
    """The zones, by apex (wire format). It is the sink of the feed (`feed.follower.Sink`).

    Who wants to hear of changes appends to `on_version` (called with the apex whenever a served zone has a
    new version, also the first one after a start or after this replica began to lead) and to `on_settings`
    (called when the settings have changed, before the versions that come of it). Both are called in the
    event loop, in the turn of the change.
    """

    def __init__(self, archive: Archive) -> None:
        self.on_version: list[Callable[[bytes], None]] = []
        self.on_settings: list[Callable[[], None]] = []
        self._archive = archive
        self._settings: TransferSettings | None = None
        self._known: dict[bytes, ExportedZone] = {}  # every zone of the feed, also those nobody transfers
        self._loading: dict[bytes, ExportedZone] = {}
        self._is_complete = False  # the whole state has come once
        self._named: dict[bytes, Transfer] = {}
        self._generated: dict[bytes, _Generated] = {}
        self._served: dict[bytes, JournaledZone] = {}  # only while this replica leads
        self._held: dict[bytes, JournaledZone] = {}  # as they were when they were served last
        self._untold: list[bytes] | None = None  # new versions, while the settings are still being told

    @property
    def current_settings(self) -> TransferSettings | None:
        """What the control process has set, None before it has."""
        return self._settings

    @property
    def is_leading(self) -> bool:
        """Whether this replica is the one that serves transfers and sends NOTIFY."""
        return self._settings is not None and self._settings.leading

    def transfers(self) -> Iterator[TransferZone]:
        """Give the zones that are to be served, loaded or not, and who may transfer each of them.

        The generated ones are among them.
        """
        for apex, transfer in self._named.items():
            yield TransferZone(apex, transfer)
        for apex, generated in self._generated.items():
            yield TransferZone(apex, generated.transfer)

    def transfer(self, apex: bytes) -> Transfer | None:
        """Return who may transfer a zone, None where it is not to be served."""
        generated = self._generated.get(apex)
        return generated.transfer if generated else self._named.get(apex)

    def get(self, apex: bytes) -> JournaledZone | None:
        """Return a zone to be transferred from; None where its content isn't known or another one leads."""
        return self._served.get(apex)

    def head(self, apex: bytes) -> Head | None:
        """Return the current version of a zone, also while another replica leads; None if it isn't known."""
        served = self._served.get(apex)
        if served is not None:
            return served.head
        known = self._known.get(apex) if apex in self._named else None
        return _head(known) if known else None

    def serial(self, apex: bytes) -> int | None:
        """Return the serial of a zone, None while its content isn't known."""
        head = self.head(apex)
        return None if head is None else head.serial

    # Zones that are made here.

    def generate(
        self,
        apex: bytes,
        rrsets: Mapping[RRsetKey, ExportedRRset],
        soa: Callable[[int], bytes],
        soa_ttl: int,
        transfer: Transfer,
    ) -> None:
        """Serve a zone with this content (without its SOA) to those in `transfer`, or change what there is.

        `soa` returns the record data of the SOA for a serial. The serial rises only when the content is
        another one than what was served last, also over a restart. It may be called whether we lead or not.
        """
        self._generated[apex] = _Generated(dict(rrsets), soa, soa_ttl, transfer)
        self._serve_generated(apex)

    def withdraw(self, apex: bytes) -> None:
        """Serve a generated zone no longer, and forget its journal."""
        if self._generated.pop(apex, None) is not None:
            self._forget(apex)

    def overtake(self, apex: bytes, serial: int) -> None:
        """Go beyond the serial that a secondary has of a generated zone, if it is newer than ours.

        For other zones do nothing: their serials are the control process's.
        """
        generated, zone = self._generated.get(apex), self._served.get(apex)
        if generated and zone and is_newer(serial, zone.head.serial):
            self._publish(zone, generated, next_serial(serial, int(time.time())))

    # The sink of the feed.

    def configure(self, settings: TransferSettings) -> None:
        """Take what the control process has set."""
        self._settings = settings
        self._named = {zone.apex: zone.transfer for zone in settings.zones}
        self._untold = []
        self._arrange()
        for tell in self.on_settings:
            tell()
        untold, self._untold = self._untold, None
        for apex in dict.fromkeys(untold):
            self._announce(apex)

    def reset(self) -> None:
        """Begin a new state; the previous one is served on."""
        self._loading = {}

    def load(self, delta: ZoneDelta) -> None:
        """Take a part of the new state. Raises DeltaError."""
        _checked(delta)
        self._loading.setdefault(delta.apex, ExportedZone(delta.apex)).advance(delta)

    def commit(self) -> None:
        """Serve the new state: what differs is one version more."""
        before, self._known, self._loading = self._known, self._loading, {}
        self._is_complete = True
        for apex in before.keys() - self._known.keys():
            self._forget(apex)
        for apex, zone in self._served.items():
            if apex not in self._generated:
                self._catch_up(zone, _head(self._known[apex]), self._known[apex].rrsets)
        self._arrange()
        self._archive.retain({*self._known, *self._generated})

    def apply_delta(self, delta: ZoneDelta) -> None:
        """Take a change. Raises DeltaError."""
        if delta.gone:
            self._known.pop(delta.apex, None)
            self._forget(delta.apex)
            return
        _checked(delta)
        known = self._known.get(delta.apex)
        is_new = known is None
        if known is None:
            known = self._known[delta.apex] = ExportedZone(delta.apex)
        version = known.advance(delta)
        served = self._served.get(delta.apex)
        if is_new:
            self._arrange()
        elif served is not None and served.advance(_head(known), version.differences):
            self._announce(delta.apex)

    # What of them is served.

    def _arrange(self) -> None:
        for apex, zone in list(self._served.items()):
            if not self.is_leading or (apex not in self._named and apex not in self._generated):
                zone.hold()
                self._held[apex] = self._served.pop(apex)
        if not self.is_leading:
            return
        for apex in self._named:
            known = self._known.get(apex)
            if known is not None and apex not in self._served and apex not in self._generated:
                self._catch_up(self._open(apex), _head(known), known.rrsets)
        for apex in self._generated:
            if apex not in self._served:
                self._serve_generated(apex)

    def _serve_generated(self, apex: bytes) -> None:
        # Only the leader gives out serials: none may stand for two contents. And before the first whole state
        # the control process may not know all of its zones, of which this one may be made.
        if not self.is_leading or not self._is_complete:
            return
        generated = self._generated[apex]
        zone = self._served.get(apex) or self._open(apex)
        last, now = zone.journal.head, int(time.time())
        if last is None:
            serial = serial_at(now)
        elif zone.journal.rrsets == generated.rrsets and last.soa == generated.soa(last.serial):
            serial = last.serial
        else:
            serial = next_serial(last.serial, now)
        self._publish(zone, generated, serial)

    def _publish(self, zone: JournaledZone, generated: _Generated, serial: int) -> None:
        self._catch_up(zone, Head(serial, generated.soa(serial), generated.soa_ttl), generated.rrsets)

    def _catch_up(self, zone: JournaledZone, head: Head, rrsets: Mapping[RRsetKey, ExportedRRset]) -> None:
        is_new = self._served.get(zone.apex) is not zone
        self._served[zone.apex] = zone
        if zone.catch_up(head, rrsets) or is_new:
            self._announce(zone.apex)

    def _open(self, apex: bytes) -> JournaledZone:
        held = self._held.pop(apex, None)
        return held or JournaledZone(apex, *self._archive.open(apex))

    def _forget(self, apex: bytes) -> None:
        self._served.pop(apex, None)
        self._held.pop(apex, None)
        self._archive.forget(apex)

    def _announce(self, apex: bytes) -> None:
        if self._untold is not None:
            self._untold.append(apex)
            return
        for tell in self.on_version:
            tell(apex)


def _head(zone: ExportedZone) -> Head:
    return Head(zone.serial, zone.soa, zone.soa_ttl)


def _checked(delta: ZoneDelta) -> None:
    if not delta.soa:
        raise DeltaError(f"the zone {to_text(delta.apex)} comes without a SOA")
    for change in delta.rrsets:
        if not change.owner.endswith(delta.apex):
            raise DeltaError(f"{to_text(change.owner)} is not in the zone {to_text(delta.apex)}")
