"""The tail of chi-square against the printed tables, and that it tells an even draw from an uneven one."""

from random import Random

import pytest
from bench.releases.chi_square import chance_of_first_places, chance_of_membership, tail


@pytest.mark.parametrize(
    ("degrees", "statistic", "chance"),
    [
        (1, 3.841, 0.05),
        (1, 10.828, 0.001),
        (2, 5.991, 0.05),
        (9, 16.919, 0.05),
        (9, 27.877, 0.001),
        (10, 18.307, 0.05),
        (10, 3.940, 0.95),
        (99, 148.230, 0.001),
        (100, 149.449, 0.001),
    ],
)
def test_the_tail_is_that_of_the_tables(degrees: int, statistic: float, chance: float) -> None:
    assert tail(statistic, degrees) == pytest.approx(chance, rel=2e-3)


def test_nothing_is_more_even_than_equal_counts() -> None:
    assert chance_of_first_places([7, 7, 7]) == chance_of_membership([7, 7, 7], 2) == 1


def test_a_statistic_beyond_every_table_has_no_chance() -> None:
    assert tail(1e6, 199) == 0


def _drawn(answers: int, places: int, weights: list[int]) -> tuple[list[int], list[int]]:
    rng = Random(1)
    firsts, members = [0] * len(weights), [0] * len(weights)
    for _ in range(answers):
        order = sorted(range(len(weights)), key=lambda index: rng.random() ** (1 / weights[index]))
        chosen = order[-places:]
        firsts[chosen[-1]] += 1
        for index in chosen:
            members[index] += 1
    return firsts, members


def test_an_even_draw_without_repetition_is_likely() -> None:
    firsts, members = _drawn(20_000, 8, [1] * 10)
    assert 0.01 < chance_of_first_places(firsts) < 0.99
    assert 0.01 < chance_of_membership(members, 8) < 0.99


def test_a_draw_in_which_one_is_heavier_is_not() -> None:
    firsts, members = _drawn(20_000, 8, [1] * 9 + [2])
    assert chance_of_first_places(firsts) < 0.001
    assert chance_of_membership(members, 8) < 0.001
