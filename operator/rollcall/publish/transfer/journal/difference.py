"""The net difference between two versions of a zone, without those in between (RFC 1995 section 5)."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rollcall.zone.exported import ExportedRRset, RRsetKey

from .journal import Head, Step, net
from .journaled_zone import ServedZone

AT_ONCE = 5_000
"""RRsets that are looked at in one turn of the event loop: a few milliseconds."""


class RRset(NamedTuple):
    """Records of one owner, type and ttl."""

    key: RRsetKey
    ttl: int
    records: tuple[bytes, ...]


class NetDifference(NamedTuple):
    """What to take out of an old version and to put in to have the new one."""

    old: Head
    new: Head
    removed: list[RRset]
    added: list[RRset]
    record_count: int


async def difference(zone: ServedZone, serial: int) -> NetDifference | None:
    """Return the difference from an old version to the current one; None where the old one isn't known."""
    steps = _steps(zone, serial)
    if not steps:
        return None
    new = zone.head
    if sum(len(step.befores) for step in steps) <= AT_ONCE:
        return _net(steps, new, zone.journal.rrsets)
    rrsets = zone.content().rrsets  # it takes more than one turn, in which the zone moves on
    firsts: dict[RRsetKey, ExportedRRset | None] = {}
    looked_at = 0
    for step in steps:
        for key, before in step.befores:
            firsts.setdefault(key, before)
        looked_at += len(step.befores)
        if looked_at > AT_ONCE:
            looked_at = 0
            await asyncio.sleep(0)
    result = NetDifference(steps[0].head, new, [], [], 0)
    pairs = list(firsts.items())
    for start in range(0, len(pairs), AT_ONCE):
        result = _extended(result, pairs[start : start + AT_ONCE], rrsets)
        await asyncio.sleep(0)
    return result


def small_difference(zone: ServedZone, serial: int) -> NetDifference | None:
    """Return the same at once; None also where it would take too long, so that it is no small one."""
    steps = _steps(zone, serial)
    if not steps or sum(len(step.befores) for step in steps) > AT_ONCE:
        return None
    return _net(steps, zone.head, zone.journal.rrsets)


def _steps(zone: ServedZone, serial: int) -> list[Step]:
    return list(zone.journal.since(serial) or ())


def _net(steps: list[Step], new: Head, rrsets: Mapping[RRsetKey, ExportedRRset]) -> NetDifference:
    firsts: dict[RRsetKey, ExportedRRset | None] = {}
    for step in steps:
        for key, before in step.befores:
            firsts.setdefault(key, before)
    return _extended(NetDifference(steps[0].head, new, [], [], 0), firsts.items(), rrsets)


def _extended(
    result: NetDifference,
    firsts: Iterable[tuple[RRsetKey, ExportedRRset | None]],
    rrsets: Mapping[RRsetKey, ExportedRRset],
) -> NetDifference:
    count = result.record_count
    for key, before in firsts:
        after = rrsets.get(key)
        left, joined = net(before, after)
        if before and left:
            result.removed.append(RRset(key, before.ttl, left))
        if after and joined:
            result.added.append(RRset(key, after.ttl, joined))
        count += len(left) + len(joined)
    return result._replace(record_count=count)
