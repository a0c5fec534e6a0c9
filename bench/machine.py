"""The machine that the figures are from, and how much of it other work had meanwhile."""

import os
import platform
import time
from pathlib import Path
from typing import Any

from bench.processes import cpu_seconds, descendants

BUSY_SHARE = 0.05
"""Other work above this share of the machine's CPU time is warned of: its effect on p99 can be seen."""


def facts() -> dict[str, Any]:
    """Return what a reader must know to compare figures."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_kb = next(
        int(line.split()[1])
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal:")
    )
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_mb": round(memory_kb * 1024 / 1e6),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def load_average() -> list[float]:
    """Return the load averages of 1, 5 and 15 minutes."""
    return [round(load, 2) for load in os.getloadavg()]


class OthersMeter:
    """How much CPU time the rest of the machine used since it was made: all but us and what we started."""

    def __init__(self) -> None:
        self._ours = _our_seconds()
        self._all = _machine_seconds()
        self._began = time.monotonic()

    def share(self) -> float:
        """Return the share of the machine's CPU time, 1.0 being all cores."""
        elapsed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        others = (_machine_seconds() - self._all) - (_our_seconds() - self._ours)
        return max(0.0, others / elapsed) if elapsed else 0.0


def other_work_now(seconds: float = 1.0) -> float:
    """Return the share of the machine that others use, looked at for a moment."""
    meter = OthersMeter()
    time.sleep(seconds)
    return meter.share()


def _our_seconds() -> float:
    ended = os.times()
    running = cpu_seconds([os.getpid(), *descendants(os.getpid())])
    return running + ended.children_user + ended.children_system


def _machine_seconds() -> float:
    """CPU time of the whole machine but for idle and waiting: user, nice, system, irq, softirq."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
