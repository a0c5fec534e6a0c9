"""Asking a DNS server: over UDP, and over TCP where UDP does not get through or the answer doesn't fit.

The datagram socket is connected, so that a port where nobody listens says so at once. A forwarded port
(`kubectl port-forward`) takes TCP only, and works for that reason.
"""

import asyncio
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename

from rollcall.dnswire.edns import MAX_PAYLOAD
from rollcall.zone.marker import LABEL as MARKER_LABEL

if TYPE_CHECKING:
    from dns.message import Message, QueryMessage

UDP_TRIES = 2
UDP_SECONDS = 1.5
TCP_SECONDS = 3.0


class NoReply(Exception):
    """A server that gives no usable answer; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Nameserver:
    """Where to ask."""

    host: str
    port: int = 53

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read HOST, HOST:PORT, an IPv6 address, or [IPv6]:PORT.

        Raises:
            ValueError: it is none of these.
        """
        if text.count(":") > 1 and not text.startswith("["):
            return cls(text)
        match = re.fullmatch(
            r"(\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:]+))(:(?P<port>[0-9]{1,5}))?", text
        )
        port = int(match["port"] or 53) if match else 0
        if match is None or not 0 < port < 65536:
            raise ValueError(f"{text!r} is not a server: write HOST or HOST:PORT, such as 127.0.0.1:10053")
        return cls(match["ipv6"] or match["host"], port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, how it came (udp or tcp), and how long it took."""

    message: "Message"
    transport: str
    milliseconds: float

    @property
    def rcode(self) -> str:
        """The response code in words, such as NXDOMAIN."""
        return dns.rcode.to_text(self.message.rcode())


async def ask(server: Nameserver, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Reply:
    """Ask one question.

    Raises:
        NoReply: neither UDP nor TCP brought an answer.
    """
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=MAX_PAYLOAD)
    problem = ""
    for _ in range(UDP_TRIES):
        started = time.perf_counter()
        try:
            async with asyncio.timeout(UDP_SECONDS):
                message = await _udp(server, query)
        except TimeoutError:
            problem = "no answer in time"
            continue
        except OSError as error:
            problem = _reason(error)
            break
        if not message.flags & dns.flags.TC:
            return Reply(message, "udp", (time.perf_counter() - started) * 1000)
        problem = "a cut answer"
        break
    started = time.perf_counter()
    try:
        async with asyncio.timeout(TCP_SECONDS):
            message = await _tcp(server, query)
    except TimeoutError as error:
        raise NoReply(f"{server}: over UDP {problem}, over TCP no answer in time") from error
    except (OSError, EOFError, dns.exception.DNSException) as error:
        why = _reason(error)
        raise NoReply(f"{server}: over UDP {problem}, over TCP {why}") from error
    return Reply(message, "tcp", (time.perf_counter() - started) * 1000)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:  # asyncio writes the address into strerror
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


class _Datagrams(asyncio.DatagramProtocol):
    """Waits for the response to one query; anything else that arrives is passed over."""

    def __init__(self, query: "QueryMessage") -> None:
        self.query = query
        self.reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        try:
            message = dns.message.from_wire(data, raise_on_truncation=False, ignore_trailing=True)
        except dns.exception.DNSException:
            return
        if self.query.is_response(message) and not self.reply.done():
            self.reply.set_result(message)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


async def _udp(server: Nameserver, query: "QueryMessage") -> "Message":
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Datagrams(query), remote_addr=(server.host, server.port)
    )
    try:
        transport.sendto(query.to_wire())
        return await protocol.reply
    finally:
        transport.close()


async def _tcp(server: Nameserver, query: "QueryMessage") -> "Message":
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        wire = query.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        length = int.from_bytes(await reader.readexactly(2), "big")
        message = dns.message.from_wire(await reader.readexactly(length))
    finally:
        writer.close()
    if not query.is_response(message):
        raise OSError("an answer to another question")
    return message


def name_and_types(text: str, rdtype: str | None) -> tuple[dns.name.Name, list[dns.rdatatype.RdataType]]:
    """Read a name and a type; without a type those that fit the name. An address stands for its PTR name.

    Raises:
        ValueError: it is not a name, or not a type.
    """
    try:
        name = dns.reversename.from_address(text)
    except (dns.exception.SyntaxError, ValueError):
        try:
            if not text:
                raise dns.name.EmptyLabel
            name = dns.name.from_text(text)
        except (dns.exception.DNSException, UnicodeError) as error:
            raise ValueError(f"{text!r} is not a domain name: {error}") from error
    if rdtype:
        try:
            return name, [dns.rdatatype.from_text(rdtype)]
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f"{rdtype!r} is not a record type, such as A, AAAA, SRV, TXT or PTR") from error
    labels = name.to_text().lower().split(".")
    if labels[-2:-1] == ["arpa"]:
        return name, [dns.rdatatype.PTR]
    if labels[0].startswith("_") and len(labels) > 2 and labels[1].startswith("_"):
        return name, [dns.rdatatype.SRV]
    if labels[0] == MARKER_LABEL:
        return name, [dns.rdatatype.TXT]
    return name, [dns.rdatatype.A, dns.rdatatype.AAAA]
