"""All of this part, one measurement after the other."""

import subprocess
from collections.abc import Callable
from typing import Any

from bench.parts import measure_each
from bench.stage import Extent
from bench.targets import bursts, largezone, restarts, secondaries, updates
from bench.targets.scene import Scene, opened
from controlplane import programs

STEPS: dict[str, Callable[[Scene], dict[str, Any]]] = {
    "updates": updates.measure,
    "secondaries": secondaries.measure,
    "bursts": bursts.measure,
    "large": largezone.measure,
    "restart": restarts.measure,
}
"""In this order: the restart is one with the large zone at both servers."""


def measure(extent: Extent, other_work: dict[str, float], failed: dict[str, str]) -> dict[str, Any]:
    """Measure everything, see `measure_each`; `versions` are those of the other servers."""
    versions = {"named": _version("named", "-v"), "knotd": _version("knotd", "-V")}
    with opened(extent) as scene:
        return {"versions": versions, **measure_each("targets", STEPS, scene, other_work, failed)}


def _version(program: str, option: str) -> str:
    """Return what Debian's program says of its version. Raises ProgramMissing."""
    command = [str(programs.find(program)), option]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
