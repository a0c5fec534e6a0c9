"""Updates as messages: prerequisites, then updates of RRsets, of many units (RFC 2136).

One message takes effect as a whole or not at all. All that is written to a unit in it stands or falls with
the unit's marker, which is a prerequisite by its exact data and is replaced in the same message.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rollcall.dnswire.header import HEADER, HEADER_SIZE, Opcode, flags_of
from rollcall.dnswire.message import RECORD_FIELDS, question
from rollcall.dnswire.names import MAX_POINTER, pointer, suffixes
from rollcall.dnswire.types import CLASS_ANY, CLASS_NONE, IN, Type
from rollcall.zone.exported import ExportedRRset, RRsetKey
from rollcall.zone.marker import marker_name

MAX_RECORDS = 2000
MAX_OCTETS = 48 * 1024
"""Of a message, its signature included: PowerDNS is slow, and nobody takes more than 64 KiB."""

SIGNATURE_OCTETS = 512
"""What is left for the signature: two names and a MAC of SHA-512."""

_FIXED = RECORD_FIELDS.size


class Guard(NamedTuple):
    """What a name that we have never written must be like: not in use, or exactly these RRsets."""

    owner: bytes
    rrsets: tuple[tuple[int, ExportedRRset], ...] = ()


class RRsetUpdate(NamedTuple):
    """An RRset that is replaced; deleted where `after` is None."""

    key: RRsetKey
    after: ExportedRRset | None

    @property
    def record_count(self) -> int:
        """How many records it takes in a message."""
        return 1 + (len(self.after.records) if self.after else 0)

    @property
    def octets(self) -> int:
        """How long it is at most, its owner written once."""
        records = self.after.records if self.after else ()
        return len(self.key[0]) + _FIXED + sum(2 + _FIXED + len(data) for data in records)


class UnitUpdate(NamedTuple):
    """What a message does to one unit.

    `before` is the marker that is expected, None where there must be none; `after` replaces it, None deletes
    it. `takes_over` lets the marker's name have other records.
    """

    root: bytes
    before: ExportedRRset | None
    after: ExportedRRset | None
    updates: tuple[RRsetUpdate, ...] = ()
    guards: tuple[Guard, ...] = ()
    takes_over: bool = False

    @property
    def record_count(self) -> int:
        """How many records it takes in a message, prerequisites included."""
        count = (len(self.before.records) if self.before else 1) + 1 + (1 if self.after else 0)
        count += sum(sum(len(rrset.records) for _, rrset in guard.rrsets) or 1 for guard in self.guards)
        return count + sum(update.record_count for update in self.updates)

    @property
    def octets(self) -> int:
        """How long it is at most, if the names of RRsets are written once."""
        name = marker_name(self.root)
        marker = [data for each in (self.before, self.after) if each for data in each.records]
        count = 2 * (len(name) + _FIXED) + sum(_FIXED + 2 + len(data) for data in marker)
        for guard in self.guards:
            count += len(guard.owner) + _FIXED
            count += sum(12 + len(data) for _, rrset in guard.rrsets for data in rrset.records)
        return count + sum(update.octets for update in self.updates)


def compose(ident: int, zone: bytes, parts: Sequence[UnitUpdate]) -> bytes:
    """Write an update of a zone, without a signature."""
    writer = _Writer(ident, zone)
    for part in parts:
        _write_prerequisites(writer, part)
    prerequisites = writer.take_count()
    for part in parts:
        _write_updates(writer, part)
    return writer.finish(prerequisites, writer.take_count())


def _write_prerequisites(writer: "_Writer", part: UnitUpdate) -> None:
    name = marker_name(part.root)
    if part.before is not None:  # "RRset exists (value dependent)", section 2.4.2
        for data in part.before.records:
            writer.add(name, Type.TXT, IN, 0, data)
    elif part.takes_over:  # "RRset does not exist", section 2.4.3
        writer.add(name, Type.TXT, CLASS_NONE, 0)
    else:  # "Name is not in use", section 2.4.5
        writer.add(name, Type.ANY, CLASS_NONE, 0)
    for guard in part.guards:
        if not guard.rrsets:
            writer.add(guard.owner, Type.ANY, CLASS_NONE, 0)
        for rdtype, rrset in guard.rrsets:
            for data in rrset.records:
                writer.add(guard.owner, rdtype, IN, 0, data)


def _write_updates(writer: "_Writer", part: UnitUpdate) -> None:
    name = marker_name(part.root)
    writer.add(name, Type.TXT, CLASS_ANY, 0)  # "Delete an RRset", section 2.5.2
    if part.after is not None:
        for data in part.after.records:
            writer.add(name, Type.TXT, IN, part.after.ttl, data)
    for (owner, rdtype), after in part.updates:
        writer.add(owner, rdtype, CLASS_ANY, 0)
        if after is not None:
            for data in after.records:
                writer.add(owner, rdtype, IN, after.ttl, data)


class _Writer:
    """Writes records; the end of an owner that was there before is a pointer (RFC 1035 section 4.1.4)."""

    def __init__(self, ident: int, zone: bytes) -> None:
        self._ident = ident
        self._out = bytearray(HEADER_SIZE)
        self._out += question(zone, Type.SOA)
        self._count = 0
        self._offsets: dict[bytes, int] = {}
        for name in suffixes(zone):
            self._offsets[name] = HEADER_SIZE + len(zone) - len(name)

    def take_count(self) -> int:
        """Return how many records were added since the last call."""
        count, self._count = self._count, 0
        return count

    def add(self, owner: bytes, rdtype: int, rdclass: int, ttl: int, data: bytes = b"") -> None:
        self._name(owner)
        self._out += RECORD_FIELDS.pack(rdtype, rdclass, ttl, len(data))
        self._out += data
        self._count += 1

    def _name(self, name: bytes) -> None:
        out, offsets = self._out, self._offsets
        while name[0]:
            known = offsets.get(name)
            if known is not None:
                out += pointer(known)
                return
            if len(out) <= MAX_POINTER:
                offsets[name] = len(out)
            end = name[0] + 1
            out += name[:end]
            name = name[end:]
        out.append(0)

    def finish(self, prerequisites: int, updates: int) -> bytes:
        HEADER.pack_into(self._out, 0, self._ident, flags_of(Opcode.UPDATE), 1, prerequisites, updates, 0)
        return bytes(self._out)
