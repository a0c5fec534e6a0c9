"""The raw reader against a server that sends what the test says, in pieces."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence

import dns.exception
import dns.message
import dns.rcode
import dns.rrset
import pytest
from bench.targets.axfr import key, transfer

from controlplane import ControlPlaneError

ZONE = "k8s.example.com"
KEY = key("hmac-sha256:rollcall:cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU=")
SOA = dns.rrset.from_text(f"{ZONE}.", 5, "IN", "SOA", "ns1.example.net. h.example.net. 7 5 5 604800 5")
NS = dns.rrset.from_text(f"{ZONE}.", 5, "IN", "NS", "ns1.example.net.")
WEB = dns.rrset.from_text(f"web.{ZONE}.", 5, "IN", "A", "10.0.0.1", "10.0.0.2")

Answer = Callable[[dns.message.Message], list[bytes]]


@contextlib.contextmanager
def serving(answer: Answer, piece: int = 1_000) -> Iterator[int]:
    """Serve one connection; what `answer` gives goes out in pieces, then the connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                size = int.from_bytes(connection.recv(2, socket.MSG_WAITALL), "big")
                wire = connection.recv(size, socket.MSG_WAITALL)
                query = dns.message.from_wire(wire, keyring=KEY)
                stream = b"".join(struct.pack(">H", len(each)) + each for each in answer(query))
                for begin in range(0, len(stream), piece):
                    connection.sendall(stream[begin : begin + piece])

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def messages(query: dns.message.Message, parts: Sequence[Sequence[dns.rrset.RRset]]) -> list[bytes]:
    """Make the messages of a transfer, signed where the question was."""
    made, context = [], None
    for part in parts:
        response = dns.message.make_response(query)
        for rrset in part:
            response.answer.append(rrset)
        made.append(response.to_wire(multi=True, tsig_ctx=context))
        context = response.tsig_ctx
    return made


PARTS = {
    "one message": [[SOA, NS, WEB, SOA]],
    "the SOA alone at both ends": [[SOA], [NS, WEB], [SOA]],
    "many messages": [[SOA, NS], [WEB], [WEB, SOA]],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS.keys())
@pytest.mark.parametrize("piece", [1, 1_000])
@pytest.mark.parametrize("signed", [True, False])
def test_a_transfer_ends_with_its_second_soa(
    parts: list[list[dns.rrset.RRset]], piece: int, signed: bool
) -> None:
    with serving(lambda query: messages(query, parts), piece) as port:
        done = transfer(port, ZONE, KEY if signed else None)
    assert len(done.messages) == len(parts)
    assert {(str(owner), data) for owner, _, data in done.records()} == {
        ("k8s.example.com.", "ns1.example.net."),
        ("web.k8s.example.com.", "10.0.0.1"),
        ("web.k8s.example.com.", "10.0.0.2"),
    }


def test_a_transfer_that_breaks_off_is_no_zone() -> None:
    with (
        serving(lambda query: messages(query, [[SOA, NS], [WEB]])) as port,
        pytest.raises(ControlPlaneError, match="ended after 2 messages"),
    ):
        transfer(port, ZONE, KEY)


def test_a_refusal_is_said() -> None:
    def refuse(query: dns.message.Message) -> list[bytes]:
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.REFUSED)
        return [response.to_wire()]

    with serving(refuse) as port, pytest.raises(ControlPlaneError, match="refused: REFUSED"):
        transfer(port, ZONE, KEY)


def test_a_signature_that_does_not_hold_is_found_when_it_is_decoded() -> None:
    def forge(query: dns.message.Message) -> list[bytes]:
        [wire] = messages(query, [[SOA, WEB, SOA]])
        return [wire.replace(bytes([10, 0, 0, 1]), bytes([10, 9, 9, 9]))]

    with serving(forge) as port:
        done = transfer(port, ZONE, KEY)
    with pytest.raises(dns.exception.DNSException):
        done.records()
