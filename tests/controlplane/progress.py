"""Progress on stderr, for steps that a person waits for.

A first build of kube-apiserver takes minutes; silence for that long looks like a hang, so a step
says at once what it is and how long it may take, and then counts the seconds.
"""

import sys
import threading
import time
from types import TracebackType
from typing import Self

TICK_SECONDS = 15.0


def say(text: str) -> None:
    """Print one line of progress on stderr."""
    print(f"controlplane: {text}", file=sys.stderr, flush=True)


class Step:
    """A step that takes a while: announced, ticked every 15 seconds, and closed with its time.

    With `quiet_seconds` the announcement waits that long, so that quick steps print nothing.
    """

    def __init__(self, doing: str, done: str = "", *, quiet_seconds: float = 0.0) -> None:
        self._doing = doing
        self._done = done
        self._quiet_seconds = quiet_seconds
        self._over = threading.Event()
        self._said = False
        self._started = time.monotonic()
        self._ticker = threading.Thread(target=self._tick, daemon=True, name="progress")

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        if not self._quiet_seconds:
            self._announce()
        self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._ticker.join()
        if self._done and error is None and self._said:
            say(f"{self._done} ({self.elapsed_seconds:.0f} s)")

    def _announce(self) -> None:
        self._said = True
        say(self._doing)

    def _tick(self) -> None:
        if not self._said and not self._over.wait(self._quiet_seconds):
            self._announce()
        while not self._over.wait(TICK_SECONDS):
            say(f"… {self.elapsed_seconds:.0f} s")
