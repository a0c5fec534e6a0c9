"""A figure that a part of the operator holds, described for whoever collects it. No metrics library here."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

Values = Callable[[], Iterable[tuple[tuple[str, ...], float]]]
"""Yields label values and a number, when asked."""


class MetricFamily(NamedTuple):
    """A family of gauges, or of counters: its name, its help, its label names, and what reads the values."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Values
    is_counter: bool = False


def single(name: str, help_: str, value: Callable[[], float], *, is_counter: bool = False) -> MetricFamily:
    """Describe a family of one value without labels."""
    return MetricFamily(name, help_, (), lambda: [((), value())], is_counter)
