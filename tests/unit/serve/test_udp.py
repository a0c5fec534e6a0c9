"""Emptying a UDP socket: batches, errors of the network, errors of ours, the rate limit."""

import logging
from collections import deque
from types import SimpleNamespace
from typing import Any

import dns.edns
import dns.message
import pytest

from rollcall.feed.frames import Stats
from rollcall.serve import failures
from rollcall.serve.cookies import Cookies, new_secrets
from rollcall.serve.failures import FailureLog
from rollcall.serve.ratelimit import OCTETS_A_SECOND, RateLimit
from rollcall.serve.responder import Respond, Responder
from rollcall.serve.udp import BATCH, receiver
from unit.serve.samples import addresses, answers, rrset, zone

Address = tuple[str, int]
CLIENT = ("192.0.2.7", 5353)
QUERY = dns.message.make_query("s.example.test.", "A").to_wire()


class FakeSocket:
    """A queue of datagrams to receive, and a list of those sent; an exception in the queue is raised."""

    def __init__(self, *received: bytes | OSError, client: Address = CLIENT) -> None:
        self.received: deque[bytes | OSError] = deque(received)
        self.sent: list[tuple[bytes, Address]] = []
        self.send_error: OSError | None = None
        self._client = client

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        if not self.received:
            raise BlockingIOError
        item = self.received.popleft()
        if isinstance(item, OSError):
            raise item
        return item[:size], self._client

    def sendto(self, data: bytes, address: Address, /) -> int:
        if self.send_error is not None:
            raise self.send_error
        self.sent.append((data, address))
        return len(data)

    def getsockname(self) -> Address:
        return ("0.0.0.0", 53)


class Setup:
    """A receiver on a fake socket."""

    def __init__(
        self,
        sock: FakeSocket,
        respond: Respond | None = None,
        limit: int = 1 << 20,
        cookies: Cookies | None = None,
    ) -> None:
        self.stats = Stats()
        source = answers(zone(rrset("s.example.test.", "A", *addresses(10))))
        responder = Responder(source, self.stats, tcp=False, cookies=cookies)
        responder.respond = respond or responder.respond
        self.receive = receiver(
            sock,
            responder,
            RateLimit(limit),
            self.stats,
            FailureLog(self.stats),
        )


def test_a_turn_answers_a_batch_and_leaves_the_rest() -> None:
    sock = FakeSocket(*[QUERY] * (BATCH + 3))
    setup = Setup(sock)

    setup.receive()
    assert (len(sock.sent), len(sock.received)) == (BATCH, 3)
    setup.receive()
    assert (len(sock.sent), len(sock.received)) == (BATCH + 3, 0)
    assert setup.stats.udp_responses == BATCH + 3
    assert {address for _, address in sock.sent} == {CLIENT}


def test_what_gets_no_response_is_skipped() -> None:
    sock = FakeSocket(b"x", QUERY)
    setup = Setup(sock)

    setup.receive()

    assert len(sock.sent) == 1
    assert setup.stats.dropped == 1


@pytest.mark.parametrize("error", [BlockingIOError(), PermissionError(), OSError(105, "no buffer space")])
def test_a_response_that_can_not_be_sent_is_lost_and_counted(error: OSError) -> None:
    sock = FakeSocket(QUERY, QUERY)
    sock.send_error = error
    setup = Setup(sock)

    setup.receive()

    assert (setup.stats.unsent, setup.stats.udp_responses, len(sock.received)) == (2, 0, 0)


def test_an_error_of_the_network_ends_the_turn_only(caplog: pytest.LogCaptureFixture) -> None:
    sock = FakeSocket(QUERY, OSError(100, "network is down"), QUERY)
    setup = Setup(sock)

    setup.receive()
    assert len(sock.sent) == 1
    assert "network is down" in caplog.text
    setup.receive()
    assert len(sock.sent) == 2


def test_a_query_that_breaks_us_is_answered_and_logged_with_its_sender(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "time", SimpleNamespace(monotonic=lambda: 5.0))

    def broken(query: bytes, client: Any) -> bytes | None:
        raise RuntimeError("a bug")

    sock = FakeSocket(*[QUERY] * 5, b"short")
    setup = Setup(sock, broken)

    with caplog.at_level(logging.ERROR):
        setup.receive()

    assert [data[2:4] for data, _ in sock.sent] == [b"\x81\x02"] * 5
    assert setup.stats.failures == 6
    assert len(caplog.records) == 1, "once a second at most"
    assert "192.0.2.7" in caplog.text
    assert QUERY.hex() in caplog.text
    assert "RuntimeError: a bug" in caplog.text


SIZE = len(QUERY) + 8 * 16
"""Octets of a response to QUERY."""


def test_beyond_the_bound_half_is_cut_and_half_is_not_sent() -> None:
    sock = FakeSocket()
    setup = Setup(sock, limit=10 * SIZE)
    for _ in range(2):
        sock.received.extend([QUERY] * 15)
        setup.receive()

    # The first turn was not counted: all clients together were within one bound until then.
    assert len(sock.sent) == 15 + 10 + 3
    assert (setup.stats.slipped, setup.stats.limited) == (3, 2)
    cut = dns.message.from_wire(sock.sent[-1][0])
    assert cut.flags & 0x0200
    assert not cut.answer
    assert str(cut.question[0].name) == "s.example.test."


@pytest.mark.parametrize("cookie", [False, True])
def test_what_goes_out_cut_has_an_opt_record_and_is_no_longer_than_its_query(cookie: bool) -> None:
    """Without it a resolver takes us for a server without EDNS (RFC 6891 section 6.1.1)."""
    options: list[dns.edns.Option] = [dns.edns.CookieOption(b"12345678", b"")] if cookie else []
    query = dns.message.make_query("s.example.test.", "A", use_edns=0, options=options)
    sock = FakeSocket()
    setup = Setup(sock, limit=SIZE, cookies=Cookies(new_secrets()))
    for _ in range(2):
        sock.received.extend([query.to_wire()] * 15)
        setup.receive()

    wire = sock.sent[-1][0]
    response = dns.message.from_wire(wire)
    assert response.flags & 0x0200
    assert (response.edns, response.payload, len(response.options)) == (0, 1232, int(cookie))
    assert len(wire) <= len(query.to_wire()) + (16 if cookie else 0)


def test_a_valid_cookie_lifts_the_bound_and_no_other_does() -> None:
    cookies = Cookies(new_secrets())
    sock = FakeSocket()
    setup = Setup(sock, limit=SIZE, cookies=cookies)

    def query(server: bytes) -> bytes:
        option = dns.edns.CookieOption(b"12345678", server)
        return dns.message.make_query("s.example.test.", "A", use_edns=0, options=[option]).to_wire()

    sock.received.append(query(b""))
    setup.receive()
    [option] = dns.message.from_wire(sock.sent[-1][0]).options
    assert isinstance(option, dns.edns.CookieOption)
    sock.received.extend([QUERY] * 30)
    setup.receive()
    before, limited = len(sock.sent), setup.stats.limited
    for number in range(20):
        sock.received.extend([query(option.server), query(number.to_bytes(16, "big")), QUERY])
    setup.receive()

    whole = [wire for wire, _ in sock.sent[before:] if not wire[2] & 0x02]
    assert len(whole) == 20
    assert setup.stats.limited == limited + 20


def test_a_flood_in_the_name_of_one_network_is_bounded_in_octets() -> None:
    """20 Mbit/s of answers at most, and of what is cut no more than the forger sends."""
    sock = FakeSocket()
    setup = Setup(sock, limit=OCTETS_A_SECOND)
    for _ in range(1000):
        sock.received.extend([QUERY] * BATCH)
        setup.receive()

    answers = [wire for wire, _ in sock.sent if not wire[2] & 0x02]
    cut = [wire for wire, _ in sock.sent if wire[2] & 0x02]
    # What went out before anything was counted is one bound as well, once.
    assert sum(map(len, answers)) <= 2 * OCTETS_A_SECOND + BATCH * SIZE
    assert sum(map(len, cut)) <= 64_000 * len(QUERY) / 2
    assert len(cut) == setup.stats.slipped > 10_000


def test_a_flood_from_this_machine_has_no_bound() -> None:
    sock = FakeSocket(client=("127.0.0.1", 999))
    setup = Setup(sock, limit=10)
    for _ in range(4):
        sock.received.extend([QUERY] * 60)
        setup.receive()

    assert len(sock.sent) == 240
