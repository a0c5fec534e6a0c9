"""What a test asks a nameserver over TCP, or tells it, with or without a key."""

import base64
from collections.abc import Callable
from typing import TypeAlias

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import dns.xfr
import dns.zone

from nameservers.nameserver import Nameserver
from nameservers.snippets import KEY
from waiting import eventually

Records: TypeAlias = set[tuple[str, int, str, str]]
"""Owner, ttl, type and data, all as text, the owner absolute."""

_TIMEOUT_SECONDS = 20.0
_TRIES = 3


def tsig_key(text: str = KEY) -> dns.tsig.Key:
    """Return a key written as ALGORITHM:NAME:SECRET for dnspython."""
    algorithm, name, secret = text.split(":")
    return dns.tsig.Key(name, base64.b64decode(secret), algorithm)


def send(server: Nameserver, message: dns.message.Message, key: str | None = KEY) -> dns.message.Message:
    """Send any message over TCP, signed unless `key` is None; return the answer, whatever its code."""
    if key is not None:
        message.use_tsig(tsig_key(key))
    return dns.query.tcp(message, server.address, _TIMEOUT_SECONDS, server.port)


def ask(server: Nameserver, name: str, rdtype: str) -> dns.message.Message:
    """Ask, without a key; and again where the connection ends unanswered, as clients do (RFC 7766).

    NSD resets those that it has when it takes in a new version of a zone.
    """
    for _ in range(_TRIES - 1):
        try:
            return send(server, dns.message.make_query(name, rdtype), key=None)
        except (ConnectionResetError, BrokenPipeError, EOFError):
            continue
    return send(server, dns.message.make_query(name, rdtype), key=None)


def data(server: Nameserver, name: str, rdtype: str) -> set[str]:
    """Return the data of the RRset as text; empty for none."""
    wanted = dns.name.from_text(name), dns.rdatatype.from_text(rdtype)
    found = [rrset for rrset in ask(server, name, rdtype).answer if (rrset.name, rrset.rdtype) == wanted]
    return {record.to_text() for rrset in found for record in rrset}


def serial(server: Nameserver, zone: str) -> int | None:
    """Return the serial of a zone, None where the server doesn't serve it (yet)."""
    try:
        answer = ask(server, zone, "SOA").answer
    except (OSError, dns.exception.DNSException):
        return None
    return next((rrset[0].serial for rrset in answer if rrset.rdtype == dns.rdatatype.SOA), None)


def records(server: Nameserver, zone: str, key: str | None = KEY) -> Records:
    """Return all records but the SOA, by AXFR.

    Raises dns.xfr.TransferError when it is refused.
    """
    origin = dns.name.from_text(zone)
    found = dns.zone.Zone(origin, relativize=False)
    query, _ = dns.xfr.make_query(found)
    if key is not None:
        query.use_tsig(tsig_key(key))
    dns.query.inbound_xfr(
        server.address, found, query, server.port, _TIMEOUT_SECONDS, udp_mode=dns.query.UDPMode.NEVER
    )
    return {
        (str(owner), ttl, dns.rdatatype.to_text(rdata.rdtype), rdata.to_text())
        for owner, ttl, rdata in found.iterate_rdatas()
        if rdata.rdtype != dns.rdatatype.SOA
    }


def notify(server: Nameserver, zone: str, key: str | None = KEY) -> dns.message.Message:
    """Tell a secondary over UDP that the zone has changed (RFC 1996); return its answer."""
    message = dns.message.make_query(zone, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags = dns.opcode.to_flags(dns.opcode.NOTIFY) | dns.flags.AA
    if key is not None:
        message.use_tsig(tsig_key(key))
    return dns.query.udp(message, server.address, _TIMEOUT_SECONDS, server.port)


def wait_until(server: Nameserver, condition: Callable[[], bool]) -> None:
    """Wait until a condition about a server holds; fail with the end of its log after the deadline."""
    eventually(condition, lambda: f"{server.program} gets there: {server.log[-2000:]}")
