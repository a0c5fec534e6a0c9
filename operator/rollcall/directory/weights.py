"""How a canary's part of the answers becomes weights, and counts of records where there are no weights.

The part is that of the whole side, whatever the number of its instances. Weights are those of SRV records: at
most 65,535, and never 0 for an instance that is to be answered.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from rollcall.model import Key, UnweightedTargets

MAX_WEIGHT = 65535
MAX_LISTED = 64
"""Larger RRsets are cut where they are published without weights, which would undo a ratio of counts."""

_SCALES = range(16, -11, -1)

_Of = TypeVar("_Of", Key, bytes)


def divide(stable: Mapping[_Of, int], canary: Mapping[_Of, int], percent: int) -> dict[_Of, int]:
    """Return the weight of each instance, so that the canary's side has `percent` (1 to 99) of the sum.

    The mappings, of instances or of their records, hold what the pods say of their own weight. The
    larger side keeps these, times a power of 2, and the smaller one is given what makes the ratio right: so
    an instance that comes or goes changes the weights of one side only.
    """
    if not any(stable.values()) or not any(canary.values()):
        return {**stable, **canary}
    if len(canary) > len(stable):
        larger, smaller, part, rest = canary, stable, 100 - percent, percent
    else:
        larger, smaller, part, rest = stable, canary, percent, 100 - percent
    heaviest, total = max(smaller.values()), sum(smaller.values())
    for scale in _SCALES:
        weights = {key: _scaled(own, scale) for key, own in larger.items()}
        wanted = round(sum(weights.values()) * part / rest)
        if max(weights.values()) <= MAX_WEIGHT and wanted * heaviest <= MAX_WEIGHT * total:
            break
    return {**weights, **_apportioned(smaller, wanted)}


def _scaled(own: int, scale: int) -> int:
    if not own:
        return 0
    return own << scale if scale >= 0 else max(1, (own + (1 << (-scale - 1))) >> -scale)


def _apportioned(owns: Mapping[_Of, int], wanted: int) -> dict[_Of, int]:
    """Divide a sum in whole numbers in proportion: the largest remainders are rounded up."""
    total = sum(owns.values())
    weights = {key: own * wanted // total for key, own in owns.items()}
    left = wanted - sum(weights.values())
    remainders = sorted(owns, key=lambda key: (-(owns[key] * wanted % total), key))
    for key in remainders[:left]:
        weights[key] += 1
    return {key: min(max(weight, 1), MAX_WEIGHT) if owns[key] else 0 for key, weight in weights.items()}


def unlisted(
    stable: Iterable[Key], canary: Iterable[Key], percent: int, targets: UnweightedTargets
) -> set[Key]:
    """Return the instances that are left out where records carry no weights."""
    if targets is UnweightedTargets.ALL:
        return set()
    if targets is UnweightedTargets.STABLE_ONLY:
        return set(canary)
    ranked = sorted(stable, key=_rank), sorted(canary, key=_rank)
    of_stable, of_canary = _counts(len(ranked[0]), len(ranked[1]), percent)
    return {*ranked[0][of_stable:], *ranked[1][of_canary:]}


def _counts(stable: int, canary: int, percent: int) -> tuple[int, int]:
    """Return how many of each side come nearest to a ratio; of several such pairs the one that holds most."""
    best = (min(stable, MAX_LISTED), 0)
    for number in range(1, min(canary, MAX_LISTED) + 1):
        exact = number * (100 - percent) // percent
        for other in (exact, exact + 1):
            pair = min(other, stable, MAX_LISTED - number), number
            best = min(best, pair, key=lambda pair: (_error(pair, percent), -sum(pair)))
    return best


def _error(pair: tuple[int, int], percent: int) -> float:
    return abs(100 * pair[1] / sum(pair) - percent)


def _rank(key: Key) -> bytes:
    """Choose by name, but not in its order: which pods are listed should not be a matter of their age."""
    return hashlib.blake2b(str(key).encode(), digest_size=8).digest()
