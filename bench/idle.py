"""What the servers use while nothing happens."""

import time
from dataclasses import asdict
from typing import Any

from bench.processes import fine_cpu_seconds, memory
from bench.progress import say
from bench.stage import Stage


def measure(stage: Stage) -> dict[str, Any]:
    """Measure CPU time and memory of each role; a dict by server."""
    stage.settle()
    seconds = stage.extent.idle_seconds
    say(f"idle for {seconds:.0f} s")
    roles = {peer.name: peer.roles() for peer in stage.peers}
    before, began = _used(roles), time.monotonic()
    time.sleep(seconds)
    after, elapsed = _used(roles), time.monotonic() - began

    def percent(name: str, role: str) -> float:
        return (after[name, role] - before[name, role]) / elapsed * 100

    return {
        name: {
            "cpu_percent": sum(percent(name, role) for role in of),
            "pss_mb": sum(memory(pids).pss_mb for pids in of.values()),
            "roles": {
                role: {
                    "processes": len(pids),
                    "cpu_percent": percent(name, role),
                    **asdict(memory(pids)),
                }
                for role, pids in of.items()
            },
        }
        for name, of in roles.items()
    }


def _used(roles: dict[str, dict[str, list[int]]]) -> dict[tuple[str, str], float]:
    return {(name, role): fine_cpu_seconds(pids) for name, of in roles.items() for role, pids in of.items()}
