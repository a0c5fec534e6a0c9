"""Updates say what dnspython reads in them, and are no longer than their parts say."""

import dns.message
import dns.opcode
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.dnswire import rdata as rd
from rollcall.dnswire.message import read
from rollcall.dnswire.types import Type
from rollcall.publish.update.message import Guard, RRsetUpdate, UnitUpdate, compose
from rollcall.zone.exported import ExportedRRset
from rollcall.zone.names import from_text
from thorough import examples

ZONE = from_text("example.com")

labels = st.sampled_from([b"web", b"shop", b"_http", b"_tcp", b"x" * 63, b"\x00.\xff"])
names = st.lists(labels, min_size=1, max_size=3).map(
    lambda each: b"".join(bytes((len(label),)) + label for label in each) + ZONE
)
addresses = st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=64, unique=True)
sets = addresses.map(lambda each: ExportedRRset(5, tuple(sorted(each))))
texts = st.integers(0, 99).map(lambda number: ExportedRRset(5, (rd.txt(f"generation={number}"),)))
parts = st.builds(
    UnitUpdate,
    names,
    st.none() | texts,
    st.none() | texts,
    st.lists(
        st.builds(RRsetUpdate, names.map(lambda name: (name, Type.A)), st.none() | sets), max_size=4
    ).map(tuple),
    st.lists(
        st.builds(Guard, names, st.just(()) | sets.map(lambda rrset: ((Type.A, rrset),))), max_size=3
    ).map(tuple),
    st.booleans(),
)


@settings(max_examples=examples(100))
@given(st.lists(parts, min_size=1, max_size=5))
def test_compose(given_parts: list[UnitUpdate]) -> None:
    wire = compose(4711, ZONE, given_parts)
    message = read(wire)
    assert (message.id, message.opcode) == (4711, dns.opcode.UPDATE)
    records = [*message.answers, *message.authorities]
    assert len(records) == sum(part.record_count for part in given_parts)
    assert len(wire) <= 12 + len(ZONE) + 4 + sum(part.octets for part in given_parts)
    for part in given_parts:
        for (owner, rdtype), after in part.updates:
            written = {each.data for each in message.authorities if each[:3] == (owner, rdtype, 1)}
            assert set(after.records if after else ()) <= written
    read_by_dnspython = dns.message.from_wire(wire)
    assert read_by_dnspython.opcode() == dns.opcode.UPDATE
