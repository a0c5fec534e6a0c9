"""Which records an answer holds: k of N by weight, without replacement, in random order.

"By weight without replacement" means: the first record is picked with a probability in proportion to its
weight, the next one in the same way among those that are left, and so on. The order of picking is the order
of the answer, so that clients which take the first address follow the weights too.
"""

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence, Set
from itertools import accumulate
from math import log
from random import Random

from rollcall.zone.cut import as_told, chosen

from .variants import RDATA_OFFSET

Sampler = Callable[[], Sequence[bytes]]

Picker = Callable[[], Sequence[int]]
"""Returns records by number, in the order of picking; none where there is nothing to order."""


def answerable(members: Mapping[bytes, int]) -> dict[bytes, int]:
    """Leave the records that may be answered: weight 0 never is, unless all weights are 0."""
    positive = {rdata: weight for rdata, weight in members.items() if weight}
    return positive or dict.fromkeys(members, 1)


def whole(
    members: dict[bytes, int], rdtype: int, most: int, room: int, canary: Set[bytes] = frozenset()
) -> dict[bytes, int]:
    """Leave `most` records, and what fits in `room` bytes as an answer: the same ones for everybody.

    `canary` are those of a canary's side, which go on having its share.
    """
    size = len(members) * RDATA_OFFSET + sum(map(len, members))
    if len(members) <= most and size <= room:
        return members
    kept = {}
    for rdata in chosen(rdtype, members, most, canary):
        room -= RDATA_OFFSET + len(rdata)
        if room < 0:
            break
        kept[rdata] = members[rdata]
    return as_told(rdtype, kept, members, canary)


def sampler(records: Sequence[bytes], weights: Sequence[int], count: int, rng: Random) -> Sampler:
    """Make a function that picks `count` of the records afresh at each call; weights are positive."""
    if min(weights) == max(weights):
        return lambda: rng.sample(records, count)
    if 2 * count >= len(records):
        return lambda: [records[index] for index in _by_waiting(weights, count, rng)]
    cumulative = list(accumulate(weights))
    return lambda: [records[index] for index in _by_drawing(weights, cumulative, count, rng, [])]


def picker(weights: Sequence[int], count: int, rng: Random) -> Picker:
    """Make a function that picks `count` of the records, which are positive in weight, afresh at each call.

    Without a record that was picked first in another way, what is left of an order is one of picking among
    the others: see `_by_waiting`.
    """
    if count == 1:
        return lambda: ()
    if 2 * count >= len(weights):
        return lambda: _by_waiting(weights, count, rng)
    cumulative = list(accumulate(weights))
    return lambda: _by_drawing(weights, cumulative, count, rng, [])


def _by_waiting(weights: Sequence[int], count: int, rng: Random) -> list[int]:
    """Every record waits for a time that is exponential in its weight; those that come first are picked.

    Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006): the order of such times is
    an order of picking. O(N log N), so for answers that hold much of the set. What comes after some of the
    records were taken away is an order of picking among those that are left.
    """
    random = rng.random
    waits = [-log(1.0 - random()) / weight for weight in weights]
    return sorted(range(len(weights)), key=waits.__getitem__)[:count]


def _by_drawing(
    weights: Sequence[int], cumulative: list[int], count: int, rng: Random, chosen: list[int]
) -> list[int]:
    """Draw with replacement and pass over what was drawn before: O(k log N) while many are left.

    `chosen`, fewer than `count`, were drawn before; the others are added to it. Where a few heavy records
    hold most of the weight, draws hit little but those; after 2k draws the weights of what is left are summed
    up anew.
    """
    random = rng.random
    last = len(weights) - 1  # where rounding up to the total ends
    while True:
        total = cumulative[-1]
        for _ in range(2 * count):
            index = bisect(cumulative, random() * total, 0, last)
            if index not in chosen:
                chosen.append(index)
                if len(chosen) == count:
                    return chosen
        left = list(weights)
        for index in chosen:
            left[index] = 0
        cumulative = list(accumulate(left))
