"""Percentiles of what was measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

NS_A_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Some measured times in milliseconds: how many, and their percentiles by nearest rank."""

    count: int
    p50: float
    p90: float
    p99: float
    worst: float

    @classmethod
    def of_ns(cls, nanoseconds: Sequence[int]) -> Self:
        """Sum up times in nanoseconds, of which there is at least one."""
        ordered = sorted(value / NS_A_MS for value in nanoseconds)
        return cls(
            count=len(ordered),
            p50=percentile(ordered, 50),
            p90=percentile(ordered, 90),
            p99=percentile(ordered, 99),
            worst=ordered[-1],
        )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the smallest value that is at least as large as `percent` of them (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
