"""A query's bytes in, a response's bytes out.

Nearly all queries differ in their id and their name only. The short cut splits a query into the part that
names the answer (the question) and the part that shapes the response (flags, counts, OPT), looks both up,
and joins the response from ready pieces. All else takes the long way.

EDNS options are no part of a shape: a cookie is another one for each client, padding and client subnet for
each query. What ends in an OPT record with options has the shape of the same query without them.
"""

from collections.abc import Callable
from typing import NamedTuple

from rollcall.dnswire import header
from rollcall.dnswire.edns import MIN_PAYLOAD, OPT_SIZE, Edns
from rollcall.dnswire.errors import MalformedMessage
from rollcall.dnswire.header import HEADER_SIZE, MAX_MESSAGE, Rcode
from rollcall.dnswire.names import name_end
from rollcall.dnswire.types import Type
from rollcall.feed.frames import Stats

from .answers import Answers
from .query import Query, parse, question_of
from .variants import CLASS_IN, Variant, counts

SHAPES = 1024
"""How many shapes are remembered: honest clients have a few dozen, a sender of junk has millions.

All are forgotten when there are so many. The honest ones are learned again from the next query of each, while
one that was refused a place would take the long way for ever. A key is 21 octets at most: what follows the
question is nothing, or an OPT record without options. So all of them are half a megabyte.
"""

_NO_OPTIONS = b"\0\0"  # the length that an OPT record ends in
_NO_RECORDS = bytes(6)  # the counts of a header after that of the questions
_ONE_ADDITIONAL = b"\0\0\0\0\0\1"

_TRANSFERS = (int(Type.AXFR), int(Type.IXFR))

# The first of the two octets of flags; the second is the rcode, all else in it is 0.
_QR, _OPCODE, _AA, _TC, _RD = (
    mask >> 8 for mask in (header.QR, header.OPCODE, header.AA, header.TC, header.RD)
)

Respond = Callable[[bytes], bytes | None]
"""From query to response; None where the sender must get none."""


class Shape(NamedTuple):
    """What a query asks of the form of its response.

    `flags` are the two bytes of flags in the header; `size` is the largest response, less the OPT record
    that it ends in; `edns` is 1 where there is one: the index into a variant's counts.
    """

    flags: bytes
    size: int
    edns: int
    opt: bytes


def responder(answers: Answers, stats: Stats, *, tcp: bool) -> Respond:
    """Make a function that answers queries and counts, in `stats`, all but the responses with NOERROR."""
    long_way = _LongWay(answers, stats, tcp)
    source_of = answers.hot.get
    shape_of = long_way.shapes.get
    shape_less_options = long_way.shape_less_options

    def respond(query: bytes) -> bytes | None:
        # The first zero byte after the header ends the name. A label may hold one too: then the lookup finds
        # nothing, as no kept question begins like another one. Type and class are the four bytes that follow.
        end = query.find(0, HEADER_SIZE) + 5
        question = query[HEADER_SIZE:end]
        # One call lowers name, type and class: `Answers.hot` says why that is sound.
        source = source_of(question.lower())
        # All but the id and the question: the flags and counts, then whatever follows the question.
        shape = shape_of(query[2:HEADER_SIZE] + query[end:])
        if shape is None:
            shape = shape_less_options(query, end)
            if shape is None:
                return long_way.respond(query)
        if source is None:
            return long_way.resolve(query, question, shape)
        flags, size, edns, opt = shape
        variant = next(source)
        wire = variant.wire
        if end + len(wire) > size:
            return long_way.cut(query, flags, question, variant, shape)
        # The question goes back as it came: resolvers check the case of their letters.
        return b"".join((query[:2], flags, variant.counts[edns], question, wire, opt))

    return respond


def truncated(response: bytes) -> bytes:
    """Leave nothing of a response but its question, and set TC: "ask again over TCP"."""
    end = name_end(response, HEADER_SIZE) + 4 if response[4:6] == b"\x00\x01" else HEADER_SIZE
    return b"".join(
        (
            response[:2],
            bytes((response[2] | _TC, response[3])),
            response[4:6],
            bytes(6),
            response[HEADER_SIZE:end],
        )
    )


def failure(query: bytes) -> bytes:
    """SERVFAIL without a question, for a query that broke us; `query` has a whole header."""
    return _response(query, Rcode.SERVFAIL)


class _LongWay:
    """Answers every query, and teaches the short cut the shape of the usual ones."""

    def __init__(self, answers: Answers, stats: Stats, tcp: bool) -> None:
        self._answers = answers
        self._stats = stats
        self._tcp = tcp
        self.shapes: dict[bytes, Shape] = {}

    def respond(self, query: bytes) -> bytes | None:
        if len(query) < HEADER_SIZE or query[2] & _QR:
            self._stats.dropped += 1
            return None
        if query[2] & _OPCODE:
            return self._error(query, Rcode.NOTIMP, _question_if_any(query))
        try:
            parsed = parse(query)
        except MalformedMessage:
            return self._error(query, Rcode.FORMERR)
        question, edns = parsed.question, parsed.edns
        if edns is not None and edns.version:
            return self._error(query, Rcode.BADVERS, question, edns)
        if parsed.tsig is not None:
            return self._error(query, Rcode.NOTAUTH, question, edns, parsed.tsig.bad_key(query[:2]))
        shape = self._shape(query, parsed)
        if not question.endswith(CLASS_IN) or parsed.rdtype in _TRANSFERS:
            return self._error(query, Rcode.REFUSED, question, edns)
        return self._answer(query, question, parsed.rdtype, shape)

    def shape_less_options(self, query: bytes, end: int) -> Shape | None:
        """Find the shape of a query that has nothing but EDNS options besides a known one.

        `end` is where its question ends. There is none where the options are cut off, or more follows them.
        """
        at = end + OPT_SIZE
        size = len(query)
        shape = self.shapes.get(query[2:HEADER_SIZE] + query[end : at - 2] + _NO_OPTIONS)
        if shape is None or at > size or query[at - 2] << 8 | query[at - 1] != size - at:
            return None
        while at + 4 <= size:
            at += 4 + (query[at + 2] << 8 | query[at + 3])
        return shape if at == size else None

    def resolve(self, query: bytes, question: bytes, shape: Shape) -> bytes | None:
        """Answer a query of a known shape; `question` ends after the first zero byte and four more."""
        rdtype = int.from_bytes(question[-4:-2], "big")
        try:
            is_well_formed = name_end(question, 0) == len(question) - 4
        except MalformedMessage:
            is_well_formed = False
        if not is_well_formed or rdtype in _TRANSFERS or not question.endswith(CLASS_IN):
            return self.respond(query)
        return self._answer(query, question, rdtype, shape)

    def cut(self, query: bytes, flags: bytes, question: bytes, variant: Variant, shape: Shape) -> bytes:
        """Write the response that holds as much of the answer as it may."""
        is_truncated, wire, records, additional = variant.fitted(shape.size - HEADER_SIZE - len(question))
        if is_truncated:
            self._stats.truncated += 1
            flags = bytes((flags[0] | _TC, flags[1]))
        return b"".join(
            (query[:2], flags, counts(records, 0, additional)[shape.edns], question, wire, shape.opt)
        )

    def _answer(self, query: bytes, question: bytes, rdtype: int, shape: Shape) -> bytes:
        rcode, source = self._answers.find(question[:-4].lower(), rdtype)
        if source is None:
            self._stats.count(rcode)
            flags = bytes((shape.flags[0] & ~_AA, rcode))
            return b"".join((query[:2], flags, counts(0)[shape.edns], question, shape.opt))
        flags = shape.flags
        if rcode:
            self._stats.count(rcode)
            flags = bytes((flags[0], rcode))
        variant = next(source)
        if HEADER_SIZE + len(question) + len(variant.wire) > shape.size:
            return self.cut(query, flags, question, variant, shape)
        return b"".join((query[:2], flags, variant.counts[shape.edns], question, variant.wire, shape.opt))

    def _shape(self, query: bytes, parsed: Query) -> Shape:
        edns = parsed.edns
        opt = edns.reply() if edns is not None else b""
        size = MAX_MESSAGE if self._tcp else edns.payload if edns is not None else MIN_PAYLOAD
        # AD does not concern an authoritative server, and it should clear CD (RFC 4035 section 3.1.6).
        flags = bytes((_QR | _AA | query[2] & _RD, 0))
        shape = Shape(flags, size - len(opt), 1 if edns is not None else 0, opt)
        self._learn(query, HEADER_SIZE + len(parsed.question), shape)
        return shape

    def _learn(self, query: bytes, end: int, shape: Shape) -> None:
        """Remember the shape of a query that holds nothing but a question and, at most, an OPT record."""
        rest = query[end : end + OPT_SIZE]
        if query[6:HEADER_SIZE] != (_ONE_ADDITIONAL if shape.edns else _NO_RECORDS):
            return
        if len(self.shapes) >= SHAPES:
            self.shapes.clear()
        self.shapes[query[2:HEADER_SIZE] + (rest[:-2] + _NO_OPTIONS if rest else b"")] = shape

    def _error(
        self, query: bytes, rcode: Rcode, question: bytes = b"", edns: Edns | None = None, tsig: bytes = b""
    ) -> bytes:
        self._stats.count(rcode)
        return _response(query, rcode, question, edns, tsig)


def _response(
    query: bytes, rcode: Rcode, question: bytes = b"", edns: Edns | None = None, tsig: bytes = b""
) -> bytes:
    """Write a response without data. The rcode's upper bits need an OPT to hold them."""
    opt = edns.reply(rcode >> 4) if edns is not None else b""
    additional = (1 if opt else 0) + (1 if tsig else 0)
    return b"".join(
        (
            query[:2],
            bytes((_QR | query[2] & (_OPCODE | _RD), rcode & 0xF)),
            (1 if question else 0).to_bytes(2, "big"),
            bytes(4),
            additional.to_bytes(2, "big"),
            question,
            opt,
            tsig,
        )
    )


def _question_if_any(query: bytes) -> bytes:
    """Find the question of a message whose opcode may give it any format."""
    try:
        return question_of(query)
    except MalformedMessage:
        return b""
