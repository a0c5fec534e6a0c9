"""Requests that were refused: what is counted, and how little is said."""

import logging
import time

import pytest

from rollcall.feed.frames import TransferStats
from rollcall.publish.transfer.answering.refusals import INTERVAL_SECONDS, RefusalLog


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def test_each_reason_is_said_once_a_minute(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """However many clients give it; those of other reasons are not lost among them."""
    clock, stats = Clock(monkeypatch), TransferStats()
    refusals = RefusalLog(stats)
    for number in range(1000):
        refusals.record(f"192.0.2.{number % 250}", "unsigned", f"AXFR of {number}.example")
    refusals.record("198.51.100.1", "bad-key", "AXFR of k8s.example.com")
    assert caplog.messages == [
        "refused AXFR of 0.example of 192.0.2.0: unsigned",
        "refused AXFR of k8s.example.com of 198.51.100.1: bad-key",
    ]
    assert stats.refused == {"unsigned": 1000, "bad-key": 1}

    caplog.clear()
    clock.now += INTERVAL_SECONDS
    refusals.record("192.0.2.1", "unsigned", "AXFR of k8s.example.com")
    assert caplog.messages == [
        "since the last word on each, more requests were refused: 999 unsigned",
        "refused AXFR of k8s.example.com of 192.0.2.1: unsigned",
    ]


def test_a_defect_of_ours_is_shown_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    clock, stats = Clock(monkeypatch), TransferStats()
    refusals = RefusalLog(stats)

    def fail(times: int) -> int:
        caplog.clear()
        for _ in range(times):
            try:
                raise ZeroDivisionError
            except ZeroDivisionError:
                refusals.record_broken("192.0.2.1 over UDP")
        return sum(record.levelno == logging.ERROR and bool(record.exc_info) for record in caplog.records)

    assert fail(100) == 1
    assert fail(100) == 0
    clock.now += INTERVAL_SECONDS
    assert fail(100) == 1
    assert stats.refused == {"broken": 300}
