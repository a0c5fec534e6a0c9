"""Who has to make room for whom."""

import pytest

from rollcall.http.limits import HttpLimits, of_this_process, origin
from rollcall.http.slots import Activity, Slots

LIMITS = HttpLimits(connections=4, an_address=2)


def full(*states: Activity) -> Slots[str]:
    """Return the connections a, b, c and d, each of an address of its own, that began this a second apart."""
    slots = Slots[str](LIMITS)
    for number, (name, state) in enumerate(zip("abcd", states, strict=True)):
        assert slots.admit(name, f"10.0.0.{number}", number) is None
        slots.set_activity(name, state, number)
    return slots


@pytest.mark.parametrize(
    ("states", "gone"),
    [
        ((Activity.RESTING,) * 4, "a"),
        (
            (Activity.BUSY, Activity.RESTING, Activity.ASKING, Activity.RESTING),
            "b",
        ),
        (
            (Activity.BUSY, Activity.SENDING, Activity.ASKING, Activity.RESTING),
            "c",
        ),
        ((Activity.BUSY, Activity.SENDING, Activity.SENDING, Activity.BUSY), "b"),
        ((Activity.BUSY,) * 4, "a"),
    ],
)
def test_a_newcomer_has_the_slot_of_who_is_missed_least(states: tuple[Activity, ...], gone: str) -> None:
    slots = full(*states)
    assert slots.admit("new", "10.0.0.9", 10) == gone
    assert set(slots) == set("abcd") - {gone} | {"new"}


def test_who_has_just_been_answered_goes_last() -> None:
    slots = full(*(Activity.RESTING,) * 4)
    slots.on_octets("a", 5)
    slots.set_activity("a", Activity.BUSY, 5)
    slots.set_activity("a", Activity.RESTING, 6)
    assert [slots.admit(f"new {number}", f"10.0.1.{number}", 7) for number in range(4)] == list("bcda")


def test_an_address_that_has_all_it_may_have_loses_one_of_its_own() -> None:
    slots = Slots[str](LIMITS)
    assert slots.admit("honest", "10.0.0.1", 0) is None
    greedy = [slots.admit(f"greedy {number}", "10.0.0.2", number) for number in range(1, 50)]
    assert greedy == [None, None, *(f"greedy {number}" for number in range(1, 48))]
    assert set(slots) == {"honest", "greedy 48", "greedy 49"}


def test_who_says_nothing_or_half_a_request_goes_in_time() -> None:
    limits = HttpLimits(asking_seconds=10, resting_seconds=75)
    slots = Slots[str](limits)
    for name in ("silent", "dripping", "resting", "busy"):
        slots.admit(name, "10.0.0.1", 0)
    for name in ("dripping", "resting"):
        slots.set_activity(name, Activity.RESTING, 5)
    slots.set_activity("busy", Activity.BUSY, 5)
    for second in range(20, 30):
        slots.on_octets("dripping", second)
    assert list(slots.take_expired(9.9)) == []
    assert list(slots.take_expired(10)) == ["silent"]
    assert list(slots.take_expired(29.9)) == []
    assert list(slots.take_expired(30)) == ["dripping"]
    assert list(slots.take_expired(80)) == ["resting"]
    assert list(slots) == ["busy"]


def test_nothing_is_kept_of_who_has_left() -> None:
    slots = full(*(Activity.RESTING,) * 4)
    for name in (*"abcd", "a"):
        slots.leave(name)
        slots.set_activity(name, Activity.BUSY, 9)
        slots.on_octets(name, 9)
    assert (list(slots), slots._by_origin, slots.least_missed()) == ([], {}, None)


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:0db8:0001:0002"),
        ("fe80::1%eth0", "fe80:0000:0000:0000"),
        ("", ""),
    ],
)
def test_whose_an_address_is(address: str, whose: str) -> None:
    assert origin(address) == whose


@pytest.mark.parametrize(("descriptors", "connections"), [(1024, 768), (65536, 1024), (-1, 1024), (100, 16)])
def test_few_descriptors_are_few_connections(
    descriptors: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (descriptors, descriptors))
    limits = of_this_process()
    assert limits.connections == connections
    assert limits.waits < limits.connections
    assert limits.an_address <= limits.connections
