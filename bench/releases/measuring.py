"""All of this part, one measurement after the other."""

from collections.abc import Callable
from typing import Any

from bench.parts import measure_each
from bench.releases import cost, evenness, shares, switches
from bench.stage import Extent, Stage, opened

STEPS: dict[str, Callable[[Stage], dict[str, Any]]] = {
    "switches": switches.measure,
    "shares": shares.measure,
    "evenness": evenness.measure,
    "cost": cost.measure,
}


def measure(extent: Extent, other_work: dict[str, float], failed: dict[str, str]) -> dict[str, Any]:
    """Measure everything, see `measure_each`."""
    with opened(extent, rollcall_only=True) as stage:
        return measure_each("releases", STEPS, stage, other_work, failed)
