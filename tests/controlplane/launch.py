"""Becomes another program that dies with the process that asked for it.

Run as `python launch.py PARENT_PID PROGRAM ARGUMENT…`. On Linux the kernel kills the program when
its parent is gone, even by SIGKILL, so that no API server outlives a killed test run. It is a
program of its own, and not a preexec_fn, because Python code between fork and exec may deadlock
in a parent with threads; exec keeps the process id. Elsewhere it only becomes the program.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for the signal, and exec."""
    parent = int(sys.argv[1])
    library = ctypes.CDLL(None)
    if hasattr(library, "prctl"):
        library.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit("launch.py: the parent is gone already")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  a shell would change the process id


if __name__ == "__main__":
    main()
