"""The time from event to answer is that of the slowest connected worker."""

import time

from rollcall.metrics import Metrics
from rollcall.propagation.programming import Programming


def observed(metrics, stage):
    name = "rollcall_programming_duration_seconds_count"
    return metrics.registry.get_sample_value(name, {"stage": stage})


def test_a_version_counts_as_served_when_every_worker_answers_it():
    metrics = Metrics()
    programming = Programming(metrics)
    programming.connected(0, True)
    programming.connected(1, True)
    now = time.monotonic_ns()
    programming.published(1, now)
    programming.published(2, now)
    programming.acknowledged(0, 2, time.monotonic())
    assert observed(metrics, "served") == 0
    programming.acknowledged(1, 1, time.monotonic())
    assert observed(metrics, "served") == 1
    programming.acknowledged(1, 2, time.monotonic())
    assert observed(metrics, "served") == observed(metrics, "committed") == 2


def test_nobody_waits_for_a_worker_that_is_gone():
    metrics = Metrics()
    programming = Programming(metrics)
    programming.connected(0, True)
    programming.connected(1, True)
    programming.published(1, time.monotonic_ns())
    programming.connected(1, False)
    programming.acknowledged(0, 1, time.monotonic())
    assert observed(metrics, "served") == 1
