"""Which side answers are of, made by dnspython: in any section, in any record."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from bench.questions import SRV, question
from bench.releases.sides import Side, side_of

from unit.bench.nameserver import response

NAME = "web.ns.svc.cluster.local"
SIDES = {
    bytes((10, 0, 0, 1)): Side.FIRST,
    bytes((10, 0, 0, 2)): Side.FIRST,
    bytes((10, 0, 1, 1)): Side.SECOND,
    b"10-0-0-1": Side.FIRST,
    b"10-0-1-1": Side.SECOND,
}


def a(*addresses: str) -> dns.message.Message:
    query = dns.message.from_wire(question(NAME))
    return response(query, *(f"{NAME}. 0 IN A {address}" for address in addresses))


def srv(*targets: str) -> dns.message.Message:
    query = dns.message.from_wire(question(f"_http._tcp.{NAME}", SRV))
    return response(query, *(f"_http._tcp.{NAME}. 0 IN SRV 0 100 80 {target}.{NAME}." for target in targets))


@pytest.mark.parametrize(
    ("message", "side"),
    [
        (a("10.0.0.1", "10.0.0.2"), Side.FIRST),
        (a("10.0.1.1"), Side.SECOND),
        (a("10.0.0.1", "10.0.1.1"), Side.MIXED),
        (a("10.0.0.1", "10.9.9.9"), Side.STRANGE),
        (a(), Side.EMPTY),
        (srv("10-0-0-1"), Side.FIRST),
        (srv("10-0-1-1", "10-0-0-1"), Side.MIXED),
        (srv("10-9-9-9"), Side.STRANGE),
    ],
    ids=lambda value: value.name if isinstance(value, Side) else "",
)
def test_every_record_of_an_answer_counts(message: dns.message.Message, side: Side) -> None:
    assert side_of(message.to_wire(), SIDES) is side


def test_the_additional_section_counts_too() -> None:
    message = srv("10-0-0-1")
    message.additional.append(dns.rrset.from_text(f"10-0-1-1.{NAME}.", 0, "IN", "A", "10.0.1.1"))
    assert side_of(message.to_wire(), SIDES) is Side.MIXED


def test_an_error_is_of_no_side() -> None:
    message = a("10.0.0.1")
    message.set_rcode(dns.rcode.SERVFAIL)
    assert side_of(message.to_wire(), SIDES) is Side.FAILED


def test_nothing_in_the_answer_is_empty_whatever_the_other_sections_hold() -> None:
    message = a()
    message.authority.append(dns.rrset.from_text("cluster.local.", 0, "IN", "SOA", "a. b. 1 1 1 1 1"))
    assert side_of(message.to_wire(), SIDES) is Side.EMPTY


def test_a_cut_answer_is_judged_by_what_is_left() -> None:
    message = a("10.0.1.1")
    message.flags |= dns.flags.TC
    assert side_of(message.to_wire(), SIDES) is Side.SECOND


@pytest.mark.parametrize("size", [0, 11, 30, 60])
def test_what_is_no_whole_message_has_failed(size: int) -> None:
    assert side_of(a("10.0.0.1").to_wire()[:size], SIDES) is Side.FAILED
