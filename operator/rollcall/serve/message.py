"""Reading a query in full, for everything that the short cut in `query` doesn't know.

By hand rather than with dnspython: a query needs four shapes of bytes checked and nothing decoded, and junk
must not cost sixty times what a good query costs.
"""

import struct
from typing import NamedTuple

from .errors import MalformedError
from .wire import HEADER_SIZE, Type, name_end, skip_name

MIN_UDP_PAYLOAD = 512
MAX_UDP_PAYLOAD = 1232
"""What passes every network unfragmented (RFC 9715); also the size that we say we can receive."""

_OPT_FIELDS = struct.Struct("!HBBHH")  # payload size, upper bits of the rcode, version, flags, length
_RECORD_FIELDS = struct.Struct("!HHIH")  # type, class, ttl, length
_DO = 0x8000


class Edns(NamedTuple):
    """The OPT record of a query (RFC 6891); its options are ignored, as section 6.1.2 asks."""

    version: int
    payload: int
    dnssec_ok: bool

    def reply(self, extended_rcode: int = 0) -> bytes:
        """Write the OPT record of the response: version 0, no options; DO is copied (RFC 3225 section 3)."""
        flags = _DO if self.dnssec_ok else 0
        fields = _OPT_FIELDS.pack(MAX_UDP_PAYLOAD, extended_rcode, 0, flags, 0)
        return b"\x00" + Type.OPT.to_bytes(2, "big") + fields


class Tsig(NamedTuple):
    """The signature of a query (RFC 8945 section 4.2), as far as an error reply needs it."""

    key: bytes
    algorithm: bytes
    time_and_fudge: bytes

    def bad_key(self, message_id: bytes) -> bytes:
        """Write the TSIG record that says that we don't know the key (RFC 8945 section 5.2.1), unsigned."""
        bad_key = b"\x00\x11"
        rdata = self.algorithm + self.time_and_fudge + b"\x00\x00" + message_id + bad_key + b"\x00\x00"
        return self.key + _RECORD_FIELDS.pack(Type.TSIG, Type.ANY, 0, len(rdata)) + rdata


class Query(NamedTuple):
    """A well-formed query. `question` is its bytes: name, type and class."""

    question: bytes
    rdtype: int
    edns: Edns | None
    tsig: Tsig | None


def question_of(message: bytes) -> bytes:
    """Find the one question of a message. Raises MalformedError unless there is exactly one."""
    if message[4:6] != b"\x00\x01":
        raise MalformedError("there is not exactly one question")
    end = name_end(message, HEADER_SIZE) + 4
    if end > len(message):
        raise MalformedError("the question is cut off")
    return message[HEADER_SIZE:end]


def parse(message: bytes) -> Query:
    """Read a query. Raises MalformedError; nothing else, whatever the bytes are."""
    question = question_of(message)
    rdtype = int.from_bytes(question[-4:-2], "big")
    answers, authorities, additional = struct.unpack_from("!HHH", message, 6)
    if answers or (authorities and rdtype != Type.IXFR):  # IXFR: RFC 1995 section 3
        raise MalformedError("a query holds records")
    at = HEADER_SIZE + len(question)
    edns = tsig = None
    for number in range(authorities + additional):
        if tsig is not None:
            raise MalformedError("a record follows the TSIG record")
        start, at = at, skip_name(message, at)
        if at + _RECORD_FIELDS.size > len(message):
            raise MalformedError("a record is cut off")
        kind, _, _, length = _RECORD_FIELDS.unpack_from(message, at)
        end = at + _RECORD_FIELDS.size + length
        if end > len(message):
            raise MalformedError("a record is cut off")
        if number >= authorities:
            if kind == Type.OPT:
                if edns is not None or message[start]:
                    raise MalformedError("there are two OPT records, or one that has a name")
                edns = _parse_opt(message, at + 2, end)
            elif kind == Type.TSIG:
                tsig = _parse_tsig(message[start:at], message[at + _RECORD_FIELDS.size : end])
        at = end
    if at != len(message):
        raise MalformedError("there are bytes after the last record")
    return Query(question, rdtype, edns, tsig)


def _parse_opt(message: bytes, at: int, end: int) -> Edns:
    payload, _, version, flags, _ = _OPT_FIELDS.unpack_from(message, at)
    at += _OPT_FIELDS.size
    while at + 4 <= end:
        at += 4 + int.from_bytes(message[at + 2 : at + 4], "big")
    if at != end:
        raise MalformedError("an EDNS option is cut off")
    return Edns(version, min(max(payload, MIN_UDP_PAYLOAD), MAX_UDP_PAYLOAD), bool(flags & _DO))


def _parse_tsig(key: bytes, rdata: bytes) -> Tsig:
    name_end(key, 0)
    fixed = name_end(rdata, 0)
    mac = fixed + 10
    other = mac + int.from_bytes(rdata[fixed + 8 : mac], "big") + 6
    if other > len(rdata) or other + int.from_bytes(rdata[other - 2 : other], "big") != len(rdata):
        raise MalformedError("the TSIG record is cut off")
    return Tsig(key, rdata[:fixed], rdata[fixed : fixed + 8])
