"""From every version that the journal knows, its difference leads to exactly the current content."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.publish.transfer.journal import difference as difference_module
from rollcall.publish.transfer.journal.difference import NetDifference, difference, small_difference
from rollcall.publish.transfer.journal.journal import Journal, differences
from rollcall.publish.transfer.journal.journaled_zone import JournaledZone
from rollcall.zone.exported import ExportedRRset
from unit.publish.transfer.journal.contents import (
    KEYS,
    Rrsets,
    content,
    head,
    records,
    served,
    steps,
    versions,
)

A_KEY = KEYS[0]


def one(*addresses: int, ttl: int = 5) -> Rrsets:
    return {A_KEY: ExportedRRset(ttl, tuple(number.to_bytes(4, "big") for number in addresses))}


def leads(net: NetDifference, before: Rrsets, after: Rrsets) -> bool:
    """Whether a secondary that has `before` has `after` in the end, and is never told what it can't do."""
    removed, added, had = records(net.removed), records(net.added), records(before)
    assert removed <= had
    assert not added & (had - removed)
    assert net.record_count == len(removed) + len(added)
    return (had - removed) | added == records(after)


@given(steps, st.sampled_from([100, 0x7FFFFFF0, 0xFFFFFFF0]))
def test_every_known_version(sequence: list[tuple[Rrsets, int]], first: int) -> None:
    zone = served()
    known: dict[int, Rrsets] = {}
    for serial, rrsets in versions(sequence, first):
        assert zone.catch_up(head(serial), rrsets)
        known[serial] = rrsets
        assert zone.content().rrsets == rrsets
        assert zone.journal.record_count == len(records(rrsets)) + 1
        for old, content_then in known.items():
            if old != serial:
                net = small_difference(zone, old)
                assert net
                assert (net.old, net.new) == (head(old), head(serial))
                assert leads(net, content_then, rrsets)
    assert zone.journal.entry_count == len(sequence) - 1
    assert small_difference(zone, first) is None
    assert small_difference(zone, serial) is None


@given(steps)
def test_the_difference_in_slices_is_the_same(sequence: list[tuple[Rrsets, int]]) -> None:
    zone = served()
    for serial, rrsets in versions(sequence):
        zone.catch_up(head(serial), rrsets)
    for old, _ in list(versions(sequence))[:-1]:
        whole = small_difference(zone, old)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(difference_module, "AT_ONCE", 1)
            assert asyncio.run(difference(zone, old)) == whole


async def test_a_zone_that_moves_on_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference that takes several turns is of one version."""
    monkeypatch.setattr(difference_module, "AT_ONCE", 1)
    zone = served()
    live: Rrsets = {}
    zone.catch_up(head(1), live)
    for serial in range(2, 50):
        advance(zone, live, serial, one(serial))
    before, at = one(10), zone.head
    computing = asyncio.ensure_future(difference(zone, 10))
    for serial in range(50, 60):
        await asyncio.sleep(0)
        advance(zone, live, serial, one(serial, serial + 1))
    net = await computing
    assert net
    assert net.new == at
    assert leads(net, before, one(49))


def advance(zone: JournaledZone, live: Rrsets, serial: int, wanted: Rrsets) -> None:
    changes = differences(live, wanted)
    live.clear()
    live.update(wanted)
    assert zone.advance(head(serial), changes)


def test_old_versions_are_dropped() -> None:
    zone = served(Journal(max_entries=1000))
    for serial in range(1, 1502):
        zone.catch_up(head(serial), one(serial % 7, 100))
    assert zone.journal.entry_count == 1000
    assert small_difference(zone, 501)
    assert small_difference(zone, 500) is None


def test_a_journal_is_not_much_larger_than_its_zone() -> None:
    zone = served(Journal(min_changes=30))
    for serial in range(1, 100):
        zone.catch_up(head(serial), one(*range(serial * 100, serial * 100 + 5)))
    assert 0 < zone.journal.entry_count < 5


def test_nothing_new_is_no_version() -> None:
    zone = served()
    assert zone.catch_up(head(1), one(1))
    assert not zone.catch_up(head(1), one(1))
    assert not zone.advance(head(1), ())
    assert zone.advance(head(2), ())
    net = small_difference(zone, 1)
    assert net
    assert (net.removed, net.added) == ([], [])


@pytest.mark.parametrize("serial", [5, 4, 5 + (1 << 31)])
def test_no_serial_has_two_contents(serial: int, caplog: pytest.LogCaptureFixture) -> None:
    """Where the serial didn't rise nobody can go on from it, nor from any up to what was handed out."""
    zone = served()
    for each in range(1, 6):
        zone.catch_up(head(each), one(each))
    assert zone.catch_up(head(serial), one(99))
    assert "its journal is dropped" in caplog.text
    assert all(small_difference(zone, each) is None for each in range(1, 6))
    zone.catch_up(head(6), one(100))
    zone.catch_up(head(7), one(101))
    assert small_difference(zone, 5) is None
    assert small_difference(zone, serial) is None
    net = small_difference(zone, 6)
    assert net is None or leads(net, one(100), one(101))


def test_serials_that_went_back_stay_unknown_until_they_are_new_again() -> None:
    zone = served()
    zone.catch_up(head(100), one(1))
    zone.catch_up(head(50), one(2))
    for serial in range(51, 103):
        zone.catch_up(head(serial), one(serial))
    assert all(small_difference(zone, serial) is None for serial in range(50, 101))
    net = small_difference(zone, 101)
    assert net
    assert leads(net, one(101), one(102))


@given(st.lists(content, min_size=2, max_size=6))
def test_a_serial_that_comes_again_after_going_round(contents: list[Rrsets]) -> None:
    """Three steps of 2^31 - 1 lead around all serials; an old version of the same serial is forgotten."""
    zone = served()
    serial = 1
    said: dict[int, Rrsets] = {}
    for rrsets in contents:
        for step in (1, 0x7FFFFFFF, 0x7FFFFFFF, 1):
            serial = (serial + step) & 0xFFFFFFFF
            zone.catch_up(head(serial), rrsets)
            said[serial] = rrsets
    for old, then in said.items():
        net = small_difference(zone, old)
        assert net is None or leads(net, then, contents[-1])


async def test_a_content_stays_as_it_is() -> None:
    zone = served()
    live: Rrsets = dict(one(1))
    zone.catch_up(head(1), live)
    kept = zone.content()
    assert zone.content() is kept
    advance(zone, live, 2, one(2))
    assert kept.rrsets == one(1)
    assert zone.content().rrsets == one(2)


def test_a_zone_on_hold_does_not_follow() -> None:
    zone = served()
    live: Rrsets = dict(one(1))
    zone.catch_up(head(1), live)
    zone.hold()
    live.update(one(5))
    zone.catch_up(head(9), live)
    net = small_difference(zone, 1)
    assert net
    assert leads(net, one(1), one(5))
