"""Refused requests: counted by reason, and logged so that a stranger cannot fill the log."""

import logging
import time

from rollcall.feed.frames import TransferStats
from rollcall.model.wording import counted

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 60.0
LINES = 20
"""Refusals that are said in an interval, each client and reason once."""


def count(counter: dict[str, int], what: str) -> None:
    """Add one."""
    counter[what] = counter.get(what, 0) + 1


class RefusalLog:
    """Counts refusals by reason."""

    def __init__(self, stats: TransferStats) -> None:
        self._stats = stats
        self._said: set[tuple[str, str, str]] = set()
        self._unsaid = 0
        self._until = 0.0

    def record(self, client: str, reason: str, about: str) -> None:
        """Count a refusal; `about` says of what."""
        count(self._stats.refused, reason)
        now = time.monotonic()
        if now >= self._until:
            if self._unsaid:
                more = counted(self._unsaid, "more request was", "more requests were")
                log.warning("%s refused in the last minute", more)
            self._until = now + INTERVAL_SECONDS
            self._said.clear()
            self._unsaid = 0
        what = client, reason, about
        if what in self._said or len(self._said) >= LINES:
            self._unsaid += 1
            return
        self._said.add(what)
        log.warning("refused %s of %s: %s", about, client, reason)
