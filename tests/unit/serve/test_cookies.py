"""Cookies, held against the examples of RFC 9018 and dnspython; and what a flood of them may cost."""

import tracemalloc
from pathlib import Path

import dns.edns
import dns.message
import pytest

import rollcall.serve.cookies
from rollcall.dnswire.siphash import siphash24
from rollcall.serve.answers import Answers
from rollcall.serve.cookies import (
    AHEAD_SECONDS,
    FRESH_SECONDS,
    HASHES_A_SECOND,
    KEPT_SECONDS,
    VALID_SECONDS,
    Cookies,
    new_secrets,
    read_secrets,
    write_secrets,
)
from rollcall.serve.errors import CookieSecretError
from rollcall.serve.responder import Responder
from unit.serve.samples import Client, addresses, answers, flags, rcode, rrset, values, zone

SERVICE = "s.example.test."
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OTHER = bytes.fromhex("445536bcd2513298075a5d379663c962")
PREVIOUS = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
NOW = 1559731985


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def asks(
    *cookies: bytes, qname: str = SERVICE, rdtype: str = "A", payload: int = 1232
) -> dns.message.QueryMessage:
    """Build a query with these cookies, each a client's or a client's and a server's."""
    given = [dns.edns.GenericOption(dns.edns.OptionType.COOKIE, cookie) for cookie in cookies]
    return dns.message.make_query(qname, rdtype, use_edns=0, payload=payload, options=list(given))


def cookie_of(response: dns.message.Message) -> bytes:
    [option] = response.options
    assert isinstance(option, dns.edns.CookieOption)
    return option.client + option.server


@pytest.fixture(scope="module")
def source() -> Answers:
    return answers(
        zone(
            rrset(SERVICE, "A", *addresses(10)),
            rrset("all.example.test.", "A", *addresses(60), count=64),
            rrset("huge.example.test.", "TXT", *(f'"{n:03} {"x" * 250}"' for n in range(300)), count=-300),
        )
    )


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize(
    ("secrets", "now", "host", "sent", "received"),
    [
        # Appendix A.1: a new server cookie.
        (
            [SECRET],
            1559731985,
            "198.51.100.100",
            "2464c4abcf10c957",
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        ),
        # A.2: it is 40 minutes old, and renewed.
        (
            [SECRET],
            1559734385,
            "198.51.100.100",
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
        ),
        # A.3: another server's, with reserved octets that are not zero, is renewed.
        (
            [SECRET],
            1559734700,
            "203.0.113.203",
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
        ),
        # A.4: IPv6, made with the secret before this one.
        (
            [OTHER, PREVIOUS],
            1559741961,
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
        ),
    ],
)
def test_the_examples_of_rfc_9018(
    source: Answers, tcp: bool, secrets: list[bytes], now: int, host: str, sent: str, received: str
) -> None:
    client = Client(source, tcp=tcp, cookies=Cookies(secrets, Clock(now)))
    client.address = (host, 5353)
    for _ in range(3):
        response = client.send(asks(bytes.fromhex(sent)))
        assert cookie_of(response).hex() == received
        assert (rcode(response), len(values(response))) == ("NOERROR", 8)


def proven(cookies: Cookies, source: Answers, cookie: bytes, host: str = "192.0.2.7") -> bool:
    """Whether a query with this cookie, from this address, shows that the address is not forged."""
    responder = Responder(source, Client(source).stats, tcp=False, cookies=cookies)
    query = asks(cookie).to_wire()
    responder.respond(query, (host, 5353))
    return responder.is_proven(query, (host, 5353))


def learned(cookies: Cookies, source: Answers, client: bytes = b"12345678", host: str = "192.0.2.7") -> bytes:
    asking = Client(source, cookies=cookies)
    asking.address = (host, 5353)
    return cookie_of(asking.send(asks(client)))


@pytest.mark.parametrize(
    ("seconds", "is_valid", "is_kept"),
    [
        (0, True, True),
        (FRESH_SECONDS, True, True),
        (FRESH_SECONDS + 1, True, False),
        (VALID_SECONDS, True, False),
        (VALID_SECONDS + 1, False, False),
        (-AHEAD_SECONDS, True, True),
        (-AHEAD_SECONDS - 1, False, False),
        (1 << 31, False, False),
    ],
)
def test_a_cookie_ages(source: Answers, seconds: int, is_valid: bool, is_kept: bool) -> None:
    clock = Clock()
    cookie = learned(Cookies([SECRET], clock), source)
    clock.now += seconds

    later = Cookies([SECRET], clock)
    assert proven(later, source, cookie) is is_valid
    assert (cookie_of(Client(source, cookies=later).send(asks(cookie))) == cookie) is is_kept


def test_time_goes_on_after_2106(source: Answers) -> None:
    clock = Clock((1 << 32) - 10)
    cookie = learned(Cookies([SECRET], clock), source)
    clock.now += 20

    assert proven(Cookies([SECRET], clock), source, cookie)


def test_replicas_that_share_a_secret_take_each_others_cookies(source: Answers) -> None:
    cookie = learned(Cookies([SECRET], Clock()), source)

    assert proven(Cookies([SECRET], Clock()), source, cookie)
    assert proven(Cookies([OTHER, SECRET], Clock()), source, cookie), "while the secret is being exchanged"
    assert not proven(Cookies([OTHER], Clock()), source, cookie)


@pytest.mark.parametrize("host", ["192.0.2.8", "2001:db8::1"])
def test_a_cookie_is_worth_nothing_from_another_address(source: Answers, host: str) -> None:
    cookies = Cookies([SECRET], Clock())
    cookie = learned(cookies, source)

    assert not proven(cookies, source, cookie, host)
    assert proven(cookies, source, cookie, "::ffff:192.0.2.7"), "the same one, of a socket for both families"


@pytest.mark.parametrize("at", range(8, 24))
def test_a_cookie_with_a_changed_octet_is_none(source: Answers, at: int) -> None:
    cookies = Cookies([SECRET], Clock())
    cookie = bytearray(learned(cookies, source))
    cookie[at] ^= 1

    assert not proven(cookies, source, bytes(cookie))
    response = Client(source, cookies=cookies).send(asks(bytes(cookie)))
    assert cookie_of(response) == learned(cookies, source), "it gets a good one"


@pytest.mark.parametrize("size", [0, 1, 7, 9, 15, 41, 300])
def test_a_cookie_of_a_wrong_length_is_malformed(source: Answers, size: int) -> None:
    client = Client(source, cookies=Cookies([SECRET]))
    client.ask(SERVICE, edns=1232)
    query = asks(bytes(size)).to_wire(max_size=65535)
    for _ in range(2):
        assert client.respond(query) == query[:2] + b"\x81\x01" + bytes(8)


@pytest.mark.parametrize("size", [8, 16, 17, 24, 32, 40])
def test_a_cookie_of_a_right_length_that_is_not_ours_gets_ours(source: Answers, size: int) -> None:
    client = Client(source, cookies=Cookies([SECRET], Clock()))
    for _ in range(2):
        assert cookie_of(client.send(asks(bytes(size)))) == learned(
            Cookies([SECRET], Clock()), source, bytes(8)
        )


def test_of_two_cookies_the_first_counts(source: Answers) -> None:
    client = Client(source, cookies=Cookies([SECRET]))
    for _ in range(2):
        assert cookie_of(client.send(asks(b"12345678", b"87654321")))[:8] == b"12345678"


@pytest.mark.parametrize(
    ("qname", "rdtype", "expected"),
    [
        ("no.example.test.", "A", "NXDOMAIN"),
        (SERVICE, "AAAA", "NOERROR"),
        ("example.org.", "A", "REFUSED"),
        ("example.test.", "AXFR", "REFUSED"),
    ],
)
def test_every_answer_has_a_cookie_and_none_does_without(
    source: Answers, qname: str, rdtype: str, expected: str
) -> None:
    client = Client(source, cookies=Cookies([SECRET]))
    for _ in range(2):
        response = client.send(asks(b"12345678", qname=qname, rdtype=rdtype))
        assert (rcode(response), len(cookie_of(response))) == (expected, 24)
        assert client.ask(qname, edns=1232).options == ()


def test_a_cookie_takes_its_room(source: Answers) -> None:
    client = Client(source, cookies=Cookies([SECRET]))
    for payload, is_cut in ((512, True), (1232, False)):
        for _ in range(2):
            query = asks(b"12345678", qname="all.example.test.", payload=payload)
            response = client.send(query)
            assert len(response.wire or b"") <= payload
            assert ("TC" in flags(response)) is is_cut
            assert len(cookie_of(response)) == 24


def test_the_largest_answer_over_tcp_has_room_for_a_cookie(source: Answers) -> None:
    client = Client(source, tcp=True, cookies=Cookies([SECRET]))
    for _ in range(2):
        response = client.send(asks(b"12345678", qname="huge.example.test.", rdtype="TXT"))
        assert "TC" not in flags(response)
        assert len(cookie_of(response)) == 24


def test_a_cookie_can_be_asked_for_by_itself(source: Answers) -> None:
    """RFC 7873 section 5.4: no question."""
    client = Client(source, cookies=Cookies([SECRET], Clock()))
    asked = asks(b"12345678")
    asked.question = []
    for _ in range(2):
        response = client.send(asked)
        assert (rcode(response), flags(response), response.question) == ("NOERROR", "QR RD", [])
        assert cookie_of(response) == learned(Cookies([SECRET], Clock()), source)


def test_beyond_so_many_hashes_a_second_cookies_are_let_be(
    source: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of cookies costs a bounded part of the time, and honest clients none of their answers."""
    hashed = 0

    def counted(key: bytes, data: bytes) -> bytes:
        nonlocal hashed
        hashed += 1
        return siphash24(key, data)

    monkeypatch.setattr(rollcall.serve.cookies, "siphash24", counted)
    cookies = Cookies([SECRET], Clock())
    client = Client(source, cookies=cookies)
    known = cookie_of(client.send(asks(b"honest 1")))
    client.send(asks(known))
    query = asks(bytes(8)).to_wire()
    for number in range(3000):
        assert client.respond(query[:-8] + number.to_bytes(8, "big")) is not None
    assert HASHES_A_SECOND <= hashed <= HASHES_A_SECOND + 3

    assert client.send(asks(b"honest 2")).options == ()
    assert cookie_of(client.send(asks(known))) == known
    unknown = b"honest 3" + bytes(16)
    assert cookie_of(client.send(asks(unknown))) == unknown, "it goes back as it came"
    assert not proven(cookies, source, unknown)
    cookies.new_second()
    assert len(cookie_of(client.send(asks(b"honest 2")))) == 24


def test_what_came_of_cookies_is_forgotten_after_a_minute(source: Answers) -> None:
    clock = Clock()
    cookies = Cookies([SECRET], clock)
    client = Client(source, cookies=cookies)
    first = client.send(asks(b"12345678"))
    clock.now += KEPT_SECONDS
    assert cookie_of(client.send(asks(b"12345678"))) == cookie_of(first)
    for _ in range(KEPT_SECONDS):
        cookies.new_second()

    assert cookie_of(client.send(asks(b"12345678"))) != cookie_of(first)


def test_what_is_kept_of_clients_is_bounded(source: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollcall.serve.cookies, "siphash24", lambda key, data: data[-8:])
    cookies = Cookies([SECRET])
    client = Client(source, cookies=cookies)
    query = asks(bytes(40)).to_wire()
    client.respond(query)
    tracemalloc.start()
    try:
        for number in range(6000):
            if number % HASHES_A_SECOND == 0:
                cookies.new_second()
            client.respond(query[:-8] + number.to_bytes(8, "big"))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 5 << 19


def test_secrets_are_read_from_a_file_that_others_can_not_read(tmp_path: Path) -> None:
    secrets = new_secrets()
    write_secrets(tmp_path / "secrets", secrets)

    assert read_secrets(tmp_path / "secrets") == secrets
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o600
    (tmp_path / "two").write_text(f"{SECRET.hex()}\n  {OTHER.hex().upper()}\n\n")
    assert read_secrets(tmp_path / "two") == (SECRET, OTHER)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "abcd",
        SECRET.hex() + "00",
        "x" * 32,
        "é",
        " ".join([SECRET.hex()] * 4),
        f"{SECRET.hex()}{' ' * 5000}",
    ],
)
def test_other_secrets_are_refused_and_never_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets").write_text(content)

    with pytest.raises(CookieSecretError, match="32 hexadecimal digits each") as caught:
        read_secrets(tmp_path / "secrets")
    assert SECRET.hex() not in str(caught.value)
    with pytest.raises(CookieSecretError, match="No such file"):
        read_secrets(tmp_path / "none")
