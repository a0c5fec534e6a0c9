"""Which records stand for a set that is larger than what may be told of it: the same ones for everybody.

They follow from the records alone, those whose hashes are smallest: a change of one member changes at most
two of what is chosen, and every worker, replica and target chooses the same, before and after a restart. A
draw for each answer would tell a consumer that takes the set for the truth of members that come and go.

Both sides of a canary release are in what is chosen, and SRV records say there what share each of them has:
weights that were made for all of a set would give another one among some of it.
"""

import hashlib
from collections.abc import Collection, Iterable, Set
from functools import lru_cache
from heapq import nsmallest

from rollcall.dnswire.types import Type
from rollcall.model.weights import divide

_SRV = int(Type.SRV)
_WEIGHT = slice(2, 4)  # behind the priority, in the data of a SRV record
_PORT_OFFSET = 4
_FINENESS = 1000
"""Weights within a side count as so many parts of the largest: what is rounded in them moves no record."""


def chosen(
    rdtype: int, members: Collection[bytes], most: int, canary: Set[bytes] = frozenset()
) -> list[bytes]:
    """Return `most` of the records' data, in the order in which they would be given up last.

    `canary` are those of a canary's side. The first record of each side is before all others.
    """
    smallest = nsmallest(most, members, key=lambda data: rank(rdtype, data))
    sides = _sides(members, canary)
    if not all(sides):
        return smallest
    firsts = [
        min(side, key=lambda data: rank(rdtype, data))
        for side in sorted(sides, key=lambda side: _total(rdtype, side), reverse=True)
    ]
    return [*firsts, *(data for data in smallest if data not in firsts)][:most]


def as_told(
    rdtype: int, kept: dict[bytes, int], members: Collection[bytes], canary: Set[bytes]
) -> dict[bytes, int]:
    """Return the records that were chosen, with weights that give each side the share that it has of all.

    `kept` are they by weight; `members` are all. Shares are whole percents, as they are asked for: so a
    record that isn't chosen changes nothing by coming or going.
    """
    sides = _sides(kept, canary)
    if rdtype != _SRV or not all(sides):
        return kept
    stable, on_trial = (_total(_SRV, side) for side in _sides(members, canary))
    if not stable or not on_trial:
        return kept
    percent = min(max(round(100 * on_trial / (stable + on_trial)), 1), 99)
    weights = divide(_parts(sides[0]), _parts(sides[1]), percent)
    return {
        data[: _WEIGHT.start] + weights[data].to_bytes(2, "big") + data[_WEIGHT.stop :]: weights[data]
        for data in kept
    }


def rank(rdtype: int, data: bytes) -> bytes:
    """Return a record's place in the choice. The weight of a SRV record doesn't move it: a canary goes on."""
    return _hash(data[_PORT_OFFSET:] if rdtype == _SRV else data)


def _sides(members: Iterable[bytes], canary: Set[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the stable side and the canary's."""
    sides: tuple[list[bytes], list[bytes]] = [], []
    for data in members:
        sides[data in canary].append(data)
    return sides


def _total(rdtype: int, side: Iterable[bytes]) -> int:
    """Return what a side weighs: as many as it has where records carry no weights."""
    return sum(_weight(data) if rdtype == _SRV else 1 for data in side)


def _parts(side: list[bytes]) -> dict[bytes, int]:
    largest = max(map(_weight, side))
    return {data: max(round(_FINENESS * _weight(data) / largest), 1) for data in side}


def _weight(data: bytes) -> int:
    return int.from_bytes(data[_WEIGHT], "big")


@lru_cache(maxsize=1 << 16)
def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()
