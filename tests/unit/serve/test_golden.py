"""Whole responses, octet by octet: the order of sections and records, what is compressed, and what goes last.

What a resolver, a middlebox or a signature check makes of a response may hang on any of it, so none of it
changes by accident. Each is written down as a person reads it (RFC 1035 section 4.1), not made by our code.
"""

import pytest

from rollcall.serve.answers import Answers
from rollcall.serve.cookies import Cookies
from unit.serve.samples import APEX, Client, answers, rrset, zone

HEAD = "1234"  # the id, and in the queries below RD
QUERY_FLAGS = "0100"
EXAMPLE = "076578616d706c65 0474657374 00"  # example.test.
S = f"0173 {EXAMPLE}"
PORT = f"055f68747470 045f746370 {S}"  # _http._tcp.s.example.test.
A, AAAA, SRV, NS, ANY = "0001 0001", "001c 0001", "0021 0001", "0002 0001", "00ff 0001"
OPT = "00 0029 04d0 00000000 0000"
SOA = (
    "0006 0001 0000001e 003e"  # its ttl is 30
    f" 026e73 {EXAMPLE} 0a686f73746d6173746572 {EXAMPLE}"
    " 00000001 0000000a 0000000a 00093a80 00000005"
)
COOKIE = "000a 0018 2464c4abcf10c957 010000005cf79f11 1f8130c3eee29480"  # RFC 9018 appendix A.1


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.fixture
def source() -> Answers:
    return answers(
        zone(
            rrset(APEX, "NS", "ns.example.test."),
            rrset("ns.example.test.", "A", "10.1.1.1"),
            rrset("s.example.test.", "A", "10.0.0.1"),
            rrset("two.example.test.", "A", "10.0.0.1", "10.0.0.2", weights=[1, 0]),
            rrset("_http._tcp.s.example.test.", "SRV", "0 1 80 i.s.example.test."),
            rrset("i.s.example.test.", "AAAA", "fd00::1"),
            rrset("i.s.example.test.", "A", "10.0.0.9"),
        )
    )


GOLDEN = {
    "an address": (
        f"0001 0000 0000 0000 {S} {A}",
        f"8500 0001 0001 0000 0000 {S} {A} c00c {A} 00000005 0004 0a000001",
    ),
    "an address, with EDNS": (
        f"0001 0000 0000 0001 {S} {A} {OPT}",
        f"8500 0001 0001 0000 0001 {S} {A} c00c {A} 00000005 0004 0a000001 {OPT}",
    ),
    "with DNSSEC OK, and a larger payload": (
        f"0001 0000 0000 0001 {S} {A} 00 0029 1000 00008000 0000",
        f"8500 0001 0001 0000 0001 {S} {A} c00c {A} 00000005 0004 0a000001 00 0029 04d0 00008000 0000",
    ),
    "letters as they were asked (0x20)": (
        f"0001 0000 0000 0000 0153 074578616d504c65 0454657354 00 {A}",
        f"8500 0001 0001 0000 0000 0153 074578616d504c65 0454657354 00 {A} c00c {A} 00000005 0004 0a000001",
    ),
    "SRV: its target whole, then its addresses, A first, under a pointer to it; OPT last": (
        f"0001 0000 0000 0001 {PORT} {SRV} {OPT}",
        f"8500 0001 0001 0000 0003 {PORT} {SRV}"
        f" c00c {SRV} 00000005 0018 0000 0001 0050 0169 {S}"
        f" c03d {A} 00000005 0004 0a000009"
        f" c03d {AAAA} 00000005 0010 fd000000000000000000000000000001"
        f" {OPT}",
    ),
    "NS, with the address of the name server": (
        f"0001 0000 0000 0000 {EXAMPLE} {NS}",
        f"8500 0001 0001 0000 0001 {EXAMPLE} {NS}"
        f" c00c {NS} 00000005 0011 026e73 {EXAMPLE}"
        f" c02a {A} 00000005 0004 0a010101",
    ),
    "NODATA: the SOA in the authority section, its owner a pointer into the question": (
        f"0001 0000 0000 0001 {S} 0010 0001 {OPT}",
        f"8500 0001 0000 0001 0001 {S} 0010 0001 c00e {SOA} {OPT}",
    ),
    "NXDOMAIN": (
        f"0001 0000 0000 0000 026e6f {EXAMPLE} {A}",
        f"8503 0001 0000 0001 0000 026e6f {EXAMPLE} {A} c00f {SOA}",
    ),
    "ANY: one RRset": (
        f"0001 0000 0000 0000 {S} {ANY}",
        f"8500 0001 0001 0000 0000 {S} {ANY} c00c {A} 00000005 0004 0a000001",
    ),
    "of weights 1 and 0 the first alone": (
        f"0001 0000 0000 0000 0374776f {EXAMPLE} {A}",
        f"8500 0001 0001 0000 0000 0374776f {EXAMPLE} {A} c00c {A} 00000005 0004 0a000001",
    ),
    "REFUSED": (
        f"0001 0000 0000 0001 036f7267 00 {A} {OPT}",
        f"8105 0001 0000 0000 0001 036f7267 00 {A} {OPT}",
    ),
    "BADVERS: its upper bits in the OPT record": (
        f"0001 0000 0000 0001 {S} {A} 00 0029 04d0 00010000 0000",
        f"8100 0001 0000 0000 0001 {S} {A} 00 0029 04d0 01000000 0000",
    ),
    "BADKEY: TSIG after OPT": (
        f"0001 0000 0000 0002 {S} {A} {OPT}"
        " 016b 00 00fa 00ff 00000000 0013 016e 00 000065000000 012c 0000 1234 0000 0000",
        f"8109 0001 0000 0000 0002 {S} {A} {OPT}"
        " 016b 00 00fa 00ff 00000000 0013 016e 00 000065000000 012c 0000 1234 0011 0000",
    ),
    "a cookie, in the OPT record": (
        f"0001 0000 0000 0001 {S} {A} 00 0029 04d0 00000000 000c 000a 0008 2464c4abcf10c957",
        f"8500 0001 0001 0000 0001 {S} {A} c00c {A} 00000005 0004 0a000001"
        f" 00 0029 04d0 00000000 001c {COOKIE}",
    ),
    "a cookie, of what else the options hold nothing": (
        f"0001 0000 0000 0001 {S} {A} 00 0029 04d0 00000000 0016 000c 0002 0000 000a 0008 2464c4abcf10c957"
        " 0003 0000",
        f"8500 0001 0001 0000 0001 {S} {A} c00c {A} 00000005 0004 0a000001"
        f" 00 0029 04d0 00000000 001c {COOKIE}",
    ),
    "no question but a cookie": (
        "0000 0000 0000 0001 00 0029 04d0 00000000 000c 000a 0008 2464c4abcf10c957",
        f"8100 0000 0000 0000 0001 00 0029 04d0 00000000 001c {COOKIE}",
    ),
}


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize(("query", "response"), GOLDEN.values(), ids=GOLDEN.keys())
def test_a_response_octet_by_octet(source: Answers, query: str, response: str, tcp: bool) -> None:
    cookies = Cookies([octets("e5e973e5a6b2a43f48e7dc849e37bfcf")], lambda: 1559731985.0)
    client = Client(source, tcp=tcp, cookies=cookies)
    client.address = ("198.51.100.100", 5353)
    for _ in range(3):  # the long way, then the short cut
        received = client.respond(octets(f"{HEAD} {QUERY_FLAGS} {query}"))
        assert received is not None
        assert received.hex() == octets(f"{HEAD} {response}").hex()


@pytest.mark.parametrize("letters", range(16))
def test_every_answer_keeps_the_letters_of_its_question(source: Answers, letters: int) -> None:
    """0x20: a resolver drops an answer whose question is spelt in another way than it asked."""
    spell = [str.upper if letters >> bit & 1 else str.lower for bit in range(4)]
    for labels, rdtype in (
        (("s", "example", "test"), 1),  # an answer
        (("s", "example", "test"), 16),  # NODATA
        (("no", "example", "test"), 1),  # NXDOMAIN
        (("i", "s", "example", "test"), 28),
        (("example", "org"), 1),  # REFUSED
    ):
        spelt = [spell[index % 4](label) for index, label in enumerate(labels)]
        spelt[0] = spelt[0].swapcase()
        name = b"".join(bytes((len(label),)) + label.encode() for label in spelt) + b"\0"
        question = name + rdtype.to_bytes(2, "big") + b"\0\1"
        client = Client(source, cookies=Cookies([bytes(16)]))
        for rest in ("", OPT, "00 0029 04d0 00000000 000c 000a 0008 2464c4abcf10c957"):
            query = octets(f"1234 0100 0001 0000 0000 {'0001' if rest else '0000'}") + question + octets(rest)
            for _ in range(2):
                response = client.respond(query)
                assert response is not None
                assert response[12 : 12 + len(question)] == question
                cut = client.cut(query, response)
                assert cut[12 : 12 + len(question)] == question
