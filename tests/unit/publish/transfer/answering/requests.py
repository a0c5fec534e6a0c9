"""A responder, and requests as dnspython writes them."""

import base64
from ipaddress import ip_address

import dns.message
import dns.rrset
import dns.tsig

from rollcall.feed.frames import TransferSettings, TransferStats
from rollcall.publish.transfer.answering.refusals import RefusalLog
from rollcall.publish.transfer.answering.responder import TransferResponder
from rollcall.publish.transfer.journal.zones import TransferZones
from transfers.source import ZoneSource
from unit.publish.transfer.journal.feeding import load, unfiled

ALLOWED, STRANGER = "192.0.2.7", "203.0.113.1"


class Server:
    """A responder for a few zones, which a test may go on to change."""

    def __init__(self, settings: TransferSettings | None, *sources: ZoneSource) -> None:
        self.stats = TransferStats()
        self.zones = TransferZones(unfiled())
        self.responder = TransferResponder(self.zones, self.stats, RefusalLog(self.stats))
        if settings is not None:
            self.zones.configure(settings)
        if sources:
            load(self.zones, *sources)

    def ask(
        self,
        query: dns.message.Message | bytes,
        key: str | None = None,
        address: str = STRANGER,
        *,
        tcp: bool = False,
    ) -> dns.message.Message | None:
        """Return the answer; it has to be one message. What signs the query has to sign the answer."""
        if key is not None:
            assert isinstance(query, dns.message.Message)
            query.use_tsig(dns_key(key))
        wire = query if isinstance(query, bytes) else query.to_wire()
        answer = self.responder.respond(wire, ip_address(address), is_tcp=tcp)
        if answer is None:
            return None
        assert isinstance(answer, bytes), answer
        if isinstance(query, bytes):
            return dns.message.from_wire(answer)
        return dns.message.from_wire(
            answer, keyring={query.keyring.name: query.keyring} if key else None, request_mac=query.mac
        )


def dns_key(text: str) -> dns.tsig.Key:
    """Return a key as dnspython has it."""
    algorithm, name, secret = text.split(":")
    return dns.tsig.Key(name, base64.b64decode(secret), algorithm)


def query(rdtype: str = "SOA", name: str = "k8s.example.com", **edns: int) -> dns.message.Message:
    """Ask for something."""
    return dns.message.make_query(name, rdtype, **edns)  # type: ignore[arg-type]


def ixfr(serial: int, name: str = "k8s.example.com", **edns: int) -> dns.message.Message:
    """Ask for what has changed since a version."""
    message = query("IXFR", name, **edns)
    message.authority.append(
        dns.rrset.from_text(message.question[0].name, 0, "IN", "SOA", f". . {serial} 0 0 0 0")
    )
    return message
