"""Saying which query broke the server, once a second at most: a sender can repeat it at line rate."""

import logging
import time

from rollcall.feed.frames import Stats

log = logging.getLogger(__name__)
_INTERVAL_SECONDS = 1.0
_SHOWN_BYTES = 96


class FailureLog:
    """Counts failures and logs the first of each second."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._quiet_until = float("-inf")

    def record(self, client: str, query: bytes) -> None:
        """Call in an except block: the traceback of the exception at hand is logged too."""
        self._stats.failures += 1
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _INTERVAL_SECONDS
            log.exception(
                "a query from %s of %d bytes failed, %d have so far; it begins %s",
                client,
                len(query),
                self._stats.failures,
                query[:_SHOWN_BYTES].hex(),
            )
