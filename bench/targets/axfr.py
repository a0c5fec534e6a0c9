"""A whole zone by AXFR, read as fast as it comes; what is in it is looked at later.

A client that decodes while it reads would measure itself: dnspython takes seconds for 50,000 records.
"""

import base64
import socket
import struct
import time
from dataclasses import dataclass
from typing import TypeAlias

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig

from controlplane import ControlPlaneError

Records: TypeAlias = frozenset[tuple[dns.name.Name, dns.rdatatype.RdataType, str]]
"""Owner, type and data; the ttl is left out."""

_READ_SIZE = 1 << 18
_TIMEOUT_SECONDS = 60.0
_HEADER_SIZE = 12
_SOA_NUMBERS_SIZE = 20
"""Serial, refresh, retry, expire, minimum: the end of an SOA's data, which no compression changes."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """A transfer as it came. `seconds` are from before the connection was opened until its last octet."""

    query: dns.message.QueryMessage
    messages: tuple[bytes, ...]
    seconds: float

    @property
    def octets(self) -> int:
        """The size of all messages."""
        return sum(map(len, self.messages))

    def records(self) -> Records:
        """Decode everything but the SOA, and check the signatures: takes seconds.

        Raises dns.exception.DNSException for what is no transfer, or not signed by the key of the question.
        """
        context = None
        found: set[tuple[dns.name.Name, dns.rdatatype.RdataType, str]] = set()
        for wire in self.messages:
            message = dns.message.from_wire(
                wire,
                keyring=self.query.keyring,
                request_mac=self.query.mac,
                xfr=True,
                tsig_ctx=context,
                multi=True,
            )
            context = message.tsig_ctx
            found.update(
                (rrset.name, rrset.rdtype, record.to_text())
                for rrset in message.answer
                if rrset.rdtype != dns.rdatatype.SOA
                for record in rrset
            )
        return frozenset(found)


def transfer(port: int, zone: str, key: dns.tsig.Key | None) -> Transferred:
    """Transfer a zone from a server on loopback, signed where there is a key.

    Raises ControlPlaneError when it is refused or breaks off.
    """
    query = dns.message.make_query(zone, dns.rdatatype.AXFR)
    if key is not None:
        query.use_tsig(key)
    wire = query.to_wire()
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS) as sock:
            sock.sendall(struct.pack(">H", len(wire)) + wire)
            messages = _read_all(sock, zone)
    except OSError as error:
        raise ControlPlaneError(f"the transfer of {zone} broke off: {error}") from error
    return Transferred(query, messages, time.monotonic() - began)


def key(text: str) -> dns.tsig.Key:
    """Return a key written as ALGORITHM:NAME:SECRET."""
    algorithm, name, secret = text.split(":")
    return dns.tsig.Key(name, base64.b64decode(secret), algorithm)


def _read_all(sock: socket.socket, zone: str) -> tuple[bytes, ...]:
    """Read messages until the SOA comes for the second time (RFC 5936 section 2.2)."""
    messages: list[bytes] = []
    waiting = bytearray()
    numbers = b""
    while True:
        data = sock.recv(_READ_SIZE)
        if not data:
            raise ControlPlaneError(f"the transfer of {zone} ended after {len(messages)} messages")
        waiting += data
        while len(waiting) >= 2 and len(waiting) >= (end := 2 + int.from_bytes(waiting[:2], "big")):
            message = bytes(waiting[2:end])
            del waiting[:end]
            messages.append(message)
            begin = 0
            if not numbers:
                numbers, begin = _first_soa(message, zone)
            if message.find(numbers, begin) >= 0:
                return tuple(messages)


def _first_soa(message: bytes, zone: str) -> tuple[bytes, int]:
    """Return the numbers of the SOA that a transfer begins with, and where in the message it ends."""
    _, flags, questions, answers = struct.unpack_from(">HHHH", message)
    if flags & 0xF or not answers:
        rcode = dns.rcode.to_text(dns.rcode.Rcode(flags & 0xF))
        raise ControlPlaneError(f"the transfer of {zone} was refused: {rcode}")
    position = _HEADER_SIZE
    for _ in range(questions):
        position = _skip_name(message, position) + 4
    position = _skip_name(message, position)
    rdtype, _, _, size = struct.unpack_from(">HHIH", message, position)
    end = position + 10 + size
    if rdtype != dns.rdatatype.SOA:
        raise ControlPlaneError(f"the transfer of {zone} doesn't begin with its SOA")
    return message[end - _SOA_NUMBERS_SIZE : end], end


def _skip_name(message: bytes, position: int) -> int:
    while length := message[position]:
        if length >= 0xC0:
            return position + 2
        position += 1 + length
    return position + 1
