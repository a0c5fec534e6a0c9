"""Whether a child of the supervisor is alive: the signs that it gives, and for how long it has given none.

What counts is time in which the child could have given one. A tick of the supervisor stands for half a
second however late it comes: a machine that was suspended, a container that was frozen, a supervisor that
got no processor, make one tick of an hour, and nobody is killed for it. And of a tick in which the child
wanted to run and hardly got a processor, only what it got counts: a machine that has more to do than it can
isn't helped by more. What is left is a child that waits for ever, that was stopped, or that runs in circles.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

TICK_SECONDS = 0.5
"""For all children at once: each time that a process wakes costs as much as dozens of answers."""

STARTING_SECONDS = 30.0
"""To the first sign: the interpreter, the imports, the snapshot of a large cluster; some seconds in all."""

FAIR_SHARE = 0.5
"""Of a processor: a child that has less and wants more is kept waiting by others."""


@dataclass(slots=True)
class Silence:
    """For how long a child has given no sign. Pure. `limit_seconds` holds from its first sign on."""

    limit_seconds: float
    seconds: float = 0.0
    has_begun: bool = False

    @property
    def is_too_long(self) -> bool:
        """Whether the child hangs."""
        return self.seconds >= (self.limit_seconds if self.has_begun else STARTING_SECONDS)

    def on_sign(self) -> None:
        """Begin anew."""
        self.has_begun = True
        self.seconds = 0.0

    def on_tick(self, chance: float) -> None:
        """Count a tick without a sign, or as much of it as the child had a chance to give one."""
        self.seconds += TICK_SECONDS * chance


class Observed(Protocol):
    """What is seen of a child."""

    def heard(self) -> bool:
        """Whether it has given a sign since the last call."""

    def chance(self) -> float:
        """Return how much of a chance to give one it had since the last call, from 0 to 1."""


async def hang(child: Observed, limit_seconds: float) -> None:
    """Wait until a child hangs."""
    silence = Silence(limit_seconds)
    while not silence.is_too_long:
        await asyncio.sleep(_to_next_tick(asyncio.get_running_loop().time()))
        if child.heard():
            silence.on_sign()
        else:  # every second tick has no sign; the kernel is asked only where there is more to it
            silence.on_tick(child.chance() if silence.seconds else 1.0)


def _to_next_tick(now: float) -> float:
    """Return the seconds until all children are looked at again, which is at the same times for all."""
    seconds = TICK_SECONDS - now % TICK_SECONDS
    return seconds if seconds > TICK_SECONDS / 2 else seconds + TICK_SECONDS  # it has woken a little early


class Signs:
    """The pipe that a child gives its signs on; `writer` is the child's end. Making it can raise OSError."""

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._is_handed_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hand_over()
        os.close(self._reader)

    def hand_over(self) -> None:
        """Close the child's end here: the child has it."""
        if not self._is_handed_over:
            self._is_handed_over = True
            os.close(self.writer)

    def heard(self) -> bool:
        """Whether any has come since the last call."""
        try:
            return bool(os.read(self._reader, 1 << 12))  # nothing at all is the end of the child
        except BlockingIOError:
            return False


class Process:
    """A process and its signs, as Linux shows them; elsewhere one is taken to run whenever it wants to."""

    def __init__(self, pid: int, signs: Signs) -> None:
        self.heard = signs.heard
        self._path = Path(f"/proc/{pid}/stat")
        self._used = 0

    def chance(self) -> float:
        """Return 1 where it had its share of a processor, or wanted none, else less (proc_pid_stat(5))."""
        try:
            fields = self._path.read_text().rpartition(")")[2].split()  # the program's name may hold anything
        except OSError:
            return 1.0
        state, used = fields[0], int(fields[11]) + int(fields[12])
        had, self._used = used - self._used, used
        share = had / os.sysconf("SC_CLK_TCK") / TICK_SECONDS
        return 1.0 if state != "R" else min(1.0, share / FAIR_SHARE)
