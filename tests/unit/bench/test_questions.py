"""The bench's own wire format, held against dnspython."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from bench.questions import question, reply, with_id

NAME = "svc-001.pool.svc.cluster.local"


def answer(*addresses: str, rcode: int = dns.rcode.NOERROR, flags: int = 0) -> bytes:
    response = dns.message.make_response(dns.message.from_wire(with_id(question(NAME), 4711)))
    response.set_rcode(dns.rcode.Rcode(rcode))
    response.flags |= flags
    if addresses:
        response.answer.append(dns.rrset.from_text(NAME + ".", 0, "IN", "A", *addresses))
    return response.to_wire()


def test_a_question_is_one_with_edns() -> None:
    asked = dns.message.from_wire(with_id(question(NAME), 4711))
    assert asked.id == 4711
    assert asked.question[0].to_text() == f"{NAME}. IN A"
    assert (asked.edns, asked.payload) == (0, 1232)


def test_the_addresses_of_an_answer() -> None:
    found = reply(answer("10.3.0.1", "10.3.0.2"))
    assert found == (4711, frozenset({bytes([10, 3, 0, 1]), bytes([10, 3, 0, 2])}))


def test_other_records_are_passed_over() -> None:
    response = dns.message.make_response(dns.message.from_wire(question(NAME)))
    response.answer.append(dns.rrset.from_text(NAME + ".", 0, "IN", "CNAME", "other.example."))
    response.answer.append(dns.rrset.from_text("other.example.", 0, "IN", "A", "10.3.0.9"))
    assert reply(response.to_wire()).addresses == frozenset({bytes([10, 3, 0, 9])})


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
def test_nodata_and_nxdomain_say_that_there_is_none(rcode: int) -> None:
    assert reply(answer(rcode=rcode)).addresses == frozenset()


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_failure_says_nothing(rcode: int) -> None:
    assert reply(answer(rcode=rcode)).addresses is None


def test_a_truncated_answer_says_nothing() -> None:
    assert reply(answer("10.3.0.1", flags=dns.flags.TC)).addresses is None


@pytest.mark.parametrize("size", [0, 11, 20, 60])
def test_what_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        reply(answer("10.3.0.1")[:size])


def test_a_question_is_no_answer() -> None:
    with pytest.raises(ValueError, match="not an answer"):
        reply(question(NAME))
