"""What holds for every tier."""

import asyncio
import os
import signal

import pytest

WORKERS_PER_CORE = 2
"""Of `pytest -n auto`: one that waits for a server leaves its core to another."""


def pytest_xdist_auto_num_workers() -> int:
    """Return how many tests run at once, on the cores that we may use."""
    return WORKERS_PER_CORE * len(os.sched_getaffinity(0))


def pytest_sessionstart() -> None:
    """Leave the main thread without an event loop, so that none is made on the way and never closed.

    Up to Python 3.13, `asyncio.get_event_loop()` makes one where none was ever set; pytest-asyncio asks for
    the current loop in order to restore it. The garbage collector would then blame some test for it.
    """
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let Ctrl-C end what tests start, and this process, where they press it.

    A shell without job control has what it puts in the background ignore the signal, which is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
