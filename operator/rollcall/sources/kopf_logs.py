"""What kopf logs, in our words' company: its warnings pass, its chatter doesn't."""

import contextlib
import logging
from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

_CHATTER = (
    "OS signals are ignored",  # said at every start outside the main thread; we handle signals ourselves
    "Request attempt",  # each retry; the list beside kopf says once that the API server is away
)

_FATAL = " has failed: "
"""Each task that an error passes through on its way out says so; who started kopf says it once more."""

_UNRESOLVED = "Unresolved resources"
"""It has found a kind missing that was listed a moment ago, and would never look for it again: an API server
that has just started serves our kinds a little later than it answers."""


class _Relay(logging.Handler):
    """Hands records on to our own loggers; chatter and tracebacks are for debugging."""

    def __init__(self, on_unresolved: Callable[[], None], is_ending: Callable[[], bool]) -> None:
        super().__init__(logging.WARNING)
        self._on_unresolved = on_unresolved
        self._is_ending = is_ending

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith(_UNRESOLVED):
            self._on_unresolved()
        is_chatter = message.startswith(_CHATTER) or _FATAL in message or self._is_ending()
        level = logging.DEBUG if is_chatter else min(record.levelno, logging.WARNING)
        if log.isEnabledFor(level):
            is_debugging = log.isEnabledFor(logging.DEBUG)
            log.log(level, "kopf: %s", message, exc_info=record.exc_info if is_debugging else None)


@contextlib.contextmanager
def relayed(on_unresolved: Callable[[], None], is_ending: Callable[[], bool]) -> Iterator[None]:
    """Keep kopf's loggers from the root logger, and hand on what they warn of.

    `on_unresolved` is called in kopf's thread when kopf has not found a kind that it is to watch. Once
    `is_ending` gives True, all that it says is chatter: how its tasks take being cancelled.
    """
    kopf = logging.getLogger("kopf")
    relay = _Relay(on_unresolved, is_ending)
    before = kopf.level, kopf.propagate
    kopf.setLevel(logging.WARNING)
    kopf.propagate = False
    kopf.addHandler(relay)
    try:
        yield
    finally:
        kopf.removeHandler(relay)
        kopf.level, kopf.propagate = before
