"""How a canary's part of the answers becomes weights.

The part is that of the whole side, whatever the number of its instances. Weights are those of SRV records: at
most 65,535, and never 0 for an instance that is to be answered.
"""

from collections.abc import Mapping
from typing import TypeVar

from .keys import Key

MAX_WEIGHT = 65535

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
