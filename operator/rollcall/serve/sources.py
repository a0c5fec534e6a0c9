"""Endless sources of answers to one question: what `next` gives is what the next query gets.

A source lives until the records behind it change.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from random import Random

from rollcall.dnswire.header import HEADER_SIZE
from rollcall.dnswire.message import record
from rollcall.dnswire.names import QUESTION_NAME
from rollcall.dnswire.types import IN, Type

from .sampling import Sampler, picker, sampler
from .table import AnsweredZone
from .variants import Compiler, Variant, counts, reference

Source = Iterator[Variant]

DECK = 128
"""The largest RRset that is kept shuffled; with more records shuffling costs more than drawing."""

ANSWERS_A_SHUFFLE = 64

LED = 1024
"""The largest RRset of unequal weights of which an answer is kept for each record that can come first."""

ANSWERS_A_PICK = 16
"""So many answers with one record in the first place have the same others behind it, at least."""


def of_records(compiler: Compiler, members: Mapping[bytes, int], count: int, rng: Random) -> Source:
    """Answer `count` of the records at a time; `members` maps their data to positive weights."""
    records = compiler.records(members)
    if len(records) == 1:
        return repeat(compiler.variant(records))
    weights = tuple(members.values())
    is_even = min(weights) == max(weights)
    if count == len(records) > DECK:
        return _large(compiler, sampler(records, weights, count, rng))
    if is_even and len(records) <= DECK:
        return _deck(compiler, records, count, rng)
    if count == 1 or (len(records) <= LED and not is_even):
        return _led(compiler, records, weights, count, rng)
    return _draw(compiler, sampler(records, weights, count, rng))


def _deck(compiler: Compiler, records: list[bytes], count: int, rng: Random) -> Source:
    """Shuffle records of equal weight; an answer is a run of them that begins anywhere.

    Where it begins is drawn for each answer. So each record is first, and is in an answer at all, exactly
    as often as if each answer were drawn by itself; only which records follow each other repeats, until the
    next shuffle. A run is compiled when it is first needed: most of the time it is there already.
    """
    size = len(records)
    starts = range(size)
    while True:
        rng.shuffle(records)
        runs: list[Variant | None] = [None] * size
        for start in rng.choices(starts, k=ANSWERS_A_SHUFFLE):
            run = runs[start]
            if run is None:
                cards = records[start : start + count]
                cards += records[: count - len(cards)]
                run = runs[start] = compiler.variant(cards)
            yield run


def _led(compiler: Compiler, records: list[bytes], weights: Sequence[int], count: int, rng: Random) -> Source:
    """Draw the first record of each answer by weight; the others are in an order that is drawn for many.

    So the share of the first places is exactly as if each answer were drawn by itself, and the share of the
    others is, in the long run; only which records follow the first one repeats. Where an answer holds a
    single record nothing is left to draw, and each is compiled once.
    """
    cumulative = list(accumulate(weights))
    numbers = range(len(records))
    order_of = picker(weights, count, rng)
    runs: list[Variant | None] = [None] * len(records)
    left = [0] * len(records)
    while True:
        order = order_of()
        for first in rng.choices(numbers, cum_weights=cumulative, k=ANSWERS_A_SHUFFLE):
            run = runs[first]
            if run is None or not left[first]:
                if run is None or count > 1:
                    chosen = [first, *[number for number in order if number != first][: count - 1]]
                    run = runs[first] = compiler.variant([records[number] for number in chosen])
                left[first] = ANSWERS_A_PICK
            left[first] -= 1
            yield run


def _draw(compiler: Compiler, sample: Sampler) -> Source:
    """Draw each answer by itself: large RRsets."""
    while True:
        yield compiler.variant(sample())


def _large(compiler: Compiler, sample: Sampler) -> Source:
    """Answer a large RRset whole, in an order that is drawn for many answers: to write one takes long."""
    while True:
        yield from repeat(compiler.variant(sample()), ANSWERS_A_SHUFFLE)


def of_soa(zone: AnsweredZone) -> Source:
    """Answer the SOA of a zone. Its serial changes with every delta: made anew when it has."""
    soa = None
    while True:
        if soa is not zone.soa:
            soa = zone.soa
            records = [record(QUESTION_NAME, Type.SOA, IN, zone.soa_ttl, soa)]
            variant = Variant(records[0], counts(1), records)
        yield variant


def of_nothing(zone: AnsweredZone, name_size: int, ttl: int) -> Source:
    """Answer NODATA or NXDOMAIN: the SOA in the authority section, its TTL the negative ttl (RFC 2308).

    It fits every question about the zone whose name has this many bytes: the owner of the SOA is where the
    question's name ends in the apex.
    """
    owner = reference(HEADER_SIZE + name_size - len(zone.apex), zone.apex)
    soa = None
    while True:
        if soa is not zone.soa:
            soa = zone.soa
            variant = Variant(record(owner, Type.SOA, IN, ttl, soa), counts(0, 1))
        yield variant
