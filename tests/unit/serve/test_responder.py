"""Responses on the wire: flags, sections, sizes, and what is refused; parsed with dnspython."""

import tracemalloc
from random import Random

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update
import pytest

import rollcall.serve.responder
from rollcall.serve.answers import Answers
from rollcall.serve.query import Query
from unit.serve.samples import (
    APEX,
    SEED,
    Client,
    addresses,
    answers,
    flags,
    rcode,
    rrset,
    texts,
    values,
    zone,
)

SERVICE = "s.example.test."
PORT = "_http._tcp.s.example.test."
SOA_TEXT = "SOA ns.example.test. hostmaster.example.test. 1 10 10 604800 5"


@pytest.fixture
def source() -> Answers:
    return answers(
        zone(
            rrset(APEX, "NS", "ns.example.test.", ttl=60),
            rrset("ns.example.test.", "A", "10.1.1.1", ttl=60),
            rrset(SERVICE, "A", *addresses(10)),
            rrset(SERVICE, "TXT", '"owner" "7"'),
            rrset("one.example.test.", "A", *addresses(10), count=1),
            rrset("all.example.test.", "A", *addresses(60), count=64),
            rrset("lone.example.test.", "AAAA", "fd00::1", ttl=9),
            rrset("zero.example.test.", "A", "10.0.0.1", "10.0.0.2", weights=[0, 5]),
            rrset("odd.example.test.", "TYPE65", r"\# 3 000100"),
            rrset(PORT, "SRV", *(f"0 1 80 i{index}.s.example.test." for index in range(10))),
            *(rrset(f"i{index}.s.example.test.", "A", f"10.0.0.{index}") for index in range(10)),
        )
    )


@pytest.fixture
def client(source: Answers) -> Client:
    return Client(source)


@pytest.fixture(params=["UDP", "TCP"])
def either(source: Answers, request: pytest.FixtureRequest) -> Client:
    return Client(source, tcp=request.param == "TCP")


def test_an_answer_holds_some_of_the_addresses(either: Client) -> None:
    response = either.ask(SERVICE)

    assert (rcode(response), flags(response)) == ("NOERROR", "QR AA RD")
    assert len(set(values(response)) & set(addresses(10))) == 8
    assert str(response.answer[0].name) == SERVICE
    assert response.answer[0].ttl == 5
    assert not response.authority
    assert not response.additional
    assert response.edns == -1


@pytest.mark.parametrize(
    ("qname", "rdtype", "answer"),
    [
        ("lone.example.test.", "AAAA", ["lone.example.test. 9 AAAA fd00::1"]),
        ("zero.example.test.", "A", ["zero.example.test. 5 A 10.0.0.2"]),
        (SERVICE, "TXT", ['s.example.test. 5 TXT "owner" "7"']),
        (APEX, "SOA", [f"example.test. 30 {SOA_TEXT}"]),
        (APEX, "NS", ["example.test. 60 NS ns.example.test."]),
        ("odd.example.test.", "TYPE65", ["odd.example.test. 5 HTTPS 1 ."]),
        ("lone.example.test.", "ANY", ["lone.example.test. 9 AAAA fd00::1"]),
    ],
)
def test_an_answer_holds_what_there_is(either: Client, qname: str, rdtype: str, answer: list[str]) -> None:
    for _ in range(2):  # the long way, then the short cut
        response = either.ask(qname, rdtype)
        assert rcode(response) == "NOERROR"
        assert texts(response.answer) == answer
        assert not response.authority


@pytest.mark.parametrize(
    ("qname", "rdtype", "expected"),
    [
        (SERVICE, "AAAA", "NOERROR"),
        (SERVICE, "SRV", "NOERROR"),
        (SERVICE, "TYPE65", "NOERROR"),
        (SERVICE, "TYPE1000", "NOERROR"),
        (SERVICE, "SOA", "NOERROR"),
        (APEX, "A", "NOERROR"),
        ("_tcp.s.example.test.", "A", "NOERROR"),
        ("_tcp.s.example.test.", "ANY", "NOERROR"),
        ("no.example.test.", "A", "NXDOMAIN"),
        ("no.example.test.", "ANY", "NXDOMAIN"),
        ("below.i1.s.example.test.", "A", "NXDOMAIN"),
    ],
)
def test_a_negative_answer_holds_the_soa(either: Client, qname: str, rdtype: str, expected: str) -> None:
    for edns in (None, None, 1232):
        response = either.ask(qname, rdtype, edns=edns)
        assert (rcode(response), flags(response)) == (expected, "QR AA RD")
        assert not response.answer
        assert texts(response.authority) == [f"example.test. 30 {SOA_TEXT}"]


@pytest.mark.parametrize(
    ("qname", "rdtype", "rdclass"),
    [
        ("example.org.", "A", "IN"),
        ("attexample.test.", "A", "IN"),
        ("test.", "A", "IN"),
        (".", "NS", "IN"),
        (SERVICE, "A", "CH"),
        ("version.bind.", "TXT", "CH"),
        (SERVICE, "A", "ANY"),
        (APEX, "AXFR", "IN"),
        (APEX, "IXFR", "IN"),
    ],
)
@pytest.mark.parametrize("edns", [-1, 0], ids=["plain", "EDNS"])
def test_what_is_not_ours_to_answer_is_refused(
    either: Client, qname: str, rdtype: str, rdclass: str, edns: int
) -> None:
    query = dns.message.make_query(qname, "A", rdclass, use_edns=edns)
    query.question[0].rdtype = dns.rdatatype.from_text(rdtype)
    for _ in range(2):
        response = either.send(query)
        assert (rcode(response), flags(response), response.edns) == ("REFUSED", "QR RD", edns)


def test_before_there_is_a_table_nothing_is_denied() -> None:
    client = Client(Answers(Random(SEED)))

    for qname in (SERVICE, "example.org.", "."):
        response = client.ask(qname, edns=1232)
        assert (rcode(response), flags(response), response.edns) == ("SERVFAIL", "QR RD", 0)


def test_the_question_comes_back_letter_by_letter(either: Client) -> None:
    for spelling in ("S.eXaMpLe.TeSt.", "s.EXAMPLE.test.", "NO.example.TEST."):
        query = dns.message.make_query(spelling, "A").to_wire()
        for _ in range(2):
            response = either.respond(query)
            assert response is not None
            assert response[12 : len(query)] == query[12:]
            assert response[:2] == query[:2]


def test_types_that_differ_in_case_only_are_different_types(client: Client) -> None:
    for rdtype in (
        "TYPE65",
        "TYPE97",
        "TYPE8257",
        "TYPE8225",
    ):
        for _ in range(2):
            assert client.ask("odd.example.test.", rdtype).answer == [] or rdtype == "TYPE65"


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("", "QR AA"),
        ("RD", "QR AA RD"),
        ("AD", "QR AA"),
        ("CD", "QR AA"),
        ("RD AD CD", "QR AA RD"),
        ("AA TC RA", "QR AA"),
    ],
)
def test_only_rd_is_copied(either: Client, sent: str, received: str) -> None:
    query = dns.message.make_query(SERVICE, "A")
    query.flags = dns.flags.from_text(sent)
    for _ in range(2):
        assert flags(either.send(query)) == received


def test_the_reserved_bit_is_ignored_and_not_copied(either: Client) -> None:
    wire = bytearray(dns.message.make_query(SERVICE, "A").to_wire())
    wire[3] |= 0x40
    response = either.respond(bytes(wire))
    assert response is not None
    assert response[3] == 0


@pytest.mark.parametrize("do", [False, True])
def test_edns_comes_back_iff_it_was_sent(either: Client, do: bool) -> None:
    for qname in (SERVICE, "no.example.test.", "example.org."):
        response = either.ask(qname, edns=4096, do=do)
        assert (response.edns, response.payload, response.options) == (0, 1232, ())
        assert bool(response.ednsflags & dns.flags.DO) is do
        assert response.ednsflags & 0x7FFF == 0


OPTIONS: dict[str, list[dns.edns.Option]] = {
    "a cookie": [dns.edns.CookieOption(b"12345678", b"")],
    "both cookies": [dns.edns.CookieOption(b"12345678", b"x" * 16)],
    "client subnet": [dns.edns.ECSOption("10.0.0.0", 8)],
    "NSID": [dns.edns.NSIDOption(b"")],
    "padding": [dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(300))],
    "one unknown to all": [dns.edns.GenericOption("100", b"x")],
    "all of them": [
        dns.edns.CookieOption(b"12345678", b""),
        dns.edns.ECSOption("10.0.0.0", 8),
        dns.edns.NSIDOption(b""),
        dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(300)),
    ],
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_an_answer_is_the_same_with_options(either: Client, options: list[dns.edns.Option]) -> None:
    for qname, payload in ((SERVICE, 1232), ("no.example.test.", 1232), ("all.example.test.", 512)):
        query = dns.message.make_query(qname, "A", use_edns=0, payload=payload, options=options)
        for _ in range(3):
            response, plain = either.send(query), either.ask(qname, edns=payload)
            assert (rcode(response), flags(response)) == (rcode(plain), flags(plain))
            assert (response.edns, response.payload) == (0, 1232)
            assert len(values(response)) == len(values(plain))


def test_options_are_no_part_of_a_shape(either: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many cookies have come by, the next question takes the short cut, with one and without."""
    for number in range(5000):
        cookie = dns.edns.CookieOption(number.to_bytes(8, "big"), b"")
        assert either.respond(with_options(cookie)) is not None
    either.ask(SERVICE)
    monkeypatch.setattr(rollcall.serve.responder, "parse", long_way)

    for options in OPTIONS.values():
        assert either.respond(with_options(*options)) is not None
    assert either.ask(SERVICE).edns == -1
    assert either.ask(SERVICE, edns=1232).edns == 0


def test_what_is_kept_of_shapes_is_bounded_by_octets() -> None:
    """2,600 large sets of options cost 64 MB before."""
    client = Client(answers(zone(rrset(SERVICE, "A", "10.0.0.1"))))
    tracemalloc.start()
    try:
        for number in range(400):
            padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, number.to_bytes(2, "big") * 12_000)
            client.respond(with_options(padding))
        for payload in range(4000):
            opt = b"\x00\x00\x29" + payload.to_bytes(2, "big") + bytes(6)
            client.respond(header(ar=1) + QUESTION + opt)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1 << 20


def test_a_shape_is_learned_again_after_any_number_of_odd_ones(
    either: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for payload in range(3000):
        opt = b"\x00\x00\x29" + payload.to_bytes(2, "big") + bytes(6)
        either.respond(header(ar=1) + QUESTION + opt)
    either.ask(SERVICE)
    monkeypatch.setattr(rollcall.serve.responder, "parse", long_way)

    assert rcode(either.ask(SERVICE)) == "NOERROR"


def with_options(*options: dns.edns.Option) -> bytes:
    query = dns.message.make_query(SERVICE, "A", use_edns=0, payload=1232, options=list(options))
    return query.to_wire(max_size=65535)


def long_way(query: bytes) -> Query:
    raise AssertionError("it takes the long way")


@pytest.mark.parametrize("do", [False, True])
def test_a_later_edns_version_is_told_ours(either: Client, do: bool) -> None:
    either.ask(SERVICE, edns=1232, do=do)
    query = dns.message.make_query(SERVICE, "A", use_edns=0, want_dnssec=do)
    query.use_edns(1, query.ednsflags & 0xFFFF, 1232)
    for _ in range(2):
        response = either.send(query)
        assert (rcode(response), response.edns, flags(response)) == ("BADVERS", 0, "QR RD")
        assert not response.answer
        assert bool(response.ednsflags & dns.flags.DO) is do


def size(response: dns.message.Message) -> int:
    return len(response.wire or b"")


@pytest.mark.parametrize(
    ("edns", "records", "truncated"),
    [
        (None, 29, True),
        (0, 29, True),
        (512, 29, True),
        (800, 47, True),
        (1232, 60, False),
        (65535, 60, False),
    ],
)
def test_answers_that_do_not_fit_say_so(
    client: Client, edns: int | None, records: int, truncated: bool
) -> None:
    for _ in range(2):
        if edns == 0:
            query = dns.message.make_query("all.example.test.", "A", use_edns=0, payload=0)
        else:
            query = dns.message.make_query(
                "all.example.test.", "A", use_edns=-1 if edns is None else 0, payload=edns or 0
            )
        wire = client.respond(query.to_wire())
        assert wire is not None
        assert len(wire) <= min(max(edns or 0, 512), 1232)
        response = dns.message.from_wire(wire)
        assert len(set(values(response))) == records
        assert bool(response.flags & dns.flags.TC) is truncated
    assert client.stats.truncated == 2 * truncated


def test_tcp_carries_what_udp_could_not(source: Answers) -> None:
    response = Client(source, tcp=True).ask("all.example.test.")

    assert sorted(values(response)) == sorted(addresses(60))
    assert flags(response) == "QR AA RD"


def test_single_answers_take_turns(client: Client) -> None:
    seen = {tuple(values(client.ask("one.example.test."))) for _ in range(500)}

    assert seen == {(address,) for address in addresses(10)}


def test_srv_brings_the_addresses_of_its_targets(client: Client) -> None:
    for _ in range(50):
        response = client.ask(PORT, "SRV", edns=1232)
        targets = {line.split()[-1] for line in texts(response.answer)}
        assert len(targets) == 8
        assert {str(rrset.name) for rrset in response.additional} == targets
        for line in texts(response.additional):
            owner, _, _, address = line.split()
            assert address == f"10.0.0.{owner[1]}"


def test_srv_drops_additional_data_before_answers_and_without_tc() -> None:
    targets = [f"instance-{index}.s.example.test." for index in range(8)]
    records = rrset(PORT, "SRV", *(f"0 1 80 {target}" for target in targets))
    client = Client(answers(zone(records, *(rrset(target, "A", "10.0.0.1") for target in targets))))

    response = client.ask(PORT, "SRV")

    assert len(values(response)) == 8
    assert 0 < len(response.additional) < 8
    assert "TC" not in flags(response)
    assert client.stats.truncated == 0


def test_srv_answers_that_do_not_fit_are_whole_records_with_tc() -> None:
    targets = [f"a-rather-long-instance-name-{index}.s.example.test." for index in range(10)]
    records = rrset(PORT, "SRV", *(f"0 1 80 {target}" for target in targets))
    source = answers(zone(records, rrset(targets[0], "A", "10.0.0.1")))

    response = Client(source).ask(PORT, "SRV")

    assert flags(response) == "QR AA TC RD"
    assert 0 < len(values(response)) < 8
    assert not response.additional


def test_targets_outside_our_zones_have_no_addresses() -> None:
    source = answers(zone(rrset(PORT, "SRV", "0 1 80 elsewhere.org.", "0 1 81 elsewhere.org.")))

    assert not Client(source).ask(PORT, "SRV").additional


def test_a_target_beyond_the_reach_of_pointers_is_written_out() -> None:
    label = "x" * 60
    targets = [f"{label}.{label}.{label}.i{index}.example.test." for index in range(99)]
    records = rrset(PORT, "SRV", *(f"0 1 80 {target}" for target in targets), count=99)
    source = answers(zone(records, *(rrset(target, "A", "10.0.0.1") for target in targets)))

    response = Client(source, tcp=True).ask(PORT, "SRV")

    assert {str(rrset.name) for rrset in response.additional} == set(targets)


def test_ns_brings_the_addresses_of_our_name_servers(client: Client) -> None:
    assert texts(client.ask(APEX, "NS").additional) == ["ns.example.test. 60 A 10.1.1.1"]


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 15])
def test_other_opcodes_are_not_implemented(either: Client, opcode: int) -> None:
    query = dns.message.make_query(APEX, "SOA")
    query.set_opcode(dns.opcode.Opcode(opcode))
    wire = either.respond(query.to_wire())
    assert wire is not None
    response = dns.message.from_wire(wire)

    assert (rcode(response), response.opcode(), flags(response)) == ("NOTIMP", opcode, "QR RD")
    assert [str(each.name) for each in response.question] == [APEX]


def test_an_update_is_not_implemented(either: Client) -> None:
    update = dns.update.UpdateMessage(APEX)
    update.add("s", 5, "A", "10.0.0.1")
    response = either.send(update)

    assert rcode(response) == "NOTIMP"


def test_an_opcode_without_a_question_is_not_implemented(either: Client) -> None:
    response = either.respond(b"\x12\x34\x78\x00" + bytes(8))

    assert response == b"\x12\x34\xf8\x04" + bytes(8)


def test_a_signed_query_is_told_that_its_key_is_unknown(either: Client) -> None:
    query = dns.message.make_query(SERVICE, "A", use_edns=0)
    query.use_tsig({dns.name.from_text("key."): b"secret"}, algorithm=dns.tsig.HMAC_SHA256)
    wire = either.respond(query.to_wire())
    assert wire is not None

    with pytest.raises(dns.tsig.PeerBadKey):
        dns.message.from_wire(wire, keyring={dns.name.from_text("key."): dns.tsig.Key("key.", b"secret")})
    assert wire[3] & 0xF == 9  # NOTAUTH
    assert wire[4:12] == b"\x00\x01\x00\x00\x00\x00\x00\x02"


def header(flags_word: int = 0x0100, qd: int = 1, an: int = 0, ns: int = 0, ar: int = 0) -> bytes:
    return b"\x12\x34" + b"".join(word.to_bytes(2, "big") for word in (flags_word, qd, an, ns, ar))


QUESTION = b"\x01s\x07example\x04test\x00\x00\x01\x00\x01"
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x01"


def tsig(data: bytes, key: bytes = b"\x00") -> bytes:
    return key + b"\x00\xfa\x00\xff\x00\x00\x00\x00" + len(data).to_bytes(2, "big") + data


MALFORMED = {
    "no question": header(qd=0),
    "no question, but OPT": header(qd=0, ar=1) + OPT,
    "two questions": header(qd=2) + QUESTION + QUESTION,
    "65535 questions": header(qd=65535) + QUESTION,
    "question missing": header(),
    "question cut in the name": header() + QUESTION[:6],
    "question cut in the type": header() + QUESTION[:-3],
    "name without end": header() + b"\x01s\x3f" + b"x" * 20,
    "compressed name": header() + b"\x01s\xc0\x0c\x00\x01\x00\x01",
    "name that points to itself": header() + b"\xc0\x0c\x00\x01\x00\x01",
    "reserved label type": header() + b"\x41s\x00\x00\x01\x00\x01",
    "label of 64 bytes": header() + b"\x40" + b"x" * 64 + b"\x00\x00\x01\x00\x01",
    "name of 256 bytes": header() + (b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"x" * 62 + b"\x00\x00\x01\x00\x01",
    "bytes after the question": header() + QUESTION + b"x",
    "bytes after the OPT": header(ar=1) + QUESTION + OPT + b"x",
    "an OPT that is not counted": header() + QUESTION + OPT,
    "a counted OPT that is missing": header(ar=1) + QUESTION,
    "an OPT cut off": header(ar=1) + QUESTION + OPT[:-1],
    "an option cut off": header(ar=1) + QUESTION + OPT[:-2] + b"\x00\x05\x00\x0a\x00\x08x",
    "half an option": header(ar=1) + QUESTION + OPT[:-2] + b"\x00\x02\x00\x0a",
    "two OPTs": header(ar=2) + QUESTION + OPT + OPT,
    "an OPT with a name": header(ar=1) + QUESTION + b"\x01x" + OPT,
    "an answer in a query": header(an=1) + QUESTION + RECORD,
    "an authority in a query": header(ns=1) + QUESTION + RECORD,
    "65535 additional records": header(ar=65535) + QUESTION + RECORD * 3,
    "a record whose data is cut off": header(ar=1) + QUESTION + RECORD[:-1],
    "a record whose name is cut off": header(ar=1) + QUESTION + b"\x3fx",
    "a record whose name has a reserved label": header(ar=1) + QUESTION + b"\x80x" + RECORD,
    "a record after TSIG": header(ar=2) + QUESTION + tsig(bytes(17)) + RECORD,
    "a TSIG cut off": header(ar=1) + QUESTION + tsig(bytes(5)),
    "a TSIG whose MAC is cut off": header(ar=1) + QUESTION + tsig(bytes(9) + b"\x00\x20" + bytes(10)),
    "a TSIG without data": header(ar=1) + QUESTION + tsig(b""),
    "a TSIG with a compressed key": header(ar=1) + QUESTION + tsig(bytes(17), key=b"\xc0\x0c"),
}


@pytest.mark.parametrize("query", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_queries_get_formerr(either: Client, query: bytes) -> None:
    either.respond(header(ar=1) + QUESTION + OPT)
    either.ask(SERVICE)

    assert either.respond(query) == b"\x12\x34\x81\x01" + bytes(8)


def test_an_additional_record_that_is_no_opt_is_ignored(either: Client) -> None:
    response = either.respond(header(ar=2) + QUESTION + RECORD + OPT)
    assert response is not None
    assert rcode(dns.message.from_wire(response)) == "NOERROR"


@pytest.mark.parametrize(
    "query",
    [b"", b"\x00", header()[:11], header(0x8100) + QUESTION, header(0x8100, qd=0)],
    ids=["empty", "one byte", "eleven bytes", "a response", "a response without question"],
)
def test_what_is_no_query_gets_no_response(either: Client, query: bytes) -> None:
    assert either.respond(query) is None
    assert either.stats.dropped == 1


def test_a_zero_byte_inside_a_label_ends_no_name(either: Client) -> None:
    either.ask(SERVICE)
    name = b"\x03s\x00\x01\x07example\x04test\x00"
    response = either.respond(header() + name + b"\x00\x01\x00\x01")
    assert response is not None
    assert rcode(dns.message.from_wire(response)) == "NXDOMAIN"


def test_a_zero_byte_inside_a_label_after_a_known_question() -> None:
    """The bytes begin like a kept question up to its type and class, but they are a longer name."""
    client = Client(answers(zone(rrset(APEX, "A", "10.0.0.1"))))
    client.ask(APEX)
    response = client.respond(header() + b"\x07example\x04test\x05\x00\x01\x00\x01x\x00\x00\x01\x00\x01")
    assert response is not None
    assert rcode(dns.message.from_wire(response)) == "REFUSED"


def test_responses_are_counted_by_rcode(client: Client) -> None:
    for _ in range(3):
        client.ask(SERVICE)
        client.ask("no.example.test.")
        client.ask("example.org.")
        client.respond(header(qd=0))

    assert client.stats.rcodes == {3: 3, 5: 3, 1: 3}


def test_any_number_of_shapes_is_answered(client: Client) -> None:
    for payload in range(512, 2048):
        opt = b"\x00\x00\x29" + payload.to_bytes(2, "big") + bytes(6)
        response = client.respond(header(ar=1) + QUESTION + opt)
        assert response is not None
        assert response[6:12] == b"\x00\x08\x00\x00\x00\x01"
