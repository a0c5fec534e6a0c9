"""What every process of Rollcall owes the one that started it."""

import ctypes
import os
import signal
import sys

EX_CONFIG = 78
"""The exit code of a process that no restart can help (sysexits.h)."""

LEAVE = signal.SIGUSR1
"""Tells the control process that the end is near: it isn't ready any more and lets others lead, and goes on
with all else until SIGTERM. One that is still starting is ended by it, which is as good."""

_PR_SET_PDEATHSIG = 1


def end_with(parent_pid: int) -> None:
    """Have the kernel end this process when its parent ends, however it ends.

    A DNS worker that outlived its supervisor would hold its share of the port (SO_REUSEPORT) and answer from
    a state that nobody feeds any longer. Linux only; elsewhere an orderly stop has to do.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # it ended before we asked
        os.kill(os.getpid(), signal.SIGTERM)
