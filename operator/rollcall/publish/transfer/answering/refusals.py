"""Refused requests: counted by reason, and logged so that a stranger cannot fill the log."""

import logging
import time

from rollcall.feed.frames import TransferStats

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 60.0
"""In which a reason is said once, with the first client that gave it; the others are counted in the next."""

BROKEN = "broken"
"""The reason of what a defect of ours leaves unanswered."""


def count(counter: dict[str, int], what: str) -> None:
    """Add one."""
    counter[what] = counter.get(what, 0) + 1


class RefusalLog:
    """Counts refusals by reason, and says each reason at most once in an interval."""

    def __init__(self, stats: TransferStats) -> None:
        self._stats = stats
        self._more: dict[str, int] = {}  # by what was said in this interval: how often it was not
        self._until = 0.0

    def record(self, client: str, reason: str, about: str) -> None:
        """Count a refusal; `about` says of what."""
        if self._is_first(reason):
            log.warning("refused %s of %s: %s", about, client, reason)

    def record_broken(self, client: str) -> None:
        """Count a request that broke; call it in an except block, of which the first traceback is logged."""
        if self._is_first(BROKEN):
            log.exception("a message of %s broke", client)

    def _is_first(self, reason: str) -> bool:
        """Count; return whether it is the first in this interval."""
        count(self._stats.refused, reason)
        now = time.monotonic()
        if now >= self._until:
            more = ", ".join(f"{number} {each}" for each, number in self._more.items() if number)
            if more:
                log.warning("since the last word on each, more requests were refused: %s", more)
            self._until = now + INTERVAL_SECONDS
            self._more.clear()
        if reason not in self._more:
            self._more[reason] = 0
            return True
        self._more[reason] += 1
        return False
