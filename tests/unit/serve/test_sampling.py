"""How often each record is answered, and where; fixed seeds, so that no run differs from another."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations
from math import prod
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.serve.sampling import answerable, sampler
from rollcall.serve.sources import ANSWERS_A_PICK, of_records
from rollcall.serve.variants import Compiler

DRAWS = 40_000


def records(number: int) -> list[bytes]:
    return [bytes((index,)) for index in range(number)]


def chi_square_per_degree(counts: Sequence[int], expected: Sequence[float]) -> float:
    """About 1 for a fair sample; beyond 2 the chance of it is small at 8 degrees and more."""
    total = sum((seen - wanted) ** 2 / wanted for seen, wanted in zip(counts, expected, strict=True))
    return total / (len(counts) - 1)


def picking_probability(order: Sequence[int], weights: Sequence[int]) -> float:
    """How likely weighted picking without replacement gives this order."""
    left = sum(weights)
    factors = []
    for index in order:
        factors.append(weights[index] / left)
        left -= weights[index]
    return prod(factors)


@pytest.mark.parametrize(
    "weights",
    [[1, 1, 1, 1], [1, 2, 3, 4], [100, 1, 1, 1], [1, 65535, 65535, 1]],
    ids=["equal", "rising", "one heavy", "two heavy"],
)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_order_comes_as_often_as_picking_by_weight_gives_it(weights: list[int], count: int) -> None:
    sample = sampler(records(4), weights, count, Random(7))

    seen = Counter(b"".join(sample()) for _ in range(DRAWS))

    for order in permutations(range(4), count):
        probability = picking_probability(order, weights)
        deviation = (DRAWS * probability * (1 - probability)) ** 0.5
        assert abs(seen[bytes(order)] - DRAWS * probability) <= 4.5 * deviation + 3, (order, probability)


def test_few_of_many_weighted_records_are_drawn_by_weight() -> None:
    weights = [1 + index % 5 for index in range(100)]
    sample = sampler(records(100), weights, 8, Random(7))

    first = Counter(sample()[0][0] for _ in range(DRAWS))

    expected = [DRAWS * weight / sum(weights) for weight in weights]
    assert chi_square_per_degree([first[index] for index in range(100)], expected) < 1.4


class CountingRandom(Random):
    """Counts how often it is asked."""

    asked = 0

    def random(self) -> float:
        self.asked += 1
        return super().random()


def test_records_that_hold_next_to_no_weight_are_drawn_without_long_search() -> None:
    rng = CountingRandom(7)
    sample = sampler(records(200), [65535] * 3 + [1] * 197, 8, rng)

    for _ in range(200):
        drawn = sample()
        assert len(set(drawn)) == 8
        assert {bytes((index,)) for index in range(3)} <= set(drawn)
    assert rng.asked < 200 * 50


@given(
    st.dictionaries(st.binary(min_size=1, max_size=4), st.integers(0, 65535), min_size=1, max_size=40),
    st.data(),
)
def test_an_answer_holds_so_many_different_records(members: dict[bytes, int], data: st.DataObject) -> None:
    positive = answerable(members)
    count = data.draw(st.integers(1, len(positive)))

    drawn = sampler(list(positive), list(positive.values()), count, Random(1))()

    assert len(drawn) == len(set(drawn)) == count
    assert set(drawn) <= set(positive)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({b"a": 1, b"b": 0}, {b"a": 1}),
        ({b"a": 0, b"b": 0}, {b"a": 1, b"b": 1}),
        ({b"a": 5, b"b": 9}, {b"a": 5, b"b": 9}),
    ],
    ids=["zero beside others", "only zeros", "no zero"],
)
def test_weight_zero_never_answers_unless_all_do(
    members: dict[bytes, int], expected: dict[bytes, int]
) -> None:
    assert answerable(members) == expected


def shown(number: int, count: int, answers: int, weights: Sequence[int] | None = None) -> list[list[int]]:
    """Answers of a source: the records in each, by their last byte."""
    rdatas = [bytes((10, 0, 0, index)) for index in range(number)]
    compiler = Compiler(b"\x01s\x00\x00\x01\x00\x01", 1, 5, lambda host: ())
    members = dict(zip(rdatas, weights or [1] * number, strict=True))
    source = of_records(compiler, members, count, Random(11))
    return [[record[-1] for record in next(source).records] for _ in range(answers)]


def test_a_shuffled_set_gives_each_record_each_place_equally_often() -> None:
    answers = shown(number=10, count=8, answers=DRAWS)

    assert all(len(set(answer)) == 8 for answer in answers)
    for place in range(8):
        seen = Counter(answer[place] for answer in answers)
        assert chi_square_per_degree([seen[index] for index in range(10)], [DRAWS / 10] * 10) < 3
    included = Counter(index for answer in answers for index in answer)
    assert max(included.values()) - min(included.values()) < 0.02 * DRAWS


def test_a_shuffled_set_lets_no_record_follow_another_more_often_than_others() -> None:
    answers = shown(number=6, count=3, answers=DRAWS)

    pairs = Counter((answer[0], answer[1]) for answer in answers)

    # Pairs repeat until the next shuffle: their spread is wider than a fair sample's, but without a bias.
    assert len(pairs) == 30
    assert all(abs(seen - DRAWS / 30) < 0.4 * DRAWS / 30 for seen in pairs.values())


def test_all_records_are_answered_in_changing_order() -> None:
    answers = shown(number=3, count=3, answers=2_000)

    assert {tuple(answer) for answer in answers} == set(permutations(range(3)))


def test_a_canary_gets_its_share_of_single_answers() -> None:
    answers = shown(number=2, count=1, answers=DRAWS, weights=[95, 5])

    share = sum(answer == [1] for answer in answers) / DRAWS
    assert abs(share - 0.05) < 0.005


def test_a_large_set_is_drawn_evenly() -> None:
    answers = shown(number=200, count=8, answers=DRAWS)

    seen = Counter(index for answer in answers for index in answer)
    assert chi_square_per_degree([seen[index] for index in range(200)], [DRAWS * 8 / 200] * 200) < 1.4


@pytest.mark.parametrize(
    ("weights", "canary", "percent", "tolerance"),
    [
        ([51200] * 9 + [51200], [9], 10, 0.5),
        ([51200, 5689], [1], 10, 0.5),
        ([51200, 517], [1], 1, 0.2),
        ([51200] * 5 + [1293, 1293], [5, 6], 1, 0.2),
        ([6] * 100 + [59400], [100], 99, 0.2),
    ],
    ids=["one of ten", "one of two", "1 % of two", "1 % of seven", "99 % of 101"],
)
@pytest.mark.parametrize("count", [1, 2])
def test_the_share_of_first_places_is_exact(
    weights: list[int], canary: list[int], percent: int, tolerance: float, count: int
) -> None:
    answers = 100_000
    firsts = Counter(answer[0] for answer in shown(len(weights), count, answers, weights))

    assert 100 * sum(firsts[number] for number in canary) / answers == pytest.approx(percent, abs=tolerance)


def test_what_follows_the_first_record_comes_by_weight_too() -> None:
    weights = [100, 100, 100, 50, 400]
    seen = Counter(tuple(answer) for answer in shown(5, 3, 100_000, weights))

    for order in permutations(range(5), 3):
        probability = picking_probability(order, weights)
        # Some answers of one first record have the same others, so that these spread more widely.
        deviation = (ANSWERS_A_PICK * 100_000 * probability * (1 - probability)) ** 0.5
        assert abs(seen[order] - 100_000 * probability) <= 4.5 * deviation, order


@pytest.mark.parametrize(("number", "count", "largest"), [(10, 1, 27.9), (10, 8, 27.9), (100, 8, 148.3)])
def test_a_million_answers_are_even(number: int, count: int, largest: float) -> None:
    """The chi-square of first places, and of membership; `largest` is what p = 0.001 allows."""
    answers = 1_000_000
    firsts = [0] * number
    members = [0] * number
    for answer in shown_one_by_one(number, count, answers):
        firsts[answer[0]] += 1
        for index in answer:
            members[index] += 1

    assert chi_square_per_degree(firsts, [answers / number] * number) * (number - 1) < largest
    if count > 1:
        # An answer holds no record twice, which makes membership more even than independent draws.
        even = chi_square_per_degree(members, [answers * count / number] * number) * (number - 1)
        assert even * (number - 1) / (number - count) < largest


def shown_one_by_one(number: int, count: int, answers: int) -> Iterator[list[int]]:
    compiler = Compiler(b"\x01s\x00\x00\x01\x00\x01", 1, 5, lambda host: ())
    members = {bytes((10, 0, 0, index)): 1 for index in range(number)}
    source = of_records(compiler, members, count, Random(11))
    for _ in range(answers):
        answer = [record[-1] for record in next(source).records]
        assert len(answer) == count
        yield answer


@given(st.lists(st.integers(1, 65535), min_size=2, max_size=200), st.data())
def test_an_answer_of_a_source_holds_no_record_twice(weights: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(weights)))

    for answer in shown(len(weights), count, 20, weights):
        assert len(answer) == len(set(answer)) == count
