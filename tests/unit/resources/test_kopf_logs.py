"""What of kopf's log reaches ours."""

import logging

import pytest

from rollcall.resources.kopf_logs import relayed


def test_warnings_pass_and_chatter_does_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    theirs = logging.getLogger("kopf._core.reactor.running")
    with relayed():
        theirs.info("Initial authentication has finished.")
        theirs.warning("OS signals are ignored: running not in the main thread.")
        theirs.error("Request attempt #1/5 failed; will retry: GET /apis")
        theirs.warning("Unresolved resources cannot be served: %s", "discoveryzones")
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "rollcall.resources.kopf_logs",
            "WARNING",
            "kopf: Unresolved resources cannot be served: discoveryzones",
        )
    ]


def test_chatter_is_there_for_who_wants_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rollcall.resources.kopf_logs")
    with relayed():
        logging.getLogger("kopf").error("Request attempt #1/5 failed; will retry: GET /apis")
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()[:22]) == ("DEBUG", "kopf: Request attempt ")


def test_afterwards_all_is_as_before() -> None:
    kopf = logging.getLogger("kopf")
    before = kopf.level, kopf.propagate, list(kopf.handlers)
    with relayed():
        assert kopf.propagate is False
    assert (kopf.level, kopf.propagate, kopf.handlers) == before
