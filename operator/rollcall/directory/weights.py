"""How a canary's part of the answers becomes counts of records, where these have no weights."""

import hashlib
from collections.abc import Iterable

from rollcall.model import Key, UnweightedTargets

MAX_LISTED = 64
"""Larger RRsets are cut where they are published without weights, which would undo a ratio of counts."""


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
