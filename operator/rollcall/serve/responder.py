"""A query's bytes in, a response's bytes out.

Nearly all queries differ in their id and their name only. The short cut splits a query into the part that
names the answer (the question) and the part that shapes the response (flags, counts, OPT), looks both up,
and joins the response from ready pieces. All else takes the long way.
"""

from collections.abc import Callable
from typing import Any

from rollcall.dnswire import header
from rollcall.dnswire.errors import MalformedMessage
from rollcall.dnswire.header import HEADER_SIZE, Rcode
from rollcall.dnswire.names import name_end
from rollcall.dnswire.types import Type
from rollcall.feed.frames import Stats

from .answers import Answers
from .cookies import Cookies
from .query import parse, question_of
from .shapes import Shape, Shapes
from .variants import CLASS_IN, Variant, counts

_ONE_ADDITIONAL = b"\0\0\0\0\0\1"  # the counts of a header after that of the questions
_TRANSFERS = (int(Type.AXFR), int(Type.IXFR))

# The first of the two octets of flags; the second is the rcode, all else in it is 0.
_QR, _OPCODE, _AA, _TC, _RD = (
    mask >> 8 for mask in (header.QR, header.OPCODE, header.AA, header.TC, header.RD)
)

Respond = Callable[[bytes, Any], bytes | None]
"""From query and client to response; None where the sender must get none. A client is host, port and more."""


class Responder:
    """Answers queries over one transport, and counts, in `stats`, all but the responses with NOERROR.

    `respond` is the short cut, which knows the usual queries; it is made of this object and not a method, as
    it is called for every query. Without `cookies` that option is ignored.
    """

    def __init__(self, answers: Answers, stats: Stats, *, tcp: bool, cookies: Cookies | None = None) -> None:
        self._answers = answers
        self._stats = stats
        self._shapes = Shapes(cookies, tcp=tcp)
        self.respond = self._short_cut()

    def is_proven(self, query: bytes, client: Any) -> bool:
        """Whether a query has a valid cookie of ours: its client's address is not forged."""
        shape = self._shape_of(query, client)
        return shape is not None and shape.is_proven

    def cut(self, query: bytes, client: Any, response: bytes) -> bytes:
        """Leave nothing of a response but its question and OPT record, and set TC: "ask again over TCP".

        It is as long as the query, but for a cookie that it brings, so that nothing is gained by a forger.
        """
        short = truncated(response)
        shape = self._shape_of(query, client)
        if shape is None or not shape.edns or response[10:HEADER_SIZE] == b"\0\0":
            return short
        return b"".join((short[:6], _ONE_ADDITIONAL, short[HEADER_SIZE:], shape.opt))

    def _shape_of(self, query: bytes, client: Any) -> Shape | None:
        """Find the shape of a query as the short cut does, if it is a known one."""
        key = query[2:HEADER_SIZE] + query[query.find(0, HEADER_SIZE) + 5 :]
        return self._shapes.known.get(key) or self._shapes.of_options(key, client)

    def _short_cut(self) -> Respond:
        source_of = self._answers.hot.get
        shape_of = self._shapes.known.get
        shape_of_options = self._shapes.of_options
        long_way = self._respond
        resolve = self._resolve
        fit = self._fit

        def respond(query: bytes, client: Any) -> bytes | None:
            # The first zero byte after the header ends the name. A label may hold one too: then the lookup
            # finds nothing, as no kept question begins like another one. Type and class are the four bytes
            # that follow.
            end = query.find(0, HEADER_SIZE) + 5
            question = query[HEADER_SIZE:end]
            # One call lowers name, type and class: `Answers.hot` says why that is sound.
            source = source_of(question.lower())
            # All but the id and the question: the flags and counts, then whatever follows the question.
            # Not kept in a variable: that costs each query a thirtieth, and only those with options need it.
            shape = shape_of(query[2:HEADER_SIZE] + query[end:])
            if shape is None:
                shape = shape_of_options(query[2:HEADER_SIZE] + query[end:], client)
                if shape is None:
                    return long_way(query, client)
            if source is None:
                return resolve(query, client, question, shape)
            flags, size, edns, opt, _ = shape
            variant = next(source)
            wire = variant.wire
            if end + len(wire) > size:
                return fit(query, flags, question, variant, shape)
            # The question goes back as it came: resolvers check the case of their letters.
            return b"".join((query[:2], flags, variant.counts[edns], question, wire, opt))

        return respond

    def _respond(self, query: bytes, client: Any) -> bytes | None:
        """Answer any query: the long way."""
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
            return self._error(query, Rcode.BADVERS, question, edns.reply(Rcode.BADVERS >> 4))
        if parsed.tsig is not None:
            return self._error(
                query, Rcode.NOTAUTH, question, edns.reply() if edns else b"", parsed.tsig.bad_key(query[:2])
            )
        shape = self._shapes.of(query, parsed, client)
        if not question:  # it asks for a cookie only
            return _response(query, Rcode.NOERROR, question, shape.opt)
        if not question.endswith(CLASS_IN) or parsed.rdtype in _TRANSFERS:
            return self._error(query, Rcode.REFUSED, question, shape.opt)
        return self._answer(query, question, parsed.rdtype, shape)

    def _resolve(self, query: bytes, client: Any, question: bytes, shape: Shape) -> bytes | None:
        """Answer a query of a known shape; `question` ends after the first zero byte and four more."""
        rdtype = int.from_bytes(question[-4:-2], "big")
        try:
            is_well_formed = name_end(question, 0) == len(question) - 4
        except MalformedMessage:
            is_well_formed = False
        if not is_well_formed or rdtype in _TRANSFERS or not question.endswith(CLASS_IN):
            return self._respond(query, client)
        return self._answer(query, question, rdtype, shape)

    def _fit(self, query: bytes, flags: bytes, question: bytes, variant: Variant, shape: Shape) -> bytes:
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
            return self._fit(query, flags, question, variant, shape)
        return b"".join((query[:2], flags, variant.counts[shape.edns], question, variant.wire, shape.opt))

    def _error(
        self, query: bytes, rcode: Rcode, question: bytes = b"", opt: bytes = b"", tsig: bytes = b""
    ) -> bytes:
        self._stats.count(rcode)
        return _response(query, rcode, question, opt, tsig)


def truncated(response: bytes) -> bytes:
    """Leave nothing of a response but its question, and set TC."""
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


def _response(
    query: bytes, rcode: Rcode, question: bytes = b"", opt: bytes = b"", tsig: bytes = b""
) -> bytes:
    """Write a response without data. The rcode's upper bits need an OPT to hold them."""
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
