"""The net difference between two versions of a zone: a condensed IXFR (RFC 1995 section 5).

A secondary that is n versions behind gets one difference and not n: what each RRset that has changed since
was in its version, against what it is now.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rollcall.zone.exported import ExportedRRset, RRsetKey

from .journal import Head, JournalEntry, net
from .journaled_zone import JournaledZone

AT_ONCE = 5_000
"""RRsets that are looked at in one turn of the event loop: a few milliseconds."""

RRsetItem: TypeAlias = tuple[RRsetKey, ExportedRRset]
"""An RRset with its owner and type, as the `items` of a content are."""


@dataclass(slots=True)
class NetDifference:
    """What to take out of an old version and to put in to have the new one."""

    old: Head
    new: Head
    removed: list[RRsetItem] = field(default_factory=list)
    added: list[RRsetItem] = field(default_factory=list)
    record_count: int = 0


async def difference(zone: JournaledZone, serial: int) -> NetDifference | None:
    """Return the difference from an old version to the current one; None where the old one isn't known."""
    entries = zone.journal.since(serial)
    if _is_small(entries):
        return _at_once(zone, entries)
    result = NetDifference(entries[0].head, zone.head)
    # A content that stays: it takes more than one turn, in which the zone moves on.
    for _ in _fill(result, entries, zone.content().rrsets):
        await asyncio.sleep(0)
    return result


def small_difference(zone: JournaledZone, serial: int) -> NetDifference | None:
    """Return the same at once; None also where that would take too long, as the difference is not small."""
    entries = zone.journal.since(serial)
    return _at_once(zone, entries) if _is_small(entries) else None


def _is_small(entries: list[JournalEntry]) -> bool:
    return sum(len(entry.previous) for entry in entries) <= AT_ONCE


def _at_once(zone: JournaledZone, entries: list[JournalEntry]) -> NetDifference | None:
    if not entries:
        return None
    result = NetDifference(entries[0].head, zone.head)
    for _ in _fill(result, entries, zone.journal.rrsets):
        pass
    return result


def _fill(
    result: NetDifference, entries: list[JournalEntry], rrsets: Mapping[RRsetKey, ExportedRRset]
) -> Iterator[None]:
    """Compute a difference to `rrsets`, with a pause after about each AT_ONCE RRsets."""
    firsts: dict[RRsetKey, ExportedRRset | None] = {}
    looked_at = 0
    for entry in entries:
        for key, before in entry.previous:
            firsts.setdefault(key, before)
        looked_at += len(entry.previous)
        if looked_at >= AT_ONCE:
            looked_at = 0
            yield
    for number, (key, before) in enumerate(firsts.items(), 1):
        after = rrsets.get(key)
        left, joined = net(before, after)
        if before and left:
            result.removed.append((key, ExportedRRset(before.ttl, left)))
        if after and joined:
            result.added.append((key, ExportedRRset(after.ttl, joined)))
        result.record_count += len(left) + len(joined)
        if number % AT_ONCE == 0:
            yield
