"""What of kopf's log reaches ours."""

import logging

import pytest

from rollcall.sources.kopf_logs import relayed


def test_warnings_pass_and_chatter_does_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    theirs = logging.getLogger("kopf._core.reactor.running")
    unresolved: list[bool] = []
    with relayed(lambda: unresolved.append(True), lambda: False):
        theirs.info("Initial authentication has finished.")
        theirs.warning("OS signals are ignored: running not in the main thread.")
        theirs.error("Watcher for discoveryzones@none has failed: Error in the watch-stream")
        theirs.error("Request attempt #1/5 failed; will retry: GET /apis")
        assert unresolved == []
        theirs.warning("Unresolved resources cannot be served: %s", "discoveryzones")
        assert unresolved == [True], "kopf would never look for the kind again"
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "rollcall.sources.kopf_logs",
            "WARNING",
            "kopf: Unresolved resources cannot be served: discoveryzones",
        )
    ]


def nothing() -> None:
    """Take no notice."""


def test_tracebacks_are_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with relayed(nothing, lambda: False):
        logging.getLogger("kopf").error("Handler 'observe' failed.", exc_info=ValueError("a 404"))
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)


def test_chatter_is_there_for_who_wants_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rollcall.sources.kopf_logs")
    with relayed(nothing, lambda: False):
        logging.getLogger("kopf").error("Request attempt #1/5 failed; will retry: GET /apis")
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()[:22]) == ("DEBUG", "kopf: Request attempt ")


def test_afterwards_all_is_as_before() -> None:
    kopf = logging.getLogger("kopf")
    before = kopf.level, kopf.propagate, list(kopf.handlers)
    with relayed(nothing, lambda: False):
        assert kopf.propagate is False
    assert (kopf.level, kopf.propagate, kopf.handlers) == before


def test_how_it_ends_is_chatter(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with relayed(nothing, lambda: True):
        logging.getLogger("kopf").warning("Cleanup activity is not executed at all due to cancellation.")
    assert caplog.records == []
