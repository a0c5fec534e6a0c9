"""What other servers get of a zone: RRsets of 64 records at most, the same ones whatever came before."""

from hypothesis import given
from hypothesis import strategies as st

from rollcall.zone.changes import RRsetDelta, ZoneDelta
from rollcall.zone.exported import MAX_RECORDS, ExportedZone

APEX = b"\x04test\x00"
OWNER = b"\x03web" + APEX
A = 1


def address(number: int) -> bytes:
    return number.to_bytes(4, "big")


def delta(serial: int, remove: tuple[int, ...] = (), add: tuple[int, ...] = (), ttl: int = 5) -> ZoneDelta:
    change = RRsetDelta(OWNER, A, ttl, 8, tuple(map(address, remove)), tuple((address(n), 1) for n in add))
    return ZoneDelta(APEX, serial, b"soa%d" % serial, 5, (change,))


def records(zone: ExportedZone) -> set[bytes]:
    rrset = zone.rrsets.get((OWNER, A))
    return set(rrset.records) if rrset else set()


def test_a_small_set_is_published_whole():
    zone = ExportedZone(APEX)
    zone.advance(delta(1, add=tuple(range(64))))
    assert records(zone) == {address(n) for n in range(64)}


def test_a_flip_in_a_large_set_changes_at_most_two_records():
    zone = ExportedZone(APEX)
    zone.advance(delta(1, add=tuple(range(5000))))
    before = records(zone)
    assert len(before) == MAX_RECORDS
    seen = 0
    for serial, number in enumerate(range(0, 5000, 7), start=2):
        zone.advance(delta(serial, remove=(number,)))
        left = records(zone)
        assert len(before ^ left) <= 2
        zone.advance(delta(serial, add=(number,)))
        assert records(zone) == before
        seen += left != before
    assert seen, "no flip touched what is published"


def test_a_flip_of_what_is_not_published_makes_no_difference():
    zone = ExportedZone(APEX)
    zone.advance(delta(1, add=tuple(range(200))))
    hidden = next(n for n in range(200) if address(n) not in records(zone))
    version = zone.advance(delta(2, remove=(hidden,)))
    assert (version.old_serial, version.serial, version.differences) == (1, 2, ())


def test_a_new_ttl_is_a_difference():
    zone = ExportedZone(APEX)
    zone.advance(delta(1, add=(1, 2)))
    (difference,) = zone.advance(delta(2, ttl=9)).differences
    assert difference.before
    assert difference.after
    assert (difference.before.ttl, difference.after.ttl) == (5, 9)


@given(st.lists(st.sets(st.integers(0, 150)), max_size=8))
def test_what_is_published_depends_on_the_members_alone(states: list[set[int]]):
    zone = ExportedZone(APEX)
    before: set[int] = set()
    content: dict[tuple[bytes, int], object] = {}
    for serial, state in enumerate(states, start=1):
        version = zone.advance(delta(serial, tuple(before - state), tuple(state - before)))
        for difference in version.differences:
            assert content.pop(difference.key, None) == difference.before
            if difference.after is not None:
                content[difference.key] = difference.after
        before = state
    fresh = ExportedZone(APEX)
    fresh.advance(delta(1, add=tuple(before)))
    assert records(zone) == records(fresh)
    assert content == dict(zone.rrsets)
