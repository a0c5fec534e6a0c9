"""What is asked of the embedded server when that may be anything, and what holds of any response."""

import dns.edns
import dns.exception
import dns.message

from rollcall.serve.cookies import Cookies
from unit.serve.samples import APEX, Client, addresses, answers, rrset, zone

HEADER_SIZE = 12
QR, TC = 0x80, 0x02
COOKIE_OPTION = 28
"""Octets. A response may have been made when no hash was left for one, and cut when there are some again."""

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
    assert len(cut) <= len(response) + COOKIE_OPTION
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
        raise AssertionError(f"{query.hex()} got {response.hex()}: {error!r}") from error
