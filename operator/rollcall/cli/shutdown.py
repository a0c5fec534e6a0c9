"""The end of `rollcall run`, in its two steps."""

import asyncio
import logging
import signal

log = logging.getLogger(__name__)


class Shutdown:
    """How far the end has come: `leaving` is set first, `over` when everything is to stop."""

    def __init__(self, lameduck_seconds: float) -> None:
        self.leaving = asyncio.Event()
        self.over = asyncio.Event()
        self._lameduck_seconds = lameduck_seconds

    def on_signal(self, number: signal.Signals) -> None:
        """Leave on SIGTERM; end at once where somebody waits: on Ctrl-C, and on a second signal."""
        if self.leaving.is_set() or number == signal.SIGINT or not self._lameduck_seconds:
            self.end()
            return
        log.info("%s: no longer ready, answering for another %g s", number.name, self._lameduck_seconds)
        self.leaving.set()
        asyncio.get_running_loop().call_later(self._lameduck_seconds, self.end)

    def end(self) -> None:
        """Have everything stop."""
        self.leaving.set()
        self.over.set()
