"""Who is answered, and how: access, signatures, IXFR over UDP, and whatever else may come to a port."""

import hmac
import struct
import time
from ipaddress import ip_address
from random import Random
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.dnswire.message import read
from rollcall.feed.frames import TransferSettings, TransferZone
from rollcall.model import KeyRing, Secondary, Transfer, parse_key
from rollcall.publish.transfer.answering.stream import TransferStream
from rollcall.publish.transfer.peer import peer_address
from transfers.source import A, ZoneSource, large
from unit.publish.transfer.answering.requests import ALLOWED, STRANGER, Server, dns_key, ixfr, query
from unit.publish.transfer.journal.feeding import load

KEY = "hmac-sha256:rollcall:cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU="
PREVIOUS = "hmac-sha256:rollcall:dGhlIGtleSBvZiBsYXN0IHllYXIsIG9mIHRoZSBzYW1lIG5hbWU="
OTHER = "hmac-sha512:other:dGhlIGtleSBvZiBhbm90aGVyIHpvbmUncyBzZWNvbmRhcmllcw=="
UNKNOWN = "hmac-sha256:nobody:dGhlIGtleSBvZiBub2JvZHkgd2Uga25vdywgMzIgb2N0ZXRz"

OURS, THEIRS = ZoneSource(), ZoneSource("their.example")
SETTINGS = TransferSettings(
    True,
    (
        TransferZone(OURS.apex, Transfer((Secondary("one", "192.0.2.1", 53, "ours"),), ("192.0.2.0/25",))),
        TransferZone(THEIRS.apex, Transfer((Secondary("two", "192.0.2.2", 53, "theirs"),))),
    ),
    {"ours": KeyRing(parse_key(KEY), parse_key(PREVIOUS)), "theirs": KeyRing(parse_key(OTHER))},
)
FOLLOWING = TransferSettings(False, SETTINGS.zones, SETTINGS.keys)


@pytest.fixture
def source() -> ZoneSource:
    return ZoneSource()


@pytest.fixture
def server(source: ZoneSource) -> Server:
    return Server(SETTINGS, source, THEIRS)


def serial_in(answer: dns.message.Message | None) -> int:
    assert answer is not None
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA
    (rrset,) = answer.answer
    return int(rrset[0].serial)


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("key", [KEY, PREVIOUS])
def test_a_signed_soa(server: Server, key: str, tcp: bool):
    """Both keys of the ring do, though they have one name; the answer is signed with the same one."""
    answer = server.ask(query(), key, tcp=tcp)
    assert serial_in(answer) == 1000
    assert answer
    assert answer.had_tsig
    assert server.stats.refused == {}


@pytest.mark.parametrize("address", [ALLOWED, f"::ffff:{ALLOWED}"])
def test_an_unsigned_soa_from_an_allowed_network(server: Server, address: str):
    assert peer_address(address) == ip_address(ALLOWED)
    assert serial_in(server.ask(query(), address=ALLOWED)) == 1000


@pytest.mark.parametrize(
    ("message", "key", "address", "rcode", "reason"),
    [
        (query(), None, STRANGER, "REFUSED", "unsigned"),
        (query("AXFR"), None, "192.0.2.128", "REFUSED", "unsigned"),
        (query("AXFR", "their.example"), None, ALLOWED, "REFUSED", "unsigned"),
        (query("AXFR"), OTHER, ALLOWED, "REFUSED", "other-key"),
        (query("AXFR", "unknown.example"), KEY, ALLOWED, "REFUSED", "unknown-zone"),
        (query("SOA", "sub.k8s.example.com"), KEY, ALLOWED, "REFUSED", "unknown-zone"),
        (query("A"), KEY, ALLOWED, "REFUSED", "question"),
        (query("ANY"), None, ALLOWED, "REFUSED", "question"),
        (dns.message.make_query("k8s.example.com", "SOA", "CH"), KEY, ALLOWED, "REFUSED", "question"),
        (query("IXFR"), KEY, ALLOWED, "FORMERR", "malformed"),
        (dns.update.UpdateMessage("k8s.example.com"), KEY, ALLOWED, "NOTIMP", "opcode"),
        (query(use_edns=1), None, ALLOWED, "BADVERS", "bad-version"),
    ],
)
def test_refusals(
    server: Server,
    message: dns.message.Message,
    key: str | None,
    address: str,
    rcode: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
):
    answer = server.ask(message, key, address)
    assert answer
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert answer.answer == []
    assert answer.had_tsig is bool(key)
    assert server.stats.refused == {reason: 1}
    assert address in caplog.text
    assert reason in caplog.text


def test_a_notify_is_not_for_us(server: Server):
    message = query()
    message.set_opcode(dns.opcode.NOTIFY)
    answer = server.ask(message, KEY)
    assert answer
    assert (answer.rcode(), answer.opcode()) == (dns.rcode.NOTIMP, dns.opcode.NOTIFY)


@pytest.mark.parametrize("algorithm", ["hmac-md5", "hmac-sha1", "hmac-sha512"])
def test_another_algorithm_is_another_key(server: Server, algorithm: str):
    message = query("AXFR")
    message.use_tsig(
        dns.tsig.Key("rollcall", dns_key(KEY).secret, algorithm + ".sig-alg.reg.int." * ("md5" in algorithm))
    )
    assert refused(server, message) == (dns.rcode.NOTAUTH, dns.rcode.BADKEY, b"")


def refused(server: Server, message: dns.message.Message) -> tuple[int, int, bytes]:
    """Return rcode, error and MAC of the refusal of a message with a signature."""
    answer = server.responder.respond(message.to_wire(), ip_address(ALLOWED), is_tcp=True)
    assert isinstance(answer, bytes)
    start = read(answer).tsig
    assert start
    rdata = tsig_of(answer)
    return read(answer).rcode, rdata.error, rdata.mac


def tsig_of(answer: bytes) -> Any:
    """Return the data of the TSIG record of an answer."""
    rrset = dns.message.from_wire(answer, keyring=False).tsig
    assert rrset
    return rrset[0]


def wire_of(answer: dns.message.Message | None) -> bytes:
    """Return the octets of an answer."""
    assert answer
    assert answer.wire
    return answer.wire


def test_an_unknown_key(server: Server):
    message = query("AXFR")
    message.use_tsig(dns_key(UNKNOWN))
    assert refused(server, message) == (dns.rcode.NOTAUTH, dns.rcode.BADKEY, b"")
    assert server.stats.refused == {"bad-key": 1}


def test_a_wrong_secret(server: Server):
    """It is refused from an allowed network as well: who signs has to sign right."""
    message = query("AXFR")
    message.use_tsig(dns.tsig.Key("rollcall", b"0123456789abcdef0123456789abcdef", "hmac-sha256"))
    assert refused(server, message) == (dns.rcode.NOTAUTH, dns.rcode.BADSIG, b"")
    assert server.stats.refused == {"bad-signature": 1}


@pytest.mark.parametrize("seconds", [-301, 301, -86400])
def test_a_clock_that_is_off(server: Server, monkeypatch: pytest.MonkeyPatch, seconds: int):
    """The answer is signed, and says what time it is here (RFC 8945 section 5.2.3)."""
    message = query("AXFR")
    message.use_tsig(dns_key(KEY))
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now + seconds)
        wire = message.to_wire()
        patch.setattr(time, "time", lambda: now)  # none passes: 300 seconds are allowed
        answer = server.responder.respond(wire, ip_address(ALLOWED), is_tcp=True)
    assert isinstance(answer, bytes)
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(answer, keyring=dns_key(KEY), request_mac=message.mac)
    rdata = tsig_of(answer)
    assert rdata.mac
    assert int.from_bytes(rdata.other, "big") == int(now)
    assert rdata.time_signed == int(now + seconds)
    assert read(answer).rcode == dns.rcode.NOTAUTH
    assert server.stats.refused == {"bad-time": 1}


def test_the_signature_of_a_bad_time_holds(server: Server, monkeypatch: pytest.MonkeyPatch):
    """Worked out by hand: dnspython reads the error and leaves it at that."""
    message = query("AXFR")
    message.use_tsig(dns_key(KEY))
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: 1_000_000_000.0)
        wire = message.to_wire()
    answer = server.responder.respond(wire, ip_address(ALLOWED), is_tcp=True)
    assert isinstance(answer, bytes)
    rdata = tsig_of(answer)
    without = answer[:10] + bytes(2) + answer[12 : read(answer).tsig]
    variables = b"\x08rollcall\0" + struct.pack("!HI", 255, 0) + b"\x0bhmac-sha256\0"
    variables += (1_000_000_000).to_bytes(6, "big") + struct.pack("!HHH", 300, 18, 6) + rdata.other
    assert message.mac
    covered = len(message.mac).to_bytes(2, "big") + message.mac + without + variables
    assert rdata.mac == hmac.digest(dns_key(KEY).secret, covered, "sha256")


def test_while_another_one_leads(source: ZoneSource):
    server = Server(FOLLOWING, source)
    assert serial_in(server.ask(query(), KEY)) == 1000
    for message in (query("AXFR"), ixfr(999)):
        answer = server.ask(message, KEY, tcp=True)
        assert answer
        assert answer.rcode() == dns.rcode.REFUSED
    assert server.stats.refused == {"not-leading": 2}
    server.zones.configure(SETTINGS)
    assert isinstance(
        server.responder.respond(query("AXFR").to_wire(), ip_address(ALLOWED), is_tcp=True), TransferStream
    )


@pytest.mark.parametrize("kind", ["SOA", "AXFR"])
def test_before_the_first_state(kind: str):
    answer = Server(SETTINGS).ask(query(kind), KEY, tcp=True)
    assert answer
    assert answer.rcode() == dns.rcode.SERVFAIL
    server = Server(None)
    message = query(kind)
    message.use_tsig(dns_key(KEY))
    unsigned = server.responder.respond(message.to_wire(), ip_address(ALLOWED), is_tcp=True)
    assert isinstance(unsigned, bytes)
    assert read(unsigned).rcode == dns.rcode.SERVFAIL, "nor are the keys known"


def test_new_settings_hold_at_once(server: Server, source: ZoneSource):
    server.zones.configure(TransferSettings(True, SETTINGS.zones, {"ours": KeyRing(parse_key(UNKNOWN))}))
    assert serial_in(server.ask(query(), UNKNOWN)) == 1000
    message = query()
    message.use_tsig(dns_key(KEY))
    assert refused(server, message)[1] == dns.rcode.BADKEY
    server.zones.configure(TransferSettings(True, (), {}))
    assert server.stats.refused.pop("bad-key")
    server.ask(query(), address=ALLOWED)
    assert server.stats.refused == {"unknown-zone": 1}


# IXFR over UDP.


def test_a_small_difference_over_udp(server: Server, source: ZoneSource):
    name = source.name("web")
    server.zones.apply_delta(source.put({(name, A): [b"\1\1\1\1", b"\2\2\2\2"]}))
    server.zones.apply_delta(source.put({(name, A): [b"\2\2\2\2"]}))
    answer = server.ask(ixfr(1000), KEY)
    assert answer
    found = read(wire_of(answer)).answers
    assert [record.rdtype for record in found] == [6, 6, 6, A, 6]
    assert found[3].data == b"\2\2\2\2"
    assert server.stats.transfers == {"ixfr": 1}


@pytest.mark.parametrize("serial", [1000, 1001, 2000])
def test_nothing_to_transfer(server: Server, serial: int):
    """The same version, or a newer one, is answered with the SOA alone (RFC 1995 section 2)."""
    for tcp in (False, True):
        answer = server.ask(ixfr(serial), KEY, tcp=tcp)
        assert serial_in(answer) == 1000
    assert server.stats.transfers == {"current": 2}


def test_what_does_not_fit_over_udp_is_one_soa(server: Server, source: ZoneSource):
    addresses = [bytes((10, 0, 0, number)) for number in range(40)]
    server.zones.apply_delta(source.put({(source.name("web"), A): addresses}))
    assert serial_in(server.ask(ixfr(1000), KEY)) == 1001
    assert serial_in(server.ask(ixfr(7), KEY)) == 1001
    answer = server.ask(ixfr(1000, use_edns=0, payload=4096), KEY)
    assert answer
    assert len(wire_of(answer)) <= 1232
    assert answer.edns == 0
    assert len(read(wire_of(answer)).answers) == 44


@given(st.integers(0, 80), st.sampled_from([None, 512, 900, 1232, 4096]))
def test_no_answer_over_udp_is_longer_than_allowed(count: int, payload: int | None):
    source = ZoneSource()
    server = Server(SETTINGS, source)
    server.zones.apply_delta(
        source.put({(source.name("web"), A): [bytes((10, 0, 0, n)) for n in range(count)]})
    )
    message = ixfr(1000) if payload is None else ixfr(1000, use_edns=0, payload=payload)
    answer = server.ask(message, KEY)
    assert answer
    assert len(wire_of(answer)) <= min(payload or 512, 1232)


def test_an_answer_that_does_not_fit_sends_to_tcp():
    source = ZoneSource(".".join(["x" * 63] * 3))
    settings = TransferSettings(True, (TransferZone(source.apex, SETTINGS.zones[0].transfer),), SETTINGS.keys)
    server = Server(settings, source)
    answer = server.ask(query(name=".".join(["x" * 63] * 3)), KEY)
    assert answer
    assert bool(answer.flags & dns.flags.TC) is (not answer.answer)
    assert len(wire_of(answer)) <= 512


def test_axfr_is_not_for_udp(server: Server):
    answer = server.ask(query("AXFR"), KEY)
    assert answer
    assert answer.rcode() == dns.rcode.REFUSED


# Form.


def test_the_question_comes_back_as_it_was_written(server: Server):
    answer = server.ask(query(name="K8S.Example.COM"), KEY)
    assert answer
    assert answer.question[0].name.to_text() == "K8S.Example.COM."
    assert serial_in(answer) == 1000


def test_edns_only_for_those_who_have_it(server: Server):
    with_edns = server.ask(query(use_edns=0, payload=4096, want_dnssec=True), KEY)
    assert with_edns
    assert (with_edns.edns, with_edns.payload) == (0, 1232)
    assert with_edns.ednsflags & dns.flags.DO
    without = server.ask(query(), KEY)
    assert without
    assert without.edns == -1


def test_two_opt_records_are_malformed(server: Server):
    wire = bytearray(query(use_edns=0).to_wire())
    wire[11] = 2
    answer = server.ask(bytes(wire) + bytes(wire[-11:]), address=ALLOWED)
    assert answer
    assert answer.rcode() == dns.rcode.FORMERR


VALID = [
    query().to_wire(),
    query("AXFR", use_edns=0).to_wire(),
    ixfr(999).to_wire(),
    dns.update.UpdateMessage("k8s.example.com").to_wire(),
]
FUZZED = Server(SETTINGS, OURS)


@given(st.binary(max_size=200), st.booleans())
def test_junk(wire: bytes, tcp: bool):
    check_answer(wire, FUZZED.responder.respond(wire, ip_address(ALLOWED), is_tcp=tcp))


@given(st.sampled_from(VALID), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_almost_right(wire: bytes, signed: bool, tcp: bool, random: Random):
    """Messages with a few octets changed, cut or added, also with what was a signature."""
    if signed:
        message = dns.message.from_wire(wire)
        message.use_tsig(dns_key(KEY))
        wire = message.to_wire()
    changed = bytearray(wire)
    for _ in range(random.randrange(4)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    changed = changed[: random.choice((len(changed), random.randrange(len(changed))))]
    changed += random.randbytes(random.choice((0, 0, 3)))
    check_answer(bytes(changed), FUZZED.responder.respond(bytes(changed), ip_address(STRANGER), is_tcp=tcp))


def check_answer(wire: bytes, answer: object) -> None:
    if len(wire) < 12 or wire[2] & 0x80:
        assert answer is None
    elif isinstance(answer, bytes):
        message = read(answer)
        assert message.is_response
        assert answer[:2] == wire[:2]
    else:
        assert isinstance(answer, TransferStream)


async def test_a_transfer_that_others_wait_for_takes_many_turns():
    """A large zone is given message by message, and stays the version that it began with."""
    source = large(5000)
    server = Server(SETTINGS, source)
    load(server.zones, source)
    message = query("AXFR")
    message.use_tsig(dns_key(KEY))
    answer = server.responder.respond(message.to_wire(), ip_address(STRANGER), is_tcp=True)
    assert isinstance(answer, TransferStream)
    records = []
    async for wire in answer.messages():
        records += read(wire).answers
        server.zones.apply_delta(source.flip(Random(1)))
    assert records[0] == records[-1]
    assert len(records) == 5000 + 3
    assert server.stats.transfers == {"axfr": 1}
    assert server.zones.serial(source.apex) != 1001
