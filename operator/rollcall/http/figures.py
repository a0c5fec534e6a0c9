"""The text of /metrics, for as many as ask for it."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

SHARE = 0.1
"""Of the event loop's time, that rendering takes at most; a large one takes tens of milliseconds."""


class Figures:
    """The last rendering. `monotonic` is a clock, in seconds."""

    def __init__(
        self, registry: CollectorRegistry, monotonic: Callable[[], float] = time.perf_counter
    ) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._number = 0
        self._text = ""
        self._good_until = float("-inf")

    def rendering(self) -> tuple[str, str]:
        """Return a tag and a text: what it is now, or was a moment ago, ten times as long as to render it."""
        began = self._monotonic()
        if began >= self._good_until:
            self._text = generate_latest(self._registry).decode()
            self._number += 1
            self._good_until = began + (self._monotonic() - began) / SHARE
        return f"metrics {self._number}", self._text
