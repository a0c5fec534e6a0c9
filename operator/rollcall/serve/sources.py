"""Endless sources of answers to one question: what `next` gives is what the next query gets.

A source lives until the records behind it change.
"""

from collections.abc import Iterator, Mapping
from itertools import repeat
from random import Random

from .sampling import Sampler, sampler
from .table import Zone
from .variants import Compiler, Variant, counts, pointer, record
from .wire import HEADER_SIZE, OWNER, Type

Source = Iterator[Variant]

DECK = 128
"""The largest RRset that is kept shuffled; with more records shuffling costs more than drawing."""

ANSWERS_A_SHUFFLE = 64


def of_records(compiler: Compiler, members: Mapping[bytes, int], count: int, rng: Random) -> Source:
    """Answer `count` of the records at a time; `members` maps their data to positive weights."""
    records = compiler.records(members)
    if len(records) == 1:
        return repeat(compiler.variant(records))
    weights = tuple(members.values())
    if len(records) <= DECK and min(weights) == max(weights):
        return _deck(compiler, records, count, rng)
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


def _draw(compiler: Compiler, sample: Sampler) -> Source:
    """Draw each answer by itself: unequal weights, and large RRsets."""
    while True:
        yield compiler.variant(sample())


def of_soa(zone: Zone) -> Source:
    """Answer the SOA of a zone. Its serial changes with every delta: made anew when it has."""
    soa = None
    while True:
        if soa is not zone.soa:
            soa = zone.soa
            records = [record(OWNER, Type.SOA, zone.soa_ttl, soa)]
            variant = Variant(records[0], counts(1), records)
        yield variant


def of_nothing(zone: Zone, name_size: int, ttl: int) -> Source:
    """Answer NODATA or NXDOMAIN: the SOA in the authority section, its TTL the negative ttl (RFC 2308).

    It fits every question about the zone whose name has this many bytes: the owner of the SOA is where the
    question's name ends in the apex.
    """
    owner = pointer(HEADER_SIZE + name_size - len(zone.apex), zone.apex)
    soa = None
    while True:
        if soa is not zone.soa:
            soa = zone.soa
            variant = Variant(record(owner, Type.SOA, ttl, soa), counts(0, 1))
        yield variant
