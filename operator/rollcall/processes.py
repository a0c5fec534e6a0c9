"""What every process of Rollcall owes the one that started it."""

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterator

EX_CONFIG = 78
"""The exit code of a process that no restart can help (sysexits.h)."""

LEAVE = signal.SIGUSR1
"""Tells the control process that the end is near: it isn't ready any more and lets others lead, and goes on
with all else until SIGTERM. One that is still starting is ended by it, which is as good."""

SIGNS_VARIABLE = "ROLLCALL_SIGNS_FD"
"""The environment variable with the descriptor that a process is to give its signs of life on."""

SIGN_SECONDS = 1.0
"""From one sign of life to the next: half of the shortest silence that is taken for a hang."""

MOST_DESCRIPTORS = 1 << 16
"""Far more than the limits of all servers here come to; some programs walk through all that they may have."""

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


def raise_descriptor_limit() -> None:
    """Have this process, and those that it starts, use the descriptors that they may: up to the hard limit.

    The soft one, often 1,024, is for programs that use select(2) (systemd.exec(5), LimitNOFILE).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def giving_signs() -> Iterator[None]:
    """Give the supervisor a sign of life from the event loop, again and again, for as long as the block runs.

    It comes from the loop so that one which is stuck gives none. A process that was started by hand has no
    `SIGNS_VARIABLE` and gives none either. Where nobody reads them any more, this process was given up: it
    ends, lest it share a port with the one in its place.
    """
    named = os.environ.pop(SIGNS_VARIABLE, "")  # not for the processes that this one starts
    if not named:
        yield
        return
    descriptor = int(named)
    os.set_blocking(descriptor, False)
    loop = asyncio.get_running_loop()
    timer: asyncio.Handle

    def give() -> None:
        nonlocal timer
        try:
            os.write(descriptor, b".")
        except BlockingIOError:
            pass  # the supervisor stands still; it finds enough of them when it goes on
        except BrokenPipeError:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        timer = loop.call_later(SIGN_SECONDS, give)

    timer = loop.call_soon(give)
    try:
        yield
    finally:
        timer.cancel()
