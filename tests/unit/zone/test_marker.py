"""Markers are read as they are written, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.dnswire import rdata as rd
from rollcall.zone.marker import Generation, Marker, domain_of, parse, service_of
from rollcall.zone.names import from_text

text = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
numbers = st.integers(0, 10**12 - 1)


@given(text, text, text, numbers, numbers, numbers)
def test_it_is_read_as_it_is_written(
    owner: str, domain: str, service: str, epoch: int, version: int, tombstone: int
) -> None:
    marker = Marker(owner, domain, service, Generation(epoch, version), tombstone)
    assert parse(marker.data()) == marker
    assert service_of(marker.data()) == service


@given(st.binary(max_size=300))
def test_any_octets_are_read_without_trouble(data: bytes) -> None:
    parse(data)


@pytest.mark.parametrize(
    "strings",
    [
        ("heritage=external-dns,external-dns/owner=us",),
        ("heritage=rollcall",),
        ("heritage=rollcall", "owner=us"),
        ("heritage=rollcall", "owner=us", "generation=1"),
        ("heritage=rollcall", "owner=us", f"generation=1.{'9' * 30}"),
        ("owner=us", "generation=1.1"),
    ],
)
def test_what_is_no_marker(strings: tuple[str, ...]) -> None:
    assert parse(rd.txt(*strings)) is None


def test_generations_are_compared_as_numbers() -> None:
    assert Generation(2, 1) > Generation(1, 10) > Generation(1, 9)


def test_a_domain_longer_than_a_string_is_cut_the_same_way_always() -> None:
    apex = from_text(".".join(["a" * 63] * 3 + ["b" * 59]))
    marker = Marker("us", domain_of(apex), "", Generation(0, 1))
    assert parse(marker.data()) == marker
