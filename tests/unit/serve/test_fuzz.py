"""Any bytes at all: the server drops them, or answers with a well-formed message; it never raises."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from thorough import examples
from unit.serve.fuzzed import CLIENTS, QUERIES, check

TRANSPORTS = st.sampled_from(sorted(CLIENTS))


@given(st.binary(max_size=600), TRANSPORTS)
@settings(max_examples=examples(1500))
def test_random_bytes(query: bytes, transport: str) -> None:
    check(query, transport)


@given(st.binary(min_size=2, max_size=2), st.binary(max_size=300), TRANSPORTS)
@settings(max_examples=examples(1000))
def test_random_bytes_after_a_usual_header(message_id: bytes, rest: bytes, transport: str) -> None:
    check(message_id + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + rest, transport)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Draw a query of the corpus with bytes changed, left out, doubled, or from another query."""
    query = bytearray(draw(st.sampled_from(QUERIES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(query) - 1, 0)))
        match draw(st.integers(0, 4)):
            case 0 if query:
                query[at] = draw(st.integers(0, 255))
            case 1 if query:
                query[at] ^= 1 << draw(st.integers(0, 7))
            case 2:
                del query[at : at + draw(st.integers(1, 16))]
            case 3:
                query[at:at] = draw(st.binary(min_size=1, max_size=16))
            case _:
                query[at:] = draw(st.sampled_from(QUERIES))[at:]
    return bytes(query)


@given(mutations(), TRANSPORTS)
@settings(max_examples=examples(1500))
@example(b"\x00\x00\x01\x00\x00\x01" + bytes(6) + b"\xc0\x0c\x00\x01\x00\x01", "UDP")
def test_mutated_queries(query: bytes, transport: str) -> None:
    check(query, transport)


@pytest.mark.parametrize("transport", sorted(CLIENTS))
def test_every_query_of_the_corpus_cut_at_every_byte(transport: str) -> None:
    for query in QUERIES:
        for end in range(len(query) + 1):
            check(query[:end], transport)


@pytest.mark.parametrize("size", [65535, 65534, 4096])
@pytest.mark.parametrize("filling", [b"\x00", b"\x01x", b"\x3f" + b"x" * 63, b"\xc0\x0c", b"\xff"])
def test_long_messages(size: int, filling: bytes) -> None:
    body = filling * (size // len(filling) + 1)
    check((QUERIES[0][:12] + body)[:size], "TCP")
    check((QUERIES[0][:4] + b"\x00\x01\x00\x00\xff\xff\xff\xff" + QUERIES[0][12:] + body)[:size], "TCP")
