"""Zones to serve, and asking about them: text in, text out, as a reader of zone files would write it."""

from collections.abc import Iterable, Mapping
from random import Random

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset

from rollcall.feed.frames import Stats
from rollcall.serve.answers import Answers
from rollcall.serve.cookies import Cookies
from rollcall.serve.responder import Responder
from rollcall.serve.table import Table
from rollcall.zone.changes import RRsetDelta, ZoneDelta

APEX = "example.test."
SOA = "ns.example.test. hostmaster.example.test. {serial} 10 10 604800 5"
SEED = 20261124


def name(text: str) -> bytes:
    """Write a name in wire format."""
    wire = dns.name.from_text(text).to_wire()
    assert wire is not None
    return wire


def rdata(rdtype: str, text: str) -> bytes:
    """Write record data in wire format."""
    wire = dns.rdata.from_text("IN", rdtype, text, relativize=False).to_wire()
    assert wire is not None
    return wire


def type_number(rdtype: str) -> int:
    """Return the number of a record type."""
    return int(dns.rdatatype.from_text(rdtype))


def rrset(
    owner: str, rdtype: str, *values: str, weights: Iterable[int] = (), count: int = 8, ttl: int = 5
) -> RRsetDelta:
    """Build the arrival of records at an owner, of weight 1 where no weights are given."""
    given = tuple(weights) or (1,) * len(values)
    add = tuple((rdata(rdtype, value), weight) for value, weight in zip(values, given, strict=True))
    return RRsetDelta(name(owner), type_number(rdtype), ttl, count, (), add)


def removal(owner: str, rdtype: str, *values: str, count: int = 8, ttl: int = 5) -> RRsetDelta:
    """Build the departure of records from an owner."""
    gone = tuple(rdata(rdtype, value) for value in values)
    return RRsetDelta(name(owner), type_number(rdtype), ttl, count, gone)


def zone(
    *rrsets: RRsetDelta,
    apex: str = APEX,
    serial: int = 1,
    soa_ttl: int = 30,
    negative_ttls: Mapping[str, int] | None = None,
) -> ZoneDelta:
    """Build a delta of a zone."""
    return ZoneDelta(
        name(apex),
        serial,
        rdata("SOA", SOA.format(serial=serial)),
        soa_ttl,
        rrsets,
        tuple((name(owner), ttl) for owner, ttl in (negative_ttls or {}).items()),
    )


def addresses(number: int, block: int = 0) -> list[str]:
    """Return that many different IPv4 addresses."""
    return [f"10.{block}.{index // 256}.{index % 256}" for index in range(number)]


def answers(*zones: ZoneDelta, seed: int = SEED) -> Answers:
    """Build ready answers from whole zones."""
    table = Table()
    for each in zones:
        table.apply_delta(each)
    ready = Answers(Random(seed))
    ready.replace_table(table)
    return ready


class Client:
    """Asks a responder as a client would, and checks what any client checks of a response."""

    def __init__(self, source: Answers, *, tcp: bool = False, cookies: Cookies | None = None) -> None:
        self.stats = Stats()
        self._responder = Responder(source, self.stats, tcp=tcp, cookies=cookies)
        self.address = ("192.0.2.7", 5353)

    def respond(self, query: bytes) -> bytes | None:
        """Send a message in wire format and return the response to it."""
        return self._responder.respond(query, self.address)

    def cut(self, query: bytes, response: bytes) -> bytes:
        """Return what goes out instead of the response while there are too many."""
        return self._responder.cut(query, self.address, response)

    def ask(
        self, qname: str, rdtype: str = "A", *, edns: int | None = None, do: bool = False
    ) -> dns.message.Message:
        """Ask, with an EDNS payload size where one is given."""
        return self.send(
            dns.message.make_query(
                qname, rdtype, use_edns=-1 if edns is None else 0, payload=edns or 0, want_dnssec=do
            )
        )

    def send(self, query: dns.message.Message) -> dns.message.Message:
        """Send a message and parse its response, which must belong to it."""
        wire = self.respond(query.to_wire())
        assert wire is not None
        response = dns.message.from_wire(wire)
        assert query.is_response(response)
        return response


def texts(section: Iterable[dns.rrset.RRset]) -> list[str]:
    """Write each record of a section on a line, in order of arrival."""
    return [
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {item}"
        for rrset in section
        for item in rrset
    ]


def values(response: dns.message.Message) -> list[str]:
    """Return the data of the answer records."""
    return [str(item) for rrset in response.answer for item in rrset]


def flags(response: dns.message.Message) -> str:
    """Return the flags of a response, such as "QR AA RD"."""
    return dns.flags.to_text(response.flags)


def rcode(response: dns.message.Message) -> str:
    """Return the response code in letters."""
    return dns.rcode.to_text(response.rcode())
