"""How a canary's part becomes weights: exact for the side as a whole, 16 bits, never 0 by rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory.weights import MAX_LISTED, unlisted
from rollcall.model import Key, UnweightedTargets
from rollcall.model.weights import MAX_WEIGHT, divide


def side(name: str, *owns: int) -> dict[Key, int]:
    return {Key("shop", f"{name}-{number}"): own for number, own in enumerate(owns)}


def share(stable: dict[Key, int], canary: dict[Key, int], percent: int) -> float:
    weights = divide(stable, canary, percent)
    return 100 * sum(weights[key] for key in canary) / sum(weights.values())


@pytest.mark.parametrize(
    ("stable", "canary"), [(1, 1), (2, 1), (100, 1), (1, 100), (2, 100), (1000, 10), (10, 1000), (300, 300)]
)
@pytest.mark.parametrize("percent", [1, 5, 10, 50, 90, 99])
def test_the_share_is_that_of_the_side(stable: int, canary: int, percent: int) -> None:
    exact = share(side("s", *[100] * stable), side("c", *[100] * canary), percent)
    # 1,000 instances that share 1 % with 16 bits for the heaviest are as far from it as this gets.
    assert exact == pytest.approx(percent, abs=0.6 if max(stable, canary) == 1000 else 0.05)


owns = st.lists(st.integers(0, 1000), min_size=1, max_size=40)


@given(owns, owns, st.integers(1, 99))
def test_weights_fit_and_none_is_rounded_away(stable: list[int], canary: list[int], percent: int) -> None:
    sides = side("s", *stable), side("c", *canary)
    weights = divide(*sides, percent)
    assert weights.keys() == {*sides[0], *sides[1]}
    for key, own in (sides[0] | sides[1]).items():
        assert (weights[key] > 0) is (own > 0)
        assert weights[key] <= MAX_WEIGHT


@given(owns, owns, st.integers(1, 99))
def test_the_order_in_which_instances_come_doesn_t_matter(a: list[int], b: list[int], percent: int) -> None:
    stable, canary = side("s", *a), side("c", *b)
    turned = dict(reversed(stable.items())), dict(reversed(canary.items()))
    assert divide(stable, canary, percent) == divide(*turned, percent)


def test_an_instance_that_goes_changes_the_weights_of_one_side() -> None:
    stable, canary = side("s", *[100] * 10), side("c", 100, 100)
    before = divide(stable, canary, 10)
    del stable[Key("shop", "s-3")]
    after = divide(stable, canary, 10)
    assert {key: before[key] for key in stable} == {key: after[key] for key in stable}


def test_pods_keep_their_own_weight_within_their_side() -> None:
    weights = divide(side("s", 100, 300), side("c", 100, 50), 20)
    values = list(weights.values())
    assert values[1] == 3 * values[0]
    assert values[2] == pytest.approx(2 * values[3], rel=0.001)


@pytest.mark.parametrize(
    ("targets", "stable", "canary", "percent", "expected"),
    [
        (UnweightedTargets.ALL, 2, 2, 10, (2, 2)),
        (UnweightedTargets.STABLE_ONLY, 2, 2, 10, (2, 0)),
        (UnweightedTargets.BY_COUNT, 2, 2, 50, (2, 2)),
        (UnweightedTargets.BY_COUNT, 9, 5, 10, (9, 1)),
        (UnweightedTargets.BY_COUNT, 2, 2, 1, (2, 0)),
        (UnweightedTargets.BY_COUNT, 2, 2, 99, (0, 2)),
        (UnweightedTargets.BY_COUNT, 1, 2, 67, (1, 2)),
        (UnweightedTargets.BY_COUNT, 100, 100, 25, (48, 16)),
    ],
)
def test_what_is_listed_without_weights(
    targets: UnweightedTargets, stable: int, canary: int, percent: int, expected: tuple[int, int]
) -> None:
    sides = side("s", *[100] * stable), side("c", *[100] * canary)
    out = unlisted(*sides, percent, targets)
    assert tuple(len(keys.keys() - out) for keys in sides) == expected


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 99))
def test_by_count_lists_somebody_and_no_more_than_fit(stable: int, canary: int, percent: int) -> None:
    sides = side("s", *[100] * stable), side("c", *[100] * canary)
    listed = {*sides[0], *sides[1]} - unlisted(*sides, percent, UnweightedTargets.BY_COUNT)
    assert 1 <= len(listed) <= MAX_LISTED
