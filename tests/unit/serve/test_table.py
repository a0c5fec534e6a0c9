"""The worker's state: what exists, and that deltas end in what the final state alone gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.feed.errors import DeltaError
from rollcall.serve.table import REVOKED, AnsweredZone, Table
from rollcall.zone.changes import RRsetDelta, ZoneDelta
from thorough import examples
from unit.serve.samples import APEX, name, rdata, removal, rrset, zone


def table_of(*zones: ZoneDelta) -> Table:
    table = Table()
    for each in zones:
        table.apply_delta(each)
    return table


def existing(table: Table, apex: str = APEX) -> set[bytes]:
    return set(table.zones[name(apex)].nodes)


def test_a_name_exists_with_all_names_above_it() -> None:
    table = table_of(zone(rrset("a.b.c.example.test.", "A", "10.0.0.1")))

    assert existing(table) == {
        name("a.b.c.example.test."),
        name("b.c.example.test."),
        name("c.example.test."),
        name(APEX),
    }


def test_a_name_goes_with_the_names_that_it_alone_kept() -> None:
    table = table_of(
        zone(
            rrset("a.b.c.example.test.", "A", "10.0.0.1"),
            rrset("c.example.test.", "A", "10.0.0.2"),
        )
    )

    touched = table.apply_delta(zone(removal("a.b.c.example.test.", "A", "10.0.0.1"), serial=2))

    assert existing(table) == {name("c.example.test."), name(APEX)}
    assert touched.vanished == [name("a.b.c.example.test."), name("b.c.example.test.")]
    assert not touched.everything


def test_a_name_with_another_type_or_a_name_below_stays() -> None:
    table = table_of(
        zone(
            rrset("s.example.test.", "A", "10.0.0.1"),
            rrset("s.example.test.", "AAAA", "fd00::1"),
            rrset("i.s.example.test.", "A", "10.0.0.1"),
        )
    )

    table.apply_delta(zone(removal("s.example.test.", "A", "10.0.0.1"), serial=2))
    table.apply_delta(zone(removal("s.example.test.", "AAAA", "fd00::1"), serial=3))

    assert name("s.example.test.") in existing(table)


def test_a_record_that_is_added_again_takes_the_new_weight() -> None:
    table = table_of(zone(rrset("s.example.test.", "A", "10.0.0.1", "10.0.0.2")))

    table.apply_delta(zone(rrset("s.example.test.", "A", "10.0.0.2", weights=[7], ttl=9, count=1), serial=2))

    node = table.zones[name(APEX)].nodes[name("s.example.test.")]
    assert node.rrsets[1].members == {rdata("A", "10.0.0.1"): 1, rdata("A", "10.0.0.2"): 7}
    assert (node.rrsets[1].ttl, node.rrsets[1].count) == (9, 1)


def test_removing_what_is_not_there_changes_nothing() -> None:
    table = table_of(zone(rrset("s.example.test.", "A", "10.0.0.1")))

    table.apply_delta(
        zone(removal("s.example.test.", "A", "10.9.9.9"), removal("no.example.test.", "A", "10.9.9.9"))
    )

    assert existing(table) == {name("s.example.test."), name(APEX)}


def test_the_most_specific_zone_has_a_name() -> None:
    table = table_of(zone(apex="test."), zone(apex="in.example.test."))

    assert table.zone_of(name("a.in.example.test.")) is table.zones[name("in.example.test.")]
    assert table.zone_of(name("example.test.")) is table.zones[name("test.")]
    assert table.zone_of(name("example.org.")) is None
    assert table.zone_of(name(".")) is None


def test_a_label_boundary_is_not_any_suffix() -> None:
    table = table_of(zone(apex="test."))

    assert table.zone_of(name("attest.")) is None


def test_names_above_a_zone_are_known_until_the_last_zone_below_goes() -> None:
    table = table_of(zone(apex="a.b.test."), zone(apex="c.b.test."))
    assert table.is_above_a_zone(name("b.test."))
    assert not table.is_above_a_zone(name("a.b.test."))

    table.apply_delta(ZoneDelta(name("a.b.test."), 2, gone=True))
    assert table.is_above_a_zone(name("b.test."))
    table.apply_delta(ZoneDelta(name("c.b.test."), 2, gone=True))
    assert not table.is_above_a_zone(name("b.test."))


@pytest.mark.parametrize(
    ("qname", "expected"),
    [
        ("example.test.", 30),
        ("other.example.test.", 30),
        ("s.example.test.", 7),
        ("below.s.example.test.", 7),
        ("far.below.s.example.test.", 7),
        ("i.s.example.test.", 3),
        ("x.i.s.example.test.", 3),
        ("long.example.test.", 30),
    ],
)
def test_the_nearest_negative_ttl_decides_within_the_zones(qname: str, expected: int) -> None:
    ttls = {"s.example.test.": 7, "i.s.example.test.": 3, "long.example.test.": 600}
    table = table_of(zone(negative_ttls=ttls))

    assert table.zones[name(APEX)].negative_ttl(name(qname)) == expected


def test_a_negative_ttl_can_be_taken_back() -> None:
    table = table_of(zone(negative_ttls={"s.example.test.": 7}))

    touched = table.apply_delta(zone(negative_ttls={"s.example.test.": REVOKED}))

    assert table.zones[name(APEX)].negative_ttl(name("s.example.test.")) == 30
    assert touched.everything


@pytest.mark.parametrize(
    "delta",
    [
        zone(rrset("a.example.org.", "A", "10.0.0.1")),
        zone(rrset("notexample.test.", "A", "10.0.0.1")),
        ZoneDelta(name("new.test."), 1),
    ],
    ids=["owner outside", "owner at no label boundary", "no SOA"],
)
def test_a_delta_that_can_not_be_is_refused(delta: ZoneDelta) -> None:
    with pytest.raises(DeltaError):
        table_of(zone()).apply_delta(delta)


LABELS = st.sampled_from(["a", "b", "c"])
OWNERS = st.lists(LABELS, max_size=3).map(lambda labels: "".join(f"{label}." for label in labels) + APEX)
RECORDS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])


@st.composite
def changes(draw: st.DrawFn) -> RRsetDelta:
    owner = draw(OWNERS)
    removed = draw(st.sets(RECORDS))
    added = draw(st.dictionaries(RECORDS, st.integers(0, 65535)))
    rdtype = draw(st.sampled_from([1, 16]))
    return RRsetDelta(
        name(owner),
        rdtype,
        draw(st.integers(0, 9)),
        draw(st.integers(1, 8)),
        tuple(rdata("A", value) for value in sorted(removed)),
        tuple((rdata("A", value), weight) for value, weight in sorted(added.items())),
    )


def whole(table: Table) -> ZoneDelta:
    """Write the state of the zone as a delta from nothing."""
    held: AnsweredZone = table.zones[name(APEX)]
    return ZoneDelta(
        held.apex,
        held.serial,
        held.soa,
        held.soa_ttl,
        tuple(
            RRsetDelta(owner, rdtype, held_set.ttl, held_set.count, (), tuple(held_set.members.items()))
            for owner, node in held.nodes.items()
            for rdtype, held_set in node.rrsets.items()
        ),
        tuple(held.negative_ttls.items()),
    )


@given(st.lists(st.lists(changes(), max_size=4), max_size=12))
@settings(max_examples=examples(150))
def test_deltas_end_in_what_the_final_state_alone_gives(history: list[list[RRsetDelta]]) -> None:
    table = Table()
    for serial, batch in enumerate(history or [[]]):
        table.apply_delta(zone(*batch, serial=serial))

    again = table_of(whole(table))

    assert again.zones == table.zones
    for owner, node in table.zones[name(APEX)].nodes.items():
        assert node.rrsets or node.children or owner == name(APEX), "a name exists for no reason"
        assert all(held.members for held in node.rrsets.values()), "an RRset without records exists"
