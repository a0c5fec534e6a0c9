"""Any bytes at all: the server drops them, or answers with a well-formed message; it never raises."""

import dns.edns
import dns.exception
import dns.message
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rollcall.serve.cookies import Cookies
from thorough import examples
from unit.serve.samples import APEX, Client, addresses, answers, rrset, zone

HEADER_SIZE = 12
QR, TC = 0x80, 0x02

SOURCE = answers(
    zone(
        rrset(APEX, "NS", "ns.example.test."),
        rrset("ns.example.test.", "A", "10.1.1.1"),
        rrset("s.example.test.", "A", *addresses(60), count=64),
        rrset("w.example.test.", "A", *addresses(20), weights=range(20)),
        rrset(
            "_h._tcp.s.example.test.",
            "SRV",
            *(f"0 1 80 i{index}.s.example.test." for index in range(30)),
            count=64,
        ),
        *(rrset(f"i{index}.s.example.test.", "A", f"10.0.0.{index}") for index in range(30)),
    )
)
CLIENTS = {
    transport: Client(SOURCE, tcp=transport == "TCP", cookies=Cookies([bytes(16)]))
    for transport in ("UDP", "TCP")
}

QUERIES = [
    dns.message.make_query(qname, rdtype, use_edns=edns, id=0).to_wire()
    for qname in (
        "s.example.test.",
        "w.example.test.",
        "_h._tcp.s.example.test.",
        "no.example.test.",
        ".",
        "org.",
    )
    for rdtype in ("A", "SRV", "SOA", "ANY", "TYPE65")
    for edns in (-1, 0)
]
QUERIES += [
    dns.message.make_query(
        qname,
        "A",
        use_edns=0,
        id=0,
        options=[dns.edns.CookieOption(b"12345678", server), dns.edns.ECSOption("10.0.0.0", 8)],
    ).to_wire()
    for qname in ("s.example.test.", "no.example.test.")
    for server in (b"", b"x" * 16)
]


def check(query: bytes, transport: str) -> None:
    """Whatever the query is, the response is one to it, within its size, and can be parsed."""
    response = CLIENTS[transport].respond(query)
    if len(query) < HEADER_SIZE or query[2] & QR:
        assert response is None
        return
    assert response is not None
    assert response[:2] == query[:2]
    assert response[2] & QR
    assert response[2] & 0x79 == query[2] & 0x79, "opcode and RD are the query's"
    assert not response[3] & 0xF0, "RA, Z, AD and CD are clear"
    assert len(response) <= (65535 if transport == "TCP" else 1232)
    check_form(response, query)
    cut = CLIENTS[transport].cut(query, response)
    assert len(cut) <= len(response)
    check_form(cut, query)


def check_form(response: bytes, query: bytes) -> None:
    """Parse the response to a query."""
    # The opcode was checked; dnspython takes the question of an UPDATE for a zone, to be of type SOA.
    readable = response[:2] + bytes((response[2] & 0x87,)) + response[3:]
    try:
        dns.message.from_wire(readable)
    except dns.message.UnknownTSIGKey:
        pass  # BADKEY: well-formed, and not to be verified
    except dns.exception.DNSException as error:
        pytest.fail(f"{query.hex()} got {response.hex()}: {error!r}")


TRANSPORTS = st.sampled_from(sorted(CLIENTS))


@given(st.binary(max_size=600), TRANSPORTS)
@settings(max_examples=examples(1500))
def test_random_bytes(query: bytes, transport: str) -> None:
    check(query, transport)


@given(st.binary(min_size=2, max_size=2), st.binary(max_size=300), TRANSPORTS)
@settings(max_examples=examples(1000))
def test_random_bytes_after_a_usual_header(message_id: bytes, rest: bytes, transport: str) -> None:
    check(message_id + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + rest, transport)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Draw a query of the corpus with bytes changed, left out, doubled, or from another query."""
    query = bytearray(draw(st.sampled_from(QUERIES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(query) - 1, 0)))
        match draw(st.integers(0, 4)):
            case 0 if query:
                query[at] = draw(st.integers(0, 255))
            case 1 if query:
                query[at] ^= 1 << draw(st.integers(0, 7))
            case 2:
                del query[at : at + draw(st.integers(1, 16))]
            case 3:
                query[at:at] = draw(st.binary(min_size=1, max_size=16))
            case _:
                query[at:] = draw(st.sampled_from(QUERIES))[at:]
    return bytes(query)


@given(mutations(), TRANSPORTS)
@settings(max_examples=examples(1500))
@example(b"\x00\x00\x01\x00\x00\x01" + bytes(6) + b"\xc0\x0c\x00\x01\x00\x01", "UDP")
def test_mutated_queries(query: bytes, transport: str) -> None:
    check(query, transport)


@pytest.mark.parametrize("transport", sorted(CLIENTS))
def test_every_query_of_the_corpus_cut_at_every_byte(transport: str) -> None:
    for query in QUERIES:
        for end in range(len(query) + 1):
            check(query[:end], transport)


@pytest.mark.parametrize("size", [65535, 65534, 4096])
@pytest.mark.parametrize("filling", [b"\x00", b"\x01x", b"\x3f" + b"x" * 63, b"\xc0\x0c", b"\xff"])
def test_long_messages(size: int, filling: bytes) -> None:
    body = filling * (size // len(filling) + 1)
    check((QUERIES[0][:12] + body)[:size], "TCP")
    check((QUERIES[0][:4] + b"\x00\x01\x00\x00\xff\xff\xff\xff" + QUERIES[0][12:] + body)[:size], "TCP")
