"""Pods that come into the answers or leave them, and those who wait for it."""

import pytest

from rollcall.directory import Directory
from rollcall.model import Key, UpdateTarget
from rollcall.propagation.listener import Listener
from rollcall.propagation.report import AHEAD, CURRENT, TargetReport
from rollcall.propagation.tracker import Tracker
from rollcall.zone import PublishedVersion, Zones
from rollcall.zone.names import from_text
from unit.world import pod, service, zone

APEX = from_text("example.com")
WEB = Key("shop", "web-0")


class Waits(Listener):
    """Counts how often those who wait for a pod are told of news."""

    def __init__(self):
        self.news = 0
        self.is_started = False

    def on_start(self):
        self.is_started = True

    def on_turned(self, pods):
        self.news += 1

    def on_progress(self):
        self.news += 1


class World:
    """The flow, from the directory to a version."""

    def __init__(self):
        self.directory = Directory()
        self.zones = Zones(self.directory, "test")
        self.waits = Waits()
        self.tracker = Tracker(self.directory, self.zones, 1, lambda: 0.0)
        self.tracker.listeners = (self.waits,)
        self.tracker.on_connected(0, True)
        self.version = 1
        self.zones.apply_zone(zone(ttl_seconds=5, updates=(UpdateTarget("bind", "192.0.2.1", "secret"),)))
        self.directory.apply_service(service())
        self.set(pod())
        self.zones.place(self.directory.take_changes())
        while self.zones.place_backlog(100):
            pass
        self.zones.commit(1_800_000_000)
        self.tracker.start(self.version)
        self.tracker.on_zones_changed()

    def set(self, *pods):
        for each in pods:
            self.tracker.on_pod(each)
            self.directory.apply_pod(each)

    def flow(self):
        changes = self.directory.take_changes()
        self.zones.place(changes)
        commit = self.zones.commit(1_800_000_000)
        self.version += bool(commit.deltas)
        self.tracker.on_published(PublishedVersion(self.version, changes, commit, 0))

    def serve(self):
        self.tracker.on_acknowledged(0, self.version, 0.0)

    @property
    def serial(self):
        return next(iter(self.zones.contents())).serial

    def report(self, serial, reason):
        self.tracker.on_report(TargetReport("main", APEX, "bind", serial, 0.0, reason, "", True))

    def is_over(self, key):
        return self.tracker.arrived_at(self.tracker.turn_of(key), 1.0) is not None


@pytest.fixture
def world():
    return World()


def test_a_turn_is_over_when_the_workers_and_every_target_have_it(world):
    assert world.waits.is_started
    world.set(pod(ready=False))
    world.flow()
    assert not world.is_over(WEB)
    assert world.tracker.turn_of(WEB).serials == {APEX: world.serial}
    assert world.tracker.turn_of(WEB).ttl_seconds == 5
    world.serve()
    assert not world.is_over(WEB)
    world.report(world.serial, CURRENT)
    assert world.is_over(WEB)


def test_a_target_that_is_ahead_has_a_serial_of_somebody_elses_and_not_our_records(world):
    world.set(pod(ready=False))
    world.flow()
    world.serve()
    world.report(world.serial + 5, AHEAD)
    assert not world.is_over(WEB)


def test_whoever_waits_is_told_whenever_somebody_has_got_on(world):
    news = world.waits.news
    world.set(pod(ready=False))
    world.flow()
    world.serve()
    world.report(world.serial, CURRENT)
    assert world.waits.news == news + 3


def test_a_change_that_turns_nobody_is_no_news(world):
    news = world.waits.news
    world.set(pod(node="other"))
    world.flow()
    assert world.waits.news == news


def test_a_pod_that_is_gone_is_remembered_until_it_is_there_again(world):
    world.tracker.on_pod_removed(WEB)
    assert world.tracker.has_left(WEB)
    world.set(pod())
    assert not world.tracker.has_left(WEB)
