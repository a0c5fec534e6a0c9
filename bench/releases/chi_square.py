"""How likely counts as uneven as these, or more so, come of an even draw."""

from collections.abc import Sequence
from math import erfc, exp, lgamma, log, sqrt


def chance_of_first_places(counts: Sequence[int]) -> float:
    """Return p for counts that are to be equal, where each answer was counted once."""
    return tail(_statistic(counts), len(counts) - 1)


def chance_of_membership(counts: Sequence[int], places: int) -> float:
    """Return p for counts that are to be equal, where each answer counted `places` different ones, not all.

    An answer that holds none twice makes the counts more even than as many single draws would: by
    (N - k) / (N - 1), the finite population correction. Divided by it, the statistic is that of single draws.
    """
    number = len(counts)
    return tail(_statistic(counts) * (number - 1) / (number - places), number - 1)


def tail(statistic: float, degrees: int) -> float:
    """Return the chance of a chi-square of so many degrees of freedom, 1 at least, above the statistic.

    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.4.4 and 26.4.5, summed up by 26.4.8:
    exact for whole degrees, but for rounding.
    """
    if statistic <= 0:
        return 1.0
    half = statistic / 2
    if degrees % 2:
        chance, known = erfc(sqrt(half)), 1
    else:
        chance, known = exp(-half), 2
    for each in range(known, degrees, 2):
        chance += exp(each / 2 * log(half) - half - lgamma(each / 2 + 1))
    return min(chance, 1.0)


def _statistic(counts: Sequence[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 for count in counts) / expected
