"""All of this part, one measurement after the other."""

from collections.abc import Callable
from typing import Any

from bench import machine
from bench.progress import say
from bench.releases import cost, evenness, shares, switches
from bench.stage import Extent, Stage, opened
from controlplane import ControlPlaneError

STEPS: dict[str, Callable[[Stage], dict[str, Any]]] = {
    "switches": switches.measure,
    "shares": shares.measure,
    "evenness": evenness.measure,
    "cost": cost.measure,
}


def measure(extent: Extent, other_work: dict[str, float], failed: dict[str, str]) -> dict[str, Any]:
    """Measure everything; a dict by step.

    A step that breaks is noted in `failed`, the share of other work on the machine in `other_work`.
    """
    results: dict[str, Any] = {}
    with opened(extent, rollcall_only=True) as stage:
        for name, step in STEPS.items():
            others = machine.OthersMeter()
            try:
                results[name] = step(stage)
            except ControlPlaneError as error:
                say(f"{name} failed: {error}")
                failed[f"releases, {name}"] = str(error)
            other_work[f"releases, {name}"] = round(others.share(), 3)
    return results
