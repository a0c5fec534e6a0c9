"""What kopf logs, in our words' company: its warnings pass, its chatter doesn't."""

import contextlib
import logging
from collections.abc import Iterator

log = logging.getLogger(__name__)

_CHATTER = (
    "OS signals are ignored",  # said at every start outside the main thread; we handle signals ourselves
    "Request attempt",  # each retry; the list beside kopf says once that the API server is away
)


class _Relay(logging.Handler):
    """Hands records on to our own loggers; chatter becomes debug."""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        level = logging.DEBUG if message.startswith(_CHATTER) else record.levelno
        if log.isEnabledFor(level):
            log.log(level, "kopf: %s", message, exc_info=record.exc_info)


@contextlib.contextmanager
def relayed() -> Iterator[None]:
    """Keep kopf's loggers from the root logger, and hand on what they warn of."""
    kopf = logging.getLogger("kopf")
    relay = _Relay(logging.WARNING)
    before = kopf.level, kopf.propagate
    kopf.setLevel(logging.WARNING)
    kopf.propagate = False
    kopf.addHandler(relay)
    try:
        yield
    finally:
        kopf.removeHandler(relay)
        kopf.level, kopf.propagate = before
