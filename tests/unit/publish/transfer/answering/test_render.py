"""Messages of a transfer: every record once, in messages that are none too long, names that decode."""

from itertools import chain

import dns.message
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.dnswire.header import HEADER_SIZE, MAX_MESSAGE
from rollcall.dnswire.message import ResourceRecord, question, read
from rollcall.dnswire.types import Type
from rollcall.publish.transfer.answering.render import MAX_BODY, axfr, messages
from rollcall.publish.transfer.journal.difference import RRsetItem
from rollcall.publish.transfer.journal.journal import Journal
from rollcall.zone.exported import ExportedRRset
from rollcall.zone.names import below, from_text
from transfers.source import large
from unit.publish.transfer.journal.contents import APEX, head, served

label = st.text("abc", min_size=1, max_size=3) | st.just("x" * 63)
owner = st.lists(label, max_size=2).map(lambda labels: below(APEX, *labels))
rrsets = st.lists(
    st.builds(
        lambda owner, rdtype, ttl, data: ((owner, rdtype), ExportedRRset(ttl, tuple(data))),
        owner,
        st.sampled_from([Type.A, Type.TXT]),
        st.integers(0, 1 << 31),
        st.lists(st.binary(max_size=300), min_size=1, max_size=6),
    ),
    max_size=30,
)


def records(parts: list[RRsetItem]) -> list[ResourceRecord]:
    return [
        ResourceRecord(owner, rdtype, 1, ttl, data)
        for (owner, rdtype), (ttl, members) in parts
        for data in members
    ]


@given(rrsets, st.integers(60, 2000))
def test_all_records_in_their_order(parts: list[RRsetItem], size: int):
    wires = list(messages(7, 0x8400, question(APEX, Type.AXFR), parts, size))
    assert all(len(wire) <= size or read(wire).answers[1:] == () for wire in wires)
    decoded = [read(wire) for wire in wires]
    assert list(chain.from_iterable(message.answers for message in decoded)) == records(parts)
    assert {message.questions for message in decoded} == {((APEX, Type.AXFR, 1),)}
    assert {(message.id, message.flags) for message in decoded} == {(7, 0x8400)}


@pytest.mark.parametrize("domain", ["k8s.example.com", "a", ".".join(["x" * 60] * 3)])
def test_a_large_zone(domain: str):
    """Full messages, far beyond the 16 KiB that pointers reach, are what another implementation reads."""
    source = large(6000, domain)
    zone = served(Journal())
    zone.apex = source.apex
    rrsets = {key: ExportedRRset(ttl, tuple(sorted(data))) for key, (ttl, data) in source.sets.items()}
    zone.catch_up(head(1), rrsets)
    wires = list(messages(1, 0x8400, question(source.apex, Type.AXFR), axfr(source.apex, zone.content())))
    assert all(len(wire) <= MAX_BODY < MAX_MESSAGE for wire in wires)
    assert all(len(wire) > MAX_BODY - 512 for wire in wires[:-1])
    found = [
        (rrset.name.to_wire(), rrset.rdtype, rrset.ttl, each.to_wire())
        for wire in wires
        for rrset in dns.message.from_wire(wire, one_rr_per_rrset=True, xfr=True).answer
        for each in rrset
    ]
    assert (found[0], len(found)) == (found[-1], zone.journal.record_count + 1)
    assert found[0][1] == dns.rdatatype.SOA
    assert set(found[1:-1]) == {
        (owner, rdtype, rrset.ttl, data)
        for (owner, rdtype), rrset in rrsets.items()
        for data in rrset.records
    }


def test_owners_are_compressed():
    owner = from_text("a-long-name.k8s.example.com")
    parts = [
        ((owner, Type.A), ExportedRRset(5, (b"\1\2\3\4",) * 2)),
        ((APEX, Type.NS), ExportedRRset(5, (b"\1a\0", b"\1b\0"))),
    ]
    (wire,) = messages(1, 0, question(APEX, Type.AXFR), parts)
    fixed = 10
    names = [len(owner) - len(APEX) + 2, 2, 2, 2]
    assert len(wire) == HEADER_SIZE + len(APEX) + 4 + sum(names) + 4 * fixed + 4 + 4 + 3 + 3
