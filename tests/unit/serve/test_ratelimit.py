"""The bound on responses to one network in one second."""

from collections import Counter

import pytest

from rollcall.serve.ratelimit import RateLimit, Verdict


def counting(limit: int = 10) -> RateLimit:
    """Build a limit that a busy second has already made count."""
    bound = RateLimit(limit)
    bound.count(limit + 1)
    return bound


def verdicts(bound: RateLimit, *hosts: str) -> Counter[Verdict]:
    return Counter(bound.judge(host) for host in hosts)


def test_nothing_is_counted_while_all_clients_together_are_within_one_bound() -> None:
    bound = RateLimit(10)

    bound.count(10)
    assert not bound.counting
    bound.count(1)
    assert bound.counting


def test_counting_ends_after_a_calm_second() -> None:
    bound = counting()

    bound.new_second()
    assert bound.counting
    bound.count(10)
    bound.new_second()
    assert not bound.counting


def test_half_of_what_is_beyond_the_bound_goes_out_cut() -> None:
    seen = verdicts(counting(10), *["192.0.2.1"] * 30)

    assert seen == {Verdict.SEND: 10, Verdict.SLIP: 10, Verdict.DROP: 10}


@pytest.mark.parametrize(
    ("hosts", "shared"),
    [
        (["192.0.2.1", "192.0.2.254"], True),
        (["192.0.2.1", "192.0.3.1"], False),
        (["2001:db8:0:1::1", "2001:db8:0:ff::1"], True),
        (["2001:db8:0:1::1", "2001:db8:0:100::1"], False),
        (["192.0.2.1", "::ffff:192.0.2.9"], True),
        (["fe80::1%eth0", "fe80::2%eth0"], True),
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


def test_a_flood_of_forged_addresses_shares_one_bound_in_the_end() -> None:
    bound = counting(10)
    flood = [f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}" for index in range(20_000)]
    verdicts(bound, *flood)

    more = verdicts(bound, *(f"11.{index}.0.1" for index in range(30)))

    assert more[Verdict.SEND] == 0
    bound.new_second()
    assert verdicts(bound, "11.0.0.1") == {Verdict.SEND: 1}
