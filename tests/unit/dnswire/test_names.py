"""Names in wire format: what is above them, and where they end in a message."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.dnswire import names
from rollcall.dnswire.errors import MalformedMessage
from rollcall.zone.names import from_text

labels = st.lists(st.binary(min_size=1, max_size=63), max_size=3)


def wire(parts: list[bytes]) -> bytes:
    return dns.name.Name((*parts, b"")).to_wire() or b"\0"


def test_ancestry():
    inner, outer = from_text("a.b.example"), from_text("b.example")
    assert names.is_at_or_below(inner, outer)
    assert names.is_at_or_below(outer, outer)
    assert not names.is_at_or_below(outer, inner)
    assert not names.is_at_or_below(from_text("ab.example"), outer)
    assert list(names.suffixes(inner)) == [inner, outer, from_text("example")]
    assert names.parent(inner) == outer


@given(labels, labels)
def test_ancestry_is_a_matter_of_labels(first, second):
    is_below = not second or first[-len(second) :] == second
    assert names.is_at_or_below(wire(first), wire(second)) == is_below
    assert names.is_at_or_below(wire(first + second), wire(second))
    assert names.split(wire(first)) == [*first, b""]


@given(labels, st.binary(max_size=20))
def test_a_name_ends_with_its_last_label_or_a_pointer(parts, rest):
    name = wire(parts)
    assert names.name_end(b"head" + name + rest, 4) == 4 + len(name)
    assert names.skip_name(b"head" + name + rest, 4) == 4 + len(name)
    pointing = b"head" + name[:-1] + names.QUESTION_NAME + rest
    assert names.skip_name(pointing, 4) == 4 + len(name) + 1
    with pytest.raises(MalformedMessage):
        names.name_end(pointing, 4)
    for end in range(len(name)):
        with pytest.raises(MalformedMessage):
            names.skip_name(name[:end], 0)
