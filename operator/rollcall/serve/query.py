"""Reading a query in full, for everything that the short cut in `responder` doesn't know.

By hand rather than with dnspython: a query needs four shapes of bytes checked and nothing decoded, and junk
must not cost sixty times what a good query costs.
"""

import struct
from typing import NamedTuple

from rollcall.dnswire.edns import COOKIE, OPTION_HEADER, Edns, is_cookie
from rollcall.dnswire.errors import MalformedMessage
from rollcall.dnswire.header import HEADER_SIZE, Rcode
from rollcall.dnswire.message import RECORD_FIELDS, record
from rollcall.dnswire.names import name_end, skip_name
from rollcall.dnswire.types import CLASS_ANY, Type

MAX_QUERY = 4096
"""Octets. A longer query is cut, and so malformed: a buffer of 64 KiB for each datagram would cost too much,
and a client of TCP can't have us keep so much of one."""


class Tsig(NamedTuple):
    """The signature of a query (RFC 8945 section 4.2), as far as an error reply needs it."""

    key: bytes
    algorithm: bytes
    time_and_fudge: bytes

    def bad_key(self, message_id: bytes) -> bytes:
        """Write the TSIG record that says that we don't know the key (RFC 8945 section 5.2.1), unsigned."""
        error = Rcode.BADKEY.to_bytes(2, "big")
        rdata = self.algorithm + self.time_and_fudge + b"\0\0" + message_id + error + b"\0\0"
        return record(self.key, Type.TSIG, CLASS_ANY, 0, rdata)


class Query(NamedTuple):
    """A well-formed query. `question` is its bytes: name, type and class.

    It is empty in one that asks for a server's cookie only (RFC 7873 section 5.4).
    """

    question: bytes
    rdtype: int
    edns: Edns | None
    tsig: Tsig | None


def question_of(message: bytes) -> bytes:
    """Find the one question of a message. Raises MalformedMessage unless there is exactly one."""
    if message[4:6] != b"\x00\x01":
        raise MalformedMessage("there is not exactly one question")
    end = name_end(message, HEADER_SIZE) + 4
    if end > len(message):
        raise MalformedMessage("the question is cut off")
    return message[HEADER_SIZE:end]


def parse(message: bytes) -> Query:
    """Read a query. Raises MalformedMessage; nothing else, whatever the bytes are."""
    question = question_of(message) if message[4:6] != b"\0\0" else b""
    rdtype = int.from_bytes(question[-4:-2], "big")
    answers, authorities, additional = struct.unpack_from("!HHH", message, 6)
    if answers or (authorities and rdtype != Type.IXFR):  # IXFR: RFC 1995 section 3
        raise MalformedMessage("a query holds records")
    at = HEADER_SIZE + len(question)
    edns = tsig = None
    for number in range(authorities + additional):
        if tsig is not None:
            raise MalformedMessage("a record follows the TSIG record")
        start, at = at, skip_name(message, at)
        if at + RECORD_FIELDS.size > len(message):
            raise MalformedMessage("a record is cut off")
        kind, rdclass, ttl, length = RECORD_FIELDS.unpack_from(message, at)
        end = at + RECORD_FIELDS.size + length
        if end > len(message):
            raise MalformedMessage("a record is cut off")
        if number >= authorities:
            if kind == Type.OPT:
                if edns is not None or message[start]:
                    raise MalformedMessage("there are two OPT records, or one that has a name")
                edns = Edns.of(rdclass, ttl, _cookie(message, at + RECORD_FIELDS.size, end))
            elif kind == Type.TSIG:
                tsig = _parse_tsig(message[start:at], message[at + RECORD_FIELDS.size : end])
        at = end
    if at != len(message):
        raise MalformedMessage("there are bytes after the last record")
    if not question and (edns is None or not edns.cookie):
        raise MalformedMessage("there is no question, and no cookie either")
    return Query(question, rdtype, edns, tsig)


def _cookie(message: bytes, at: int, end: int) -> bytes:
    """Return the data of the first COOKIE option among the options of an OPT record, empty without one."""
    cookie = None
    while at + OPTION_HEADER <= end:
        code = int.from_bytes(message[at : at + 2], "big")
        start = at + OPTION_HEADER
        at = start + int.from_bytes(message[at + 2 : start], "big")
        if code == COOKIE and cookie is None:
            cookie = message[start:at]
    if at != end:
        raise MalformedMessage("an EDNS option is cut off")
    if cookie is not None and not is_cookie(cookie):
        raise MalformedMessage("a cookie has a length that none may have")
    return cookie or b""


def _parse_tsig(key: bytes, rdata: bytes) -> Tsig:
    name_end(key, 0)
    fixed = name_end(rdata, 0)
    mac = fixed + 10
    other = mac + int.from_bytes(rdata[fixed + 8 : mac], "big") + 6
    if other > len(rdata) or other + int.from_bytes(rdata[other - 2 : other], "big") != len(rdata):
        raise MalformedMessage("the TSIG record is cut off")
    return Tsig(key, rdata[:fixed], rdata[fixed : fixed + 8])
