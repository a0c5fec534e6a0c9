"""The table of record types: each type in it is known wherever types are told apart, and no other one is."""

import dns.rdata
import dns.rdatatype
import pytest

from rollcall.dnswire.message import message, question, read, record
from rollcall.dnswire.names import QUESTION_NAME, split
from rollcall.dnswire.types import IN, MANAGED_TYPES, META_TYPES, RECORD_TYPES, RecordType, Type
from rollcall.publish.octodns.desired import FORMS
from rollcall.serve.responder import _TRANSFERS
from unit.serve.samples import APEX, Client, answers, name, rdata, rrset, texts, zone

HOST = "host.example.test."
SAMPLES = {
    Type.A: "10.0.0.1",
    Type.NS: HOST,
    Type.CNAME: HOST,
    Type.SOA: f"{HOST} {HOST} 1 2 3 4 5",
    Type.PTR: HOST,
    Type.MX: f"10 {HOST}",
    Type.TXT: '"a" "b"',
    Type.AAAA: "fd00::1",
    Type.SRV: f"0 5 80 {HOST}",
    Type.DNAME: HOST,
}

each_type = pytest.mark.parametrize("row", RECORD_TYPES, ids=lambda row: row.type.name)


def test_every_type_is_in_the_table_once_or_in_no_zone() -> None:
    listed = [row.type for row in RECORD_TYPES]
    assert len(listed) == len(set(listed))
    assert set(listed) | META_TYPES == set(Type)
    assert not set(listed) & META_TYPES


def test_numbers_and_names_are_those_of_dnspython() -> None:
    assert {each.name: each.value for each in Type} == {
        each.name: int(dns.rdatatype.from_text(each.name)) for each in Type
    }


@each_type
def test_names_in_its_data_are_read_uncompressed(row: RecordType) -> None:
    plain = rdata(row.type.name, SAMPLES[row.type])
    host = name(HOST)
    assert plain.count(host) == row.names
    if row.names:
        assert plain.find(host) == row.fixed
    wire = message(
        1,
        0,
        [question(host, row.type)],
        [record(QUESTION_NAME, row.type, IN, 5, plain.replace(host, QUESTION_NAME))],
    )
    (answer,) = read(wire).answers
    assert (answer.owner, answer.data) == (host, plain)
    assert len(split(answer.owner)) == 4


@each_type
def test_it_is_served_hot_with_the_addresses_that_it_leads_to(row: RecordType) -> None:
    owner = APEX if row.type is Type.SOA else "s.example.test."
    host = rrset(HOST, "A", "10.0.0.9")
    held = () if row.type is Type.SOA else (rrset(owner, row.type.name, SAMPLES[row.type]),)
    source = answers(zone(*held, host))
    reply = Client(source).ask(owner, row.type.name)
    assert [line.split()[2] for line in texts(reply.answer)] == [row.type.name]
    assert [line.split()[0] for line in texts(reply.additional)] == [HOST] * row.has_additional
    assert bool(source.hot) == row.is_hot


@each_type
def test_what_is_hot_has_no_letter_in_its_number(row: RecordType) -> None:
    """So that a whole question can be lowered at once: see `Answers.hot`."""
    wire = row.type.to_bytes(2, "big")
    assert not row.is_hot or wire == wire.lower()


@each_type
def test_what_other_servers_get_can_be_told_to_octodns(row: RecordType) -> None:
    assert (row.type in FORMS) == (row.is_managed or row.type is Type.TXT), "TXT: the marker"
    assert (row.type in MANAGED_TYPES) == row.is_managed


def test_types_of_messages_are_refused_or_never_hot() -> None:
    source = answers(zone(rrset("s.example.test.", "A", "10.0.0.1")))
    for rdtype in META_TYPES - {Type.OPT, Type.TSIG}:
        Client(source).ask("s.example.test.", rdtype.name)
    assert {question[-4:-2] for question in source.hot} == {Type.A.to_bytes(2, "big")}
    assert set(_TRANSFERS) <= META_TYPES
