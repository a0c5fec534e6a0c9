"""Kept answers are never older than the table: whatever was asked before, a change shows at once."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.serve.answers import HOT_TYPES, Answers
from rollcall.serve.table import REVOKED, Table
from rollcall.zone.changes import RRsetDelta, ZoneDelta
from thorough import examples
from unit.serve.samples import (
    APEX,
    Client,
    addresses,
    answers,
    name,
    rcode,
    removal,
    rrset,
    texts,
    values,
    zone,
)

SERVICE = "s.example.test."


def test_an_address_that_left_is_not_answered_again() -> None:
    source = answers(zone(rrset(SERVICE, "A", *addresses(3))))
    client = Client(source)
    assert len(values(client.ask(SERVICE))) == 3

    source.apply_delta(zone(removal(SERVICE, "A", "10.0.0.1"), serial=2))

    for _ in range(100):
        assert set(values(client.ask(SERVICE))) == {"10.0.0.0", "10.0.0.2"}


def test_only_what_a_change_touches_is_made_anew() -> None:
    source = answers(zone(rrset(SERVICE, "A", *addresses(3)), rrset("t.example.test.", "A", *addresses(3))))
    client = Client(source)
    client.ask(SERVICE)
    client.ask("t.example.test.")
    kept = dict(source.hot)

    source.apply_delta(zone(rrset(SERVICE, "A", "10.0.0.9"), serial=2))

    assert source.hot.keys() == kept.keys() - {name(SERVICE) + b"\x00\x01\x00\x01"}
    assert all(source.hot[question] is kept[question] for question in source.hot)


def test_addresses_of_a_target_change_in_the_additional_section() -> None:
    source = answers(
        zone(
            rrset("_http._tcp.s.example.test.", "SRV", "0 1 80 i.s.example.test."),
            rrset("i.s.example.test.", "A", "10.0.0.1"),
        )
    )
    client = Client(source)
    assert texts(client.ask("_http._tcp.s.example.test.", "SRV").additional) == [
        "i.s.example.test. 5 A 10.0.0.1"
    ]

    source.apply_delta(
        zone(
            removal("i.s.example.test.", "A", "10.0.0.1"),
            rrset("i.s.example.test.", "AAAA", "fd00::1"),
            serial=2,
        )
    )

    assert texts(client.ask("_http._tcp.s.example.test.", "SRV").additional) == [
        "i.s.example.test. 5 AAAA fd00::1"
    ]


def test_nodata_ends_when_records_come_and_begins_when_the_last_one_goes() -> None:
    source = answers(zone(rrset(SERVICE, "A", "10.0.0.1")))
    client = Client(source)
    assert not client.ask(SERVICE, "AAAA").answer

    source.apply_delta(zone(rrset(SERVICE, "AAAA", "fd00::1"), serial=2))
    assert values(client.ask(SERVICE, "AAAA")) == ["fd00::1"]

    source.apply_delta(zone(removal(SERVICE, "AAAA", "fd00::1"), serial=3))
    response = client.ask(SERVICE, "AAAA")
    assert (rcode(response), values(response)) == ("NOERROR", [])


def test_a_name_comes_to_exist_and_ceases_to() -> None:
    source = answers(zone())
    client = Client(source)
    assert rcode(client.ask("i.s.example.test.")) == "NXDOMAIN"
    assert rcode(client.ask(SERVICE)) == "NXDOMAIN"

    source.apply_delta(zone(rrset("i.s.example.test.", "A", "10.0.0.1"), serial=2))
    assert rcode(client.ask("i.s.example.test.")) == "NOERROR"
    assert rcode(client.ask("i.s.example.test.", "TXT")) == "NOERROR"
    assert rcode(client.ask(SERVICE)) == "NOERROR"

    source.apply_delta(zone(removal("i.s.example.test.", "A", "10.0.0.1"), serial=3))
    assert rcode(client.ask("i.s.example.test.")) == "NXDOMAIN"
    assert rcode(client.ask("i.s.example.test.", "TXT")) == "NXDOMAIN"
    assert rcode(client.ask(SERVICE)) == "NXDOMAIN"


def test_the_serial_in_negative_answers_is_the_newest() -> None:
    source = answers(zone(rrset(SERVICE, "A", "10.0.0.1"), serial=1))
    client = Client(source)
    queries = [(SERVICE, "AAAA"), ("no.example.test.", "A"), (APEX, "SOA")]
    for qname, rdtype in queries:
        client.ask(qname, rdtype)

    source.apply_delta(zone(serial=77))

    for qname, rdtype in queries:
        response = client.ask(qname, rdtype)
        assert " 77 " in texts([*response.answer, *response.authority])[0]


def test_negative_ttls_and_the_soa_ttl_change() -> None:
    source = answers(zone(rrset(SERVICE, "A", "10.0.0.1"), soa_ttl=30))
    client = Client(source)

    def ttl() -> int:
        return client.ask(SERVICE, "AAAA").authority[0].ttl

    assert ttl() == 30
    source.apply_delta(zone(negative_ttls={SERVICE: 3}))
    assert ttl() == 3
    source.apply_delta(zone(negative_ttls={SERVICE: REVOKED}, soa_ttl=20))
    assert ttl() == 20
    source.apply_delta(zone(soa_ttl=10))
    assert ttl() == 10


def test_an_inner_zone_hides_the_names_of_the_outer_one_and_gives_them_back() -> None:
    source = answers(
        zone(rrset("a.in.example.test.", "A", "10.0.0.1"), rrset("in.example.test.", "A", "10.0.0.2"))
    )
    client = Client(source)
    assert values(client.ask("a.in.example.test.")) == ["10.0.0.1"]

    source.apply_delta(zone(rrset("b.in.example.test.", "A", "10.0.0.3"), apex="in.example.test."))
    hidden = client.ask("a.in.example.test.")
    assert (rcode(hidden), str(hidden.authority[0].name)) == ("NXDOMAIN", "in.example.test.")
    assert values(client.ask("b.in.example.test.")) == ["10.0.0.3"]
    assert values(client.ask("in.example.test.")) == []

    source.apply_delta(ZoneDelta(name("in.example.test."), 2, gone=True))
    assert values(client.ask("a.in.example.test.")) == ["10.0.0.1"]
    assert values(client.ask("in.example.test.")) == ["10.0.0.2"]


def test_a_name_between_two_zones_is_no_nxdomain() -> None:
    client = Client(answers(zone(), zone(apex="a.deep.example.test.")))

    assert rcode(client.ask("deep.example.test.")) == "NOERROR"
    assert rcode(client.ask("shallow.example.test.")) == "NXDOMAIN"


def test_a_zone_that_is_gone_is_refused() -> None:
    source = answers(zone(rrset(SERVICE, "A", "10.0.0.1")))
    client = Client(source)
    assert rcode(client.ask(SERVICE)) == "NOERROR"

    source.apply_delta(ZoneDelta(name(APEX), 2, gone=True))

    assert rcode(client.ask(SERVICE)) == "REFUSED"


def test_a_new_table_replaces_all_answers_at_once() -> None:
    source = answers(zone(rrset(SERVICE, "A", "10.0.0.1")))
    client = Client(source)
    client.ask(SERVICE)
    client.ask(SERVICE, "AAAA")
    table = Table()
    table.apply_delta(zone(rrset(SERVICE, "AAAA", "fd00::1")))

    source.replace_table(table)

    assert values(client.ask(SERVICE)) == []
    assert values(client.ask(SERVICE, "AAAA")) == ["fd00::1"]


def test_kept_types_hold_no_byte_that_lowering_changes_or_makes() -> None:
    for rdtype in HOT_TYPES:
        wire = rdtype.to_bytes(2, "big")
        assert not any(chr(byte).isalpha() for byte in wire if byte < 128)


def test_what_is_kept_is_bounded_by_the_names_that_exist() -> None:
    source = answers(zone(rrset(SERVICE, "A", "10.0.0.1")))
    client = Client(source)

    for index in range(300):
        client.ask(f"n{index}.example.test.")
        client.ask(SERVICE, f"TYPE{index + 1000}")

    assert len(source.hot) <= 2 * len(HOT_TYPES)


OWNERS = [
    "example.test.",
    "s.example.test.",
    "i.s.example.test.",
    "j.s.example.test.",
    "_h._tcp.s.example.test.",
]
QUERIED = [*OWNERS, "no.s.example.test."]
TYPES = ["A", "AAAA", "SRV", "TXT", "SOA", "ANY", "TYPE65"]
DATA = {
    "A": ["10.0.0.1", "10.0.0.2"],
    "AAAA": ["fd00::1"],
    "SRV": ["0 1 80 i.s.example.test.", "0 1 80 j.s.example.test."],
    "TXT": ["a"],
}


@st.composite
def rrset_deltas(draw: st.DrawFn) -> RRsetDelta:
    owner = draw(st.sampled_from(OWNERS))
    rdtype = draw(st.sampled_from(sorted(DATA)))
    chosen = draw(st.lists(st.sampled_from(DATA[rdtype]), unique=True, min_size=1))
    if draw(st.booleans()):
        return removal(owner, rdtype, *chosen, ttl=draw(st.integers(1, 3)))
    return rrset(owner, rdtype, *chosen, ttl=draw(st.integers(1, 3)))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(QUERIED), st.sampled_from(TYPES)),
        st.builds(
            lambda rrsets, ttls: zone(*rrsets, negative_ttls=ttls),
            st.lists(rrset_deltas(), max_size=3),
            st.dictionaries(st.sampled_from(OWNERS), st.sampled_from([REVOKED, 1, 2]), max_size=1),
        ),
        st.builds(
            lambda apex, gone: ZoneDelta(name(apex), 1, gone=True) if gone else zone(apex=apex),
            st.sampled_from(["s.example.test.", "x.i.s.example.test."]),
            st.booleans(),
        ),
    ),
    max_size=30,
)


def seen(source: Answers, qname: str, rdtype: str) -> tuple[str, list[str], list[str], list[str]]:
    response = Client(source).ask(qname, rdtype)
    return (
        rcode(response),
        sorted(texts(response.answer)),
        texts(response.authority),
        sorted(texts(response.additional)),
    )


@given(STEPS)
@settings(max_examples=examples(120))
def test_answers_after_any_questions_and_changes_are_those_of_a_fresh_start(
    steps: list[tuple[str, str] | ZoneDelta],
) -> None:
    source = answers(zone())
    table = Table()
    table.apply_delta(zone())
    for step in steps:
        if isinstance(step, ZoneDelta):
            source.apply_delta(step)
            table.apply_delta(step)
        else:
            seen(source, *step)

    fresh = Answers(Random(1))
    fresh.replace_table(table)
    for qname in QUERIED:
        for rdtype in TYPES:
            assert seen(source, qname, rdtype) == seen(fresh, qname, rdtype)
