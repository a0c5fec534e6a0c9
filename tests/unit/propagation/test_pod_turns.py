"""Pods that come into the answers or leave them, and those who wait for it."""

import pytest

from rollcall.model import Key, UpdateTarget
from rollcall.propagation.listener import Listener
from rollcall.propagation.report import AHEAD, CURRENT, TargetReport
from rollcall.zone.names import from_text
from unit.tracked import TrackedWorld
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


class World(TrackedWorld):
    """A zone with a target, and a pod in it."""

    def __init__(self):
        bind = UpdateTarget("bind", "192.0.2.1", "secret")
        super().__init__(zone(ttl_seconds=5, updates=(bind,)), service(), pod())
        self.waits = Waits()
        self.tracker.listeners = (self.waits,)
        self.version = 1
        self.tracker.start(self.version)
        self.tracker.on_zones_changed()

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
    world.set(pod(labels={"app": "web", "team": "shop"}))
    world.flow()
    assert world.waits.news == news


def test_a_pod_that_is_gone_is_remembered_until_it_is_there_again(world):
    world.tracker.on_pod_removed(WEB)
    assert world.tracker.has_left(WEB)
    world.set(pod())
    assert not world.tracker.has_left(WEB)


def test_a_pod_that_nothing_happened_to_has_the_first_turn(world):
    turn = world.tracker.turn_of(WEB)
    assert (turn.serials, turn.ttl_seconds) == ({APEX: world.serial}, 5)
