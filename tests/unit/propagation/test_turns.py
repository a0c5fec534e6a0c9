"""Pods that come into the answers or leave them, and those who wait for it."""

import pytest

from rollcall.directory import Directory
from rollcall.model import Key
from rollcall.propagation.report import AHEAD, CURRENT, TargetReport
from rollcall.propagation.tracker import Presence
from rollcall.propagation.turns import Turns
from rollcall.zone import Zones
from rollcall.zone.names import from_text
from unit.world import pod, service, zone

APEX = from_text("example.com")
WEB = Key("shop", "web-0")


class Drains:
    """Counts how often those who wait are told to look."""

    def __init__(self):
        self.looks = 0
        self.synced = False

    def changed(self):
        self.looks += 1


class World:
    """The flow, from the directory to a version."""

    def __init__(self):
        self.directory = Directory()
        self.zones = Zones(self.directory, "test")
        self.presence = Presence()
        self.drains = Drains()
        self.turns = Turns(self.directory, self.zones, self.presence, self.drains, None)
        self.version = 1
        self.zones.apply_zone(zone(ttl_seconds=5))
        self.directory.apply_service(service())
        self.set(pod())
        self.zones.place(self.directory.take_changes())
        while self.zones.place_backlog(100):
            pass
        self.zones.commit(1_800_000_000)
        self.turns.start(self.version)
        self.turns.configure([(APEX, "bind")])

    def set(self, *pods):
        for each in pods:
            self.turns.apply_pod(each)
            self.directory.apply_pod(each)

    def flow(self):
        changes = self.directory.take_changes()
        self.zones.place(changes)
        commit = self.zones.commit(1_800_000_000)
        self.version += bool(commit.deltas)
        self.turns.published(self.version, changes, commit)

    @property
    def serial(self):
        return next(iter(self.zones.contents())).serial

    def report(self, serial, reason):
        self.turns.reported(TargetReport("main", APEX, "bind", serial, 0.0, reason, "", True))

    def is_over(self, key):
        return self.presence.since(self.presence.step(key), 1.0) is not None


@pytest.fixture
def world():
    return World()


def test_a_turn_is_over_when_the_workers_and_every_target_have_it(world):
    assert world.drains.synced
    world.set(pod(ready=False))
    world.flow()
    assert not world.is_over(WEB)
    assert world.presence.step(WEB).serials == {APEX: world.serial}
    assert world.presence.step(WEB).ttl == 5
    world.turns.served(world.version)
    assert not world.is_over(WEB)
    world.report(world.serial, CURRENT)
    assert world.is_over(WEB)


def test_a_target_that_is_ahead_has_a_serial_of_somebody_elses_and_not_our_records(world):
    world.set(pod(ready=False))
    world.flow()
    world.turns.served(world.version)
    world.report(world.serial + 5, AHEAD)
    assert not world.is_over(WEB)


def test_whoever_waits_looks_whenever_somebody_has_got_on(world):
    looks = world.drains.looks
    world.set(pod(ready=False))
    world.flow()
    world.turns.served(world.version)
    world.report(world.serial, CURRENT)
    assert world.drains.looks == looks + 3


def test_a_change_that_turns_nobody_is_no_news(world):
    looks = world.drains.looks
    world.set(pod(node="other"))
    world.flow()
    assert world.drains.looks == looks


def test_a_pod_that_is_gone_is_remembered_until_it_is_there_again(world):
    world.turns.remove_pod(WEB)
    assert world.presence.is_gone(WEB)
    world.set(pod())
    assert not world.presence.is_gone(WEB)
