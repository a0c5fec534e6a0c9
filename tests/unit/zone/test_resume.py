"""Serials that somebody else has handed out: ours go beyond them, or take them over for the same content."""

import pytest

from rollcall.directory import Directory
from rollcall.zone import Installation, Zones
from rollcall.zone.names import from_text
from unit.world import pod, service, zone

APEX = from_text("example.com")
NOW = 1_800_000_000


@pytest.fixture
def zones() -> Zones:
    directory = Directory()
    made = Zones(directory, Installation("test"))
    made.apply_zone(zone())
    directory.apply_service(service())
    directory.apply_pod(pod())
    made.place(directory.take_changes())
    while made.place_backlog(100):
        pass
    assert made.commit(NOW).deltas
    return made


def test_a_newer_serial_is_gone_beyond_though_nothing_changed(zones: Zones):
    zones.resume(APEX, NOW + 5000)
    (delta,) = zones.commit(NOW + 1).deltas
    assert delta.serial == NOW + 5001
    assert delta.rrsets == ()
    assert not zones.commit(NOW + 2).deltas


def test_the_same_content_takes_the_serial_over(zones: Zones):
    (content,) = zones.contents()
    zones.resume(APEX, NOW + 5000, content.digest)
    (delta,) = zones.commit(NOW + 1).deltas
    assert delta.serial == NOW + 5000


def test_other_content_goes_beyond_it(zones: Zones):
    (content,) = zones.contents()
    zones.resume(APEX, NOW + 5000, content.digest + 1)
    (delta,) = zones.commit(NOW + 1).deltas
    assert delta.serial == NOW + 5001


def test_an_older_serial_changes_nothing(zones: Zones):
    zones.resume(APEX, NOW - 1)
    zones.resume(APEX, NOW)
    zones.resume(from_text("other.example"), NOW + 5000)
    assert not zones.commit(NOW + 1).deltas


def test_serials_wrap(zones: Zones):
    zones.resume(APEX, (NOW + 2**31 - 1) % 2**32)
    (delta,) = zones.commit(NOW + 1).deltas
    assert delta.serial == (NOW + 2**31) % 2**32
