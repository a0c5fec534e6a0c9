"""What a query asks of the form of its response, and what is remembered of it.

Nearly all queries of all clients have one of a few dozen shapes. EDNS options are not a part of one: a cookie
is another for each client, padding and client subnet for each query. What ends in an OPT record with options
has the shape of the same query without them. A cookie is answered with one, so what comes of it is kept for
the client.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from rollcall.dnswire import header
from rollcall.dnswire.edns import (
    CLIENT_COOKIE,
    COOKIE,
    COOKIES_SIZE,
    MIN_PAYLOAD,
    OPT_SIZE,
    OPTION_HEADER,
    is_cookie,
    with_cookie,
)
from rollcall.dnswire.header import HEADER_SIZE, MAX_MESSAGE

from .cookies import Cookies
from .query import Query
from .recent import Recent

SHAPES = 1024
"""How many shapes are remembered: honest clients have a few dozen, a sender of junk has millions.

All are forgotten when there are so many. The honest ones are learned again from the next query of each, while
one that was refused a place would take the long way for ever. A key is 21 octets at most: what follows the
question is nothing, or an OPT record without options. So all of them are half a megabyte.
"""

CLIENTS = 2048
"""Clients with cookies that are remembered for up to a minute, and as many that were before them: 2 MB."""

MAX_KEPT = 96
"""Octets of a query, without its id and question, that are kept with a client: cookies and little else."""

_NO_OPTIONS = b"\0\0"  # the length that an OPT record ends in
_HEAD = HEADER_SIZE - 2  # where what follows the question begins in a key
_OPTIONS = _HEAD + OPT_SIZE
_FIELDS = _OPTIONS - 2  # where their length is
_ONE_QUESTION = b"\0\1\0\0\0\0\0\0"
_ONE_QUESTION_AND_OPT = b"\0\1\0\0\0\0\0\1"
_COOKIE = COOKIE.to_bytes(2, "big")
_COOKIE_DATA = _OPTIONS + OPTION_HEADER  # where it begins, if it is the first option
_COOKIE_ALONE = {
    (OPTION_HEADER + size).to_bytes(2, "big") + _COOKIE + size.to_bytes(2, "big"): _COOKIE_DATA + size
    for size in (CLIENT_COOKIE, COOKIES_SIZE)
}
"""By how the options begin, how long a key is whose one option is a cookie: the usual case by far."""

_CLIENT_ALONE = _COOKIE_DATA + CLIENT_COOKIE
_COOKIES_OPTION = OPTION_HEADER + COOKIES_SIZE

_QR, _AA, _RD = header.QR >> 8, header.AA >> 8, header.RD >> 8  # in the first of the two octets of flags


class Shape(NamedTuple):
    """What a query asks of the form of its response.

    `flags` are the two bytes of flags in the header; `size` is the largest response, less the OPT record
    that it ends in; `edns` is 1 where there is one: the index into a variant's counts. `is_proven` says that
    the client has shown by a cookie that the address is its own.
    """

    flags: bytes
    size: int
    edns: int
    opt: bytes
    is_proven: bool = False


class Shapes:
    """The shapes of the queries over one transport. Without `cookies` that option is ignored, too."""

    def __init__(self, cookies: Cookies | None, *, tcp: bool) -> None:
        self.known: dict[bytes, Shape] = {}
        """By all of a query but its id and its question."""
        self._cookies = cookies
        self._tcp = tcp
        self._clients: Recent[tuple[str, bytes], Shape] = Recent(CLIENTS)
        self.of_options = self._options_finder()
        """Finds the shape of a query that has nothing but EDNS options besides a known one.

        It is given all of the query but the id and the question, and the client. There is none where the
        options are malformed, or more follows them.
        """
        if cookies is not None:
            cookies.on_stale(self._clients.forget)

    def _options_finder(self) -> Callable[[bytes, Any], Shape | None]:
        shape_of = self.known.get
        young, old, put = self._clients.get, self._clients.old.get, self._clients.put
        cookies = self._cookies
        with_cookie = self._with_cookie
        in_options = self._in_options
        alone = _COOKIE_ALONE.get

        def of_options(key: bytes, client: Any) -> Shape | None:
            who = (client[0], key)
            shape = young(who)
            if shape is not None:
                return shape
            shape = shape_of(key[:_FIELDS] + _NO_OPTIONS)
            if shape is None:
                return None
            if alone(key[_FIELDS:_COOKIE_DATA]) != len(key):
                return in_options(key, client[0], shape)
            known = old(who)
            if known is not None:
                put(who, known)
                return known
            if cookies is None:
                return shape
            if cookies.hashes_left > 0:
                return with_cookie(shape, key, client[0], key[_COOKIE_DATA:])
            if len(key) == _CLIENT_ALONE:
                return shape
            flags, size, edns, opt, _ = shape
            return Shape(flags, size - _COOKIES_OPTION, edns, opt[:-2] + key[_FIELDS:])

        return of_options

    def _in_options(self, key: bytes, host: str, shape: Shape) -> Shape | None:
        """Look for a cookie among any options; `shape` is that of the query without them."""
        at, size = _OPTIONS, len(key)
        if at > size or key[at - 2] << 8 | key[at - 1] != size - at:
            return None
        cookie = None
        while at + OPTION_HEADER <= size:
            start = at + OPTION_HEADER
            end = start + (key[at + 2] << 8 | key[at + 3])
            if cookie is None and key[at : at + 2] == _COOKIE:
                cookie = key[start:end]
            at = end
        if at != size:
            return None
        if cookie is None:
            return shape
        return self._with_cookie(shape, key, host, cookie) if is_cookie(cookie) else None

    def of(self, query: bytes, parsed: Query, client: Any) -> Shape:
        """Make the shape of a query, and remember it if it is a usual one."""
        edns = parsed.edns
        opt = edns.reply() if edns is not None else b""
        size = MAX_MESSAGE if self._tcp else edns.payload if edns is not None else MIN_PAYLOAD
        # AD does not concern an authoritative server, and it should clear CD (RFC 4035 section 3.1.6).
        flags = bytes((_QR | _AA | query[2] & _RD, 0))
        shape = Shape(flags, size - len(opt), 1 if edns is not None else 0, opt)
        key = query[2:HEADER_SIZE] + query[HEADER_SIZE + len(parsed.question) :]
        self._learn(key, shape)
        if edns is None or not edns.cookie:
            return shape
        return self._with_cookie(shape, key, client[0], edns.cookie)

    def _learn(self, key: bytes, shape: Shape) -> None:
        """Remember a shape, if its query holds nothing but a question and, at most, an OPT record."""
        if key[2:_HEAD] != (_ONE_QUESTION_AND_OPT if shape.edns else _ONE_QUESTION):
            return
        if len(self.known) >= SHAPES:
            self.known.clear()
        self.known[key[:_FIELDS] + _NO_OPTIONS if shape.edns else key] = shape

    def _with_cookie(self, shape: Shape, key: bytes, host: str, cookie: bytes) -> Shape:
        cookies = self._cookies
        if cookies is None:
            return shape
        if cookies.hashes_left <= 0:
            return _bringing(shape, cookie) if len(cookie) == COOKIES_SIZE else shape
        reply, is_proven = cookies.reply(host, cookie)
        shape = _bringing(shape, reply)._replace(is_proven=is_proven)
        if len(key) <= MAX_KEPT:
            self._clients.put((host, key), shape)
        return shape


def _bringing(shape: Shape, cookie: bytes) -> Shape:
    """Return the shape of a response that brings a cookie: there is less room for the rest."""
    flags, size, edns, opt, _ = shape
    return Shape(flags, size - OPTION_HEADER - len(cookie), edns, with_cookie(opt, cookie))
