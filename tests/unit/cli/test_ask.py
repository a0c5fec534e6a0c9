"""Asking over real sockets on loopback: UDP, TCP where it must be, and what is no answer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from rollcall.cli import ask
from rollcall.cli.ask import Nameserver, NoReply, name_and_types

NAME = dns.name.from_text("web.shop.k8s.example.com")
Answer = Callable[[dns.message.Message], list[bytes]]


def response(query: dns.message.Message, *addresses: str, cut: bool = False) -> bytes:
    made = dns.message.make_response(query)
    if addresses:
        made.answer = [dns.rrset.from_text(NAME, 5, "IN", "A", *addresses)]
    if cut:
        made.flags |= dns.flags.TC
    return made.to_wire()


class Udp(asyncio.DatagramProtocol):
    """Answers each query with what a function makes of it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.queries = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)  # by its type it is one from 3.12 on

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.queries += 1
        for wire in self.answer(dns.message.from_wire(data)):
            self.transport.sendto(wire, addr)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an answer however busy the machine is."""
    monkeypatch.setattr(ask, "UDP_SECONDS", 60.0)
    monkeypatch.setattr(ask, "TCP_SECONDS", 60.0)


@asynccontextmanager
async def serving(udp: Answer | None, tcp: Answer | None) -> AsyncIterator[tuple[Nameserver, Udp | None]]:
    """Answer on one port over UDP, over TCP, both or neither; what is not answered there is refused.

    The port is ours as a whole: what doesn't answer is refused by a socket that keeps others away from it.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert tcp is not None
        length = int.from_bytes(await reader.readexactly(2), "big")
        for wire in tcp(dns.message.from_wire(await reader.readexactly(length))):
            writer.write(len(wire).to_bytes(2, "big") + wire)
        writer.close()

    with claimed() as (datagrams, stream):
        transport = protocol = server = None
        if udp:
            transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: Udp(udp), sock=datagrams
            )
        else:
            datagrams.connect(datagrams.getsockname())  # it takes datagrams from itself only
        if tcp:
            server = await asyncio.start_server(answer, sock=stream)
        try:
            yield Nameserver(*stream.getsockname()), protocol
        finally:
            if transport:
                transport.close()
            if server:
                server.close()
                await server.wait_closed()


@contextmanager
def claimed() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give a datagram socket and one that does not listen, on one port."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream:
            datagrams.setblocking(False)
            datagrams.bind(("127.0.0.1", 0))
            try:
                stream.bind(datagrams.getsockname())
            except OSError:  # somebody else's
                continue
            yield datagrams, stream
            return


async def asked(server: Nameserver) -> ask.Reply:
    return await ask.ask(server, NAME, dns.rdatatype.A)


def addresses(reply: ask.Reply) -> list[str]:
    return sorted(rdata.to_text() for rrset in reply.message.answer for rdata in rrset)


async def test_over_udp() -> None:
    async with serving(lambda query: [response(query, "10.1.0.1")], None) as (server, _):
        reply = await asked(server)
    assert (addresses(reply), reply.transport, reply.rcode) == (["10.1.0.1"], "udp", "NOERROR")
    assert reply.milliseconds > 0


async def test_a_cut_answer_is_asked_for_over_tcp() -> None:
    async with serving(
        lambda query: [response(query, cut=True)], lambda query: [response(query, "10.1.0.1", "10.1.0.2")]
    ) as (server, _):
        reply = await asked(server)
    assert (addresses(reply), reply.transport) == (["10.1.0.1", "10.1.0.2"], "tcp")


async def test_a_port_that_takes_tcp_only() -> None:
    """As kubectl port-forward makes: the kernel refuses the datagram at once."""
    async with serving(None, lambda query: [response(query, "10.1.0.1")]) as (server, _):
        reply = await asked(server)
    assert reply.transport == "tcp"


async def test_a_lost_datagram_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "UDP_SECONDS", 0.1)
    lost: list[dns.message.Message] = []

    def answer(query: dns.message.Message) -> list[bytes]:
        if lost:
            return [response(query, "10.1.0.1")]
        lost.append(query)
        monkeypatch.setattr(ask, "UDP_SECONDS", 60.0)  # the next one is waited for
        return []

    async with serving(answer, None) as (server, udp):
        reply = await asked(server)
    assert reply.transport == "udp"
    assert udp is not None
    assert udp.queries == 2


async def test_a_cut_answer_is_told_whatever_came_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "UDP_SECONDS", 0.1)
    answers = iter([False])

    def answer(query: dns.message.Message) -> list[bytes]:
        monkeypatch.setattr(ask, "UDP_SECONDS", 60.0)
        return [response(query, cut=True)] if next(answers, True) else []

    async with serving(answer, None) as (server, _):
        with pytest.raises(NoReply, match="over UDP a cut answer, over TCP Connection refused"):
            await asked(server)


async def test_what_is_no_answer_to_us_is_passed_over() -> None:
    def answer(query: dns.message.Message) -> list[bytes]:
        other = dns.message.make_query(NAME, "A")
        other.id = query.id ^ 1
        return [b"junk", response(other, "10.9.9.9"), response(query, "10.1.0.1")]

    async with serving(answer, None) as (server, _):
        assert addresses(await asked(server)) == ["10.1.0.1"]


async def test_an_error_is_an_answer() -> None:
    def refused(query: dns.message.Message) -> list[bytes]:
        made = dns.message.make_response(query)
        made.set_rcode(dns.rcode.REFUSED)
        return [made.to_wire()]

    async with serving(refused, None) as (server, _):
        assert (await asked(server)).rcode == "REFUSED"


@pytest.mark.parametrize(
    ("tcp", "why"),
    [
        (lambda query: [], "over TCP 0 bytes read on a total of 2 expected bytes"),
        (lambda query: [b"junk"], "over TCP "),
        (
            lambda query: [response(dns.message.make_query("other.example", "A"))],
            "an answer to another question",
        ),
    ],
)
async def test_what_is_no_answer_over_tcp(tcp: Answer, why: str) -> None:
    async with serving(lambda query: [response(query, cut=True)], tcp) as (server, _):
        with pytest.raises(NoReply, match=f"{server}: over UDP a cut answer, .*{why}"):
            await asked(server)


async def test_nobody_listens() -> None:
    async with serving(None, None) as (server, _):
        with pytest.raises(NoReply, match="over UDP Connection refused, over TCP Connection refused"):
            await asked(server)


@pytest.mark.looptime
async def test_nobody_answers() -> None:
    """In virtual time, which passes only when all has been sent that will be."""
    with claimed() as (datagrams, stream):
        stream.listen()  # takes connections, says nothing
        with pytest.raises(NoReply, match="over UDP no answer in time, over TCP no answer in time"):
            await asked(Nameserver(*stream.getsockname()))
        datagrams.settimeout(60)  # the kernel may take its time
        for _ in range(2):
            assert datagrams.recv(4096)
        datagrams.setblocking(False)
        with pytest.raises(BlockingIOError):
            datagrams.recv(4096)


@pytest.mark.parametrize(
    ("text", "host", "port", "written"),
    [
        ("127.0.0.1", "127.0.0.1", 53, "127.0.0.1:53"),
        ("127.0.0.1:10053", "127.0.0.1", 10053, "127.0.0.1:10053"),
        ("dns.example.com", "dns.example.com", 53, "dns.example.com:53"),
        ("dns.example.com:53", "dns.example.com", 53, "dns.example.com:53"),
        ("::1", "::1", 53, "[::1]:53"),
        ("2001:db8::53", "2001:db8::53", 53, "[2001:db8::53]:53"),
        ("[::1]", "::1", 53, "[::1]:53"),
        ("[::1]:10053", "::1", 10053, "[::1]:10053"),
    ],
)
def test_servers(text: str, host: str, port: int, written: str) -> None:
    server = Nameserver.parse(text)
    assert (server, str(server)) == (Nameserver(host, port), written)


@pytest.mark.parametrize(
    "text", ["", ":53", "host:", "host:x", "host:0", "host:65536", "[::1]:x", "[]:53", "[::1:53", "a]"]
)
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(ValueError, match="is not a server: write HOST or HOST:PORT"):
        Nameserver.parse(text)


@pytest.mark.parametrize(
    ("text", "rdtype", "name", "types"),
    [
        ("web.shop", None, "web.shop.", ["A", "AAAA"]),
        ("web.shop.", "txt", "web.shop.", ["TXT"]),
        ("_http._tcp.web.shop", None, "_http._tcp.web.shop.", ["SRV"]),
        ("_rollcall.web.shop", None, "_rollcall.web.shop.", ["TXT"]),
        ("10.1.0.7", None, "7.0.1.10.in-addr.arpa.", ["PTR"]),
        ("7.0.1.10.in-addr.arpa", None, "7.0.1.10.in-addr.arpa.", ["PTR"]),
        ("10.1.0.7", "SOA", "7.0.1.10.in-addr.arpa.", ["SOA"]),
        (
            "2001:db8::1",
            None,
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
            ["PTR"],
        ),
    ],
)
def test_names_and_types(text: str, rdtype: str | None, name: str, types: list[str]) -> None:
    found, wanted = name_and_types(text, rdtype)
    assert (found.to_text(), [dns.rdatatype.to_text(each) for each in wanted]) == (name, types)
