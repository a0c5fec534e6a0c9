"""A secondary that dnspython makes: it asks for a zone, and keeps it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.xfr
import dns.zone

from nameservers.asking import Records, tsig_key
from rollcall.zone.names import to_text
from transfers.running import KEY_TEXT
from transfers.source import ZoneSource
from waiting import SECONDS


class Copy:
    """A copy of a zone. `kinds` are what the answers were: AXFR, IXFR or SOA."""

    def __init__(self, domain: str = "k8s.example.com", key: str | None = KEY_TEXT) -> None:
        self.zone = dns.zone.Zone(dns.name.from_text(domain), relativize=False)
        self.key = key
        self.messages: list[int] = []

    @property
    def serial(self) -> int:
        """The serial of the copy."""
        soa = self.zone.get_rdataset(self.zone.origin or "", "SOA")
        return int(soa[0].serial) if soa else 0

    @property
    def records(self) -> Records:
        """All records but the SOA."""
        return {
            (str(owner), ttl, dns.rdatatype.to_text(rdata.rdtype), rdata.to_text())
            for owner, ttl, rdata in self.zone.iterate_rdatas()
            if rdata.rdtype != dns.rdatatype.SOA
        }

    async def update(self, where: tuple[str, int], udp: bool = False) -> None:
        """Transfer what is new, the whole zone at first. Raises dns.xfr.TransferError where it is refused."""
        await asyncio.to_thread(self._update, where, udp)

    def _update(self, where: tuple[str, int], udp: bool) -> None:
        query, _ = dns.xfr.make_query(self.zone)
        if self.key is not None:
            query.use_tsig(tsig_key(self.key))
        mode = dns.query.UDPMode.TRY_FIRST if udp else dns.query.UDPMode.NEVER
        dns.query.inbound_xfr(where[0], self.zone, query, where[1], SECONDS, SECONDS, udp_mode=mode)


def expected(source: ZoneSource) -> Records:
    """Return the records that a copy of a zone has to have, as text, but for the SOA."""
    return {
        (dns.name.from_wire(owner, 0)[0].to_text(), ttl, *as_text(rdtype, data))
        for (owner, rdtype), (ttl, members) in source.sets.items()
        for data in members
    }


def as_text(rdtype: int, data: bytes) -> tuple[str, str]:
    """Write type and data of a record."""
    kind = dns.rdatatype.RdataType.make(rdtype)
    rdata = dns.rdata.from_wire(dns.rdataclass.IN, kind, data, 0, len(data))
    return dns.rdatatype.to_text(kind), rdata.to_text()


async def exchange(where: tuple[str, int], *messages: dns.message.Message | bytes) -> list[bytes]:
    """Send messages over one connection, all at once; return what comes until the other end closes it.

    If it does so before it has read all of them, that is an end as well: with RST, after what it has said.
    """
    octets = b""
    wires = [each if isinstance(each, bytes) else each.to_wire() for each in messages]
    reader, writer = await asyncio.open_connection(*where)
    try:
        writer.write(b"".join(struct.pack("!H", len(wire)) + wire for wire in wires))
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(OSError):
                writer.write_eof()
            with contextlib.suppress(OSError):
                while piece := await reader.read(1 << 16):
                    octets += piece
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return list(framed(octets))


def framed(octets: bytes) -> Iterable[bytes]:
    """Cut a stream into its messages."""
    at = 0
    while at < len(octets):
        size = int.from_bytes(octets[at : at + 2], "big")
        yield octets[at + 2 : at + 2 + size]
        at += 2 + size


def datagram(where: tuple[str, int], wire: bytes) -> bytes:
    """Send a datagram; return the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SECONDS)
        sock.sendto(wire, where)
        return sock.recv(65535)


def domain_of(source: ZoneSource) -> str:
    """Return the domain of a zone as text."""
    return to_text(source.apex)
