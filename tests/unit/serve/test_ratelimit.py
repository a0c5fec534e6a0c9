"""The bound on octets to one network in one second."""

from collections import Counter

import pytest

from rollcall.serve.ratelimit import RateLimit, Verdict

SIZE = 1000


def counting(limit: int = 10) -> RateLimit:
    """Build a limit, in responses of SIZE octets, that a busy second has already made count."""
    bound = RateLimit(limit * SIZE)
    bound.count((limit + 1) * SIZE)
    return bound


def verdicts(bound: RateLimit, *hosts: str) -> Counter[Verdict]:
    return Counter(bound.judge(host, SIZE) for host in hosts)


def forged(number: int) -> list[str]:
    """Return addresses, no two of one network."""
    return [f"{10 + (index >> 16)}.{index >> 8 & 255}.{index & 255}.1" for index in range(number)]


def test_nothing_is_counted_while_all_clients_together_are_within_one_bound() -> None:
    bound = RateLimit(10 * SIZE)

    bound.count(10 * SIZE)
    assert not bound.counting
    bound.count(1)
    assert bound.counting


def test_counting_ends_after_a_calm_second() -> None:
    bound = counting()

    bound.new_second()
    assert bound.counting
    bound.count(10 * SIZE)
    bound.new_second()
    assert not bound.counting


def test_half_of_what_is_beyond_the_bound_goes_out_cut() -> None:
    seen = verdicts(counting(10), *["192.0.2.1"] * 30)

    assert seen == {Verdict.SEND: 10, Verdict.SLIP: 10, Verdict.DROP: 10}


def test_large_answers_use_the_bound_up_sooner() -> None:
    bound = counting(10)

    assert bound.judge("192.0.2.1", 10 * SIZE) is Verdict.SEND
    assert bound.judge("192.0.2.2", 1) is not Verdict.SEND


@pytest.mark.parametrize(
    ("hosts", "shared"),
    [
        (["192.0.2.1", "192.0.2.254"], True),
        (["192.0.2.1", "192.0.3.1"], False),
        (["2001:db8:0:1::1", "2001:db8:0:ff::1"], True),
        (["2001:db8:0:1::1", "2001:db8:0:100::1"], False),
    ],
)
def test_addresses_of_one_network_share_a_bound(hosts: list[str], shared: bool) -> None:
    seen = verdicts(counting(10), *(hosts * 10))

    assert (seen[Verdict.SEND] == 10) is shared


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_has_no_bound(host: str) -> None:
    assert verdicts(counting(10), *[host] * 100) == {Verdict.SEND: 100}


def test_a_new_second_begins_at_zero() -> None:
    bound = counting(10)
    verdicts(bound, *["192.0.2.1"] * 30)

    bound.new_second()

    assert verdicts(bound, *["192.0.2.1"] * 10) == {Verdict.SEND: 10}


def test_however_many_sources_are_forged_a_newcomer_is_answered() -> None:
    """From 16,384 sources a second on, whoever came later shared one bound with the flood."""
    bound = counting(10)
    verdicts(bound, *forged(100_000))

    newcomers = [f"203.0.{number}.7" for number in range(200)]

    assert verdicts(bound, *newcomers)[Verdict.SEND] >= 190


def test_who_is_flooded_takes_hardly_anybody_along() -> None:
    bound = counting(10)
    for victim in forged(100):
        verdicts(bound, *[victim] * 20)

    newcomers = [f"203.0.{number}.7" for number in range(256)]

    assert verdicts(bound, *newcomers)[Verdict.SEND] >= 250
