"""Waits for what Rollcall writes to the API server, which is gathered for up to a second."""

import time
from collections.abc import Callable

from demo.errors import Missed

_DEADLINE_SECONDS = 20.0
_POLL_SECONDS = 0.05


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a condition.

    Raises:
        Missed: it did not hold in twenty seconds; `what` says in the message what was awaited.
    """
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise Missed(f"{what} did not come in {_DEADLINE_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
