"""Lines out of reads of any size."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.kube.lines import LineBuffer, LineTooLong


@given(
    lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    cuts=st.lists(st.integers(0, 600), max_size=20),
)
def test_cut_anywhere_the_lines_are_the_same(lines: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    buffer = LineBuffer()
    got = [line for start, end in pairwise(edges) for line in buffer.feed(stream[start:end])]
    assert got == [line for line in lines if line]
    assert not buffer.partial


def test_a_line_of_many_reads() -> None:
    buffer = LineBuffer()
    for _ in range(100):
        assert buffer.feed(b"x" * 10_000) == []
    assert buffer.partial
    assert buffer.feed(b"\n") == [b"x" * 1_000_000]
    assert not buffer.partial


def test_a_line_without_an_end() -> None:
    buffer = LineBuffer(max_bytes=10)
    assert buffer.feed(b"0123456789") == []
    assert buffer.feed(b"\n0123456789") == [b"0123456789"]
    with pytest.raises(LineTooLong):
        buffer.feed(b"0")
