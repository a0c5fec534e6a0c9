"""The time from event to answer is that of the slowest connected worker."""

import time

import pytest
from prometheus_client import CollectorRegistry

from rollcall.directory import Directory
from rollcall.metrics import Latency
from rollcall.propagation.tracker import Tracker
from rollcall.zone import Commit, Installation, PublishedVersion, ZoneDelta, Zones

A = b"\1a\0"


class TimedPublication:
    """Two workers are wanted, and timed."""

    def __init__(self):
        self.registry = CollectorRegistry()
        self.latency = Latency(self.registry)
        directory = Directory()
        self.tracker = Tracker(directory, Zones(directory, Installation("test")), 2, time.time)
        self.tracker.listeners = (self.latency,)

    def publish(self, number):
        commit = Commit((ZoneDelta(A, number),))
        version = PublishedVersion(number, {}, commit, time.monotonic_ns())
        self.latency.on_published(version)
        self.tracker.on_published(version)

    def observed(self, stage):
        name = "rollcall_programming_duration_seconds_count"
        return self.registry.get_sample_value(name, {"stage": stage})


@pytest.fixture
def timed():
    return TimedPublication()


def test_a_version_counts_as_served_when_every_worker_answers_it(timed):
    timed.tracker.on_connected(0, True)
    timed.tracker.on_connected(1, True)
    timed.publish(1)
    timed.publish(2)
    timed.tracker.on_acknowledged(0, 2, time.monotonic())
    assert timed.observed("served") == 0
    timed.tracker.on_acknowledged(1, 1, time.monotonic())
    assert timed.observed("served") == 1
    timed.tracker.on_acknowledged(1, 2, time.monotonic())
    assert timed.observed("served") == timed.observed("committed") == 2


def test_nobody_waits_for_a_worker_that_is_gone(timed):
    timed.tracker.on_connected(0, True)
    timed.tracker.on_connected(1, True)
    timed.publish(1)
    timed.tracker.on_connected(1, False)
    timed.tracker.on_acknowledged(0, 1, time.monotonic())
    assert timed.observed("served") == 1


def test_what_no_worker_was_there_for_is_not_timed(timed):
    timed.publish(1)
    timed.tracker.on_connected(0, True)
    timed.publish(2)
    timed.tracker.on_connected(0, False)
    timed.tracker.on_connected(0, True)
    timed.tracker.on_acknowledged(0, 2, time.monotonic())
    assert timed.observed("committed") == 2
    assert timed.observed("served") == 0
