"""kopf in its thread, as tests run it one after the other."""

import pytest

from rollcall.sources import kopf_thread


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what waits for kopf's end wait longer than a test does.

    An end has to come without a time limit. And a kopf that is left behind by one test, on a busy machine,
    would log in the next: what is done to its loggers is undone when it ends.
    """
    monkeypatch.setattr(kopf_thread, "STOP_SECONDS", 60.0)
    monkeypatch.setattr(kopf_thread, "CANCEL_SECONDS", 60.0)
