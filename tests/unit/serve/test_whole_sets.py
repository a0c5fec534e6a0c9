"""Sets that are answered whole; a larger one is the same for everybody until it changes."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rollcall.dnswire.header import MAX_MESSAGE
from rollcall.zone.changes import RRsetDelta, all_up_to
from unit.serve.samples import Client, addresses, answers, flags, name, rdata, removal, rrset, values, zone

SERVICE = "s.example.test."
PORT = "_http._tcp.s.example.test."
ASKED = 30


def targets(number: int, weight: int = 1, long: str = "") -> list[str]:
    return [f"0 {weight} 8080 i{index:04}{long}.s.example.test." for index in range(number)]


def told(client: Client, owner: str, rdtype: str) -> set[frozenset[str]]:
    """Return the different sets that so many answers hold."""
    return {frozenset(values(client.ask(owner, rdtype))) for _ in range(ASKED)}


def clients(*rrsets: RRsetDelta) -> list[Client]:
    """Return clients of two workers that have drawn nothing alike."""
    return [Client(answers(zone(*rrsets), seed=seed), tcp=True) for seed in (1, 2)]


def test_a_cut_set_is_the_same_for_everybody() -> None:
    everything = [
        rrset(SERVICE, "A", *addresses(100), count=all_up_to(64)),
        rrset(PORT, "SRV", *targets(100), count=all_up_to(64)),
    ]
    first, second = clients(*everything)
    for owner, rdtype in ((SERVICE, "A"), (PORT, "SRV")):
        (the_set,) = told(first, owner, rdtype)
        assert told(second, owner, rdtype) == {the_set}
        assert len(the_set) == 64


@given(st.integers(1, 90), st.integers(1, 100), st.integers(0, 89))
def test_a_change_of_one_member_changes_two_records_at_most(size: int, most: int, leaving: int) -> None:
    """And none of those that nothing happened to goes away for another reason than room."""
    source = answers(zone(rrset(SERVICE, "A", *addresses(size), count=all_up_to(most))))
    client = Client(source, tcp=True)
    before = set(values(client.ask(SERVICE)))
    assert len(before) == min(size, most)
    gone = addresses(90)[leaving % size]
    source.apply_delta(zone(removal(SERVICE, "A", gone, count=all_up_to(most)), serial=2))
    after = set(values(client.ask(SERVICE)))
    assert len(after) == min(size - 1, most)
    assert before - after <= {gone}
    assert len(after - before) <= 1


def test_a_weight_moves_nobody_in_or_out() -> None:
    """A canary goes on by weights, which are in the data of SRV records."""
    chosen = []
    for weight in (1, 30):
        [client, _] = clients(rrset(PORT, "SRV", *targets(100, weight), count=all_up_to(64)))
        (the_set,) = told(client, PORT, "SRV")
        chosen.append({value.split()[-1] for value in the_set})
    assert chosen[0] == chosen[1]


def test_what_is_asked_for_comes_over_tcp() -> None:
    hosts = [rrset(target.split()[-1], "A", "10.0.0.1") for target in targets(300)]
    client, _ = clients(rrset(PORT, "SRV", *targets(300), count=all_up_to(1000)), *hosts)
    (the_set,) = told(client, PORT, "SRV")
    assert the_set == set(targets(300))


def test_more_than_64_kilobytes_are_cut_as_well() -> None:
    """Without TC: there is nothing that the client could do about it."""
    [client, other] = clients(rrset(PORT, "SRV", *targets(1000, long="x" * 50), count=all_up_to(1000)))
    (the_set,) = told(client, PORT, "SRV")
    assert told(other, PORT, "SRV") == {the_set}
    size = 12 + len(rdata("SRV", next(iter(the_set))))
    assert len(the_set) == (MAX_MESSAGE - 12 - len(name(PORT)) - 4 - 11) // size
    for edns in (None, 1232):
        answer = client.ask(PORT, "SRV", edns=edns)
        assert ("TC" in flags(answer), len(values(answer))) == (False, len(the_set))


def test_over_udp_it_does_not_fit_and_says_so() -> None:
    client = Client(answers(zone(rrset(PORT, "SRV", *targets(100), count=all_up_to(1000)))))
    assert "TC" in flags(client.ask(PORT, "SRV", edns=1232))


def test_a_known_name_is_nodata_until_it_is_known_no_longer() -> None:
    known = zone(rrset(SERVICE, "TXT", "x"))
    source = answers(msgspec.structs.replace(known, names=((name(PORT), True),)))
    client = Client(source)

    def codes() -> list[tuple[int, int]]:
        """Ask for the port, and for the empty name above it."""
        asked = [client.ask(owner, "SRV") for owner in (PORT, "_tcp.s.example.test.")]
        return [(answer.rcode(), len(answer.answer)) for answer in asked]

    assert codes() == [(0, 0), (0, 0)]
    source.apply_delta(zone(rrset(PORT, "SRV", *targets(1)), serial=2))
    assert codes() == [(0, 1), (0, 0)]
    source.apply_delta(zone(removal(PORT, "SRV", *targets(1)), serial=3))
    assert codes() == [(0, 0), (0, 0)]
    source.apply_delta(msgspec.structs.replace(zone(serial=4), names=((name(PORT), False),)))
    assert codes() == [(3, 0), (3, 0)]


def test_a_record_keeps_a_name_that_is_known_no_longer() -> None:
    source = answers(
        msgspec.structs.replace(zone(rrset(PORT, "SRV", *targets(1))), names=((name(PORT), True),))
    )
    source.apply_delta(msgspec.structs.replace(zone(serial=2), names=((name(PORT), False),)))
    assert values(Client(source).ask(PORT, "SRV")) == targets(1)
