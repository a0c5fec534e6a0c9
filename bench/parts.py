"""A part of the bench: measurements of one subject, one after the other."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bench import machine
from bench.progress import say
from controlplane import ControlPlaneError

Subject = TypeVar("Subject")


def measure_each(
    part: str,
    steps: Mapping[str, Callable[[Subject], dict[str, Any]]],
    subject: Subject,
    other_work: dict[str, float],
    failed: dict[str, str],
) -> dict[str, Any]:
    """Measure everything; a dict by step.

    A step that breaks is noted in `failed`, the share of other work on the machine in `other_work`.
    """
    results: dict[str, Any] = {}
    for name, step in steps.items():
        others = machine.OthersMeter()
        try:
            results[name] = step(subject)
        except ControlPlaneError as error:
            say(f"{name} failed: {error}")
            failed[f"{part}, {name}"] = str(error)
        other_work[f"{part}, {name}"] = round(others.share(), 3)
    return results
