"""What the kernel knows of processes: their CPU time, their memory, who started whom (proc(5))."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of some processes in MB of 10^6 bytes.

    `pss_mb` counts a page that n processes share as 1/n, so that sums are true; `rss_mb` counts it in each.
    """

    rss_mb: float
    pss_mb: float


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that these processes have used, in user and kernel mode; 0 for those that ended."""
    return sum(sum(map(int, fields[11:13])) for pid in pids if (fields := _stat(pid))) / _TICKS_A_SECOND


def fine_cpu_seconds(pids: Iterable[int]) -> float:
    """Return the same to the nanosecond, for processes that use next to nothing.

    `cpu_seconds` is cut down to whole ticks of 10 ms in each process. This is the sum over the threads that
    there are: the time of those that have ended is lost.
    """
    nanoseconds = 0
    for pid in pids:
        for file in (_PROC / str(pid) / "task").glob("*/schedstat"):
            with suppress(OSError):
                nanoseconds += int(file.read_text().split()[0])
    return nanoseconds / 1e9


def memory(pids: Iterable[int]) -> Memory:
    """Return the resident memory of these processes, summed up."""
    rss = pss = 0
    for pid in pids:
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "Rss":
                rss += int(rest.split()[0])
            elif name == "Pss":
                pss += int(rest.split()[0])
    return Memory(rss * 1024 / 1e6, pss * 1024 / 1e6)


def command_line(pid: int) -> str:
    """Return a process's command line, "" when it has ended."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """Return the processes that this one started, and those that they started, oldest first."""
    children: dict[int, list[int]] = {}
    for each in sorted(int(folder.name) for folder in _PROC.iterdir() if folder.name.isdigit()):
        if fields := _stat(each):
            children.setdefault(int(fields[1]), []).append(each)
    found: list[int] = []
    new = [pid]
    while new:
        new = [child for parent in new for child in children.get(parent, ())]
        found += new
    return sorted(found)


def settle(pids: Iterable[int], share: float = 0.05, timeout_seconds: float = 90.0) -> bool:
    """Wait until these processes together use less than a share of a core; False when they never did."""
    watched = tuple(pids)
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        began, used = time.monotonic(), cpu_seconds(watched)
        time.sleep(1.0)
        if cpu_seconds(watched) - used < share * (time.monotonic() - began):
            return True
    return False


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on; none when the process has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
