"""EDNS: the OPT record at the end of a message (RFC 6891)."""

import struct
from typing import NamedTuple, Self

from .names import ROOT
from .types import Type

MIN_PAYLOAD = 512
MAX_PAYLOAD = 1232
"""Octets that pass every network unfragmented (RFC 9715); also what we say that we can receive."""

OPT_SIZE = 11
"""Octets of an OPT record without options."""

COOKIE = 10
"""The code of the COOKIE option (RFC 7873 section 4)."""

CLIENT_COOKIE = 8
COOKIES_SIZE = 24
"""Octets of a client's cookie, and of one with that of a server, as RFC 9018 makes them."""

OPTION_HEADER = 4

MAX_OPT_SIZE = OPT_SIZE + OPTION_HEADER + COOKIES_SIZE
"""Octets of the largest OPT record that we answer with."""

_DO = 0x8000
_COOKIE_HEAD = struct.Struct("!HHH")  # the length of all options, code and length of the one


class Edns(NamedTuple):
    """The OPT record of a query. Its options are ignored, as section 6.1.2 asks, but for the cookie.

    `payload` is the largest response over UDP: what the client takes, within our own limits. `cookie` is the
    data of the first COOKIE option, empty where there is none.
    """

    version: int
    payload: int
    dnssec_ok: bool
    cookie: bytes = b""

    @classmethod
    def of(cls, rdclass: int, ttl: int, cookie: bytes = b"") -> Self:
        """Read the fields of an OPT record, which stand where others have class and ttl."""
        return cls(ttl >> 16 & 0xFF, min(max(rdclass, MIN_PAYLOAD), MAX_PAYLOAD), bool(ttl & _DO), cookie)

    def reply(self, extended_rcode: int = 0) -> bytes:
        """Write the OPT record of the response: version 0, no options; DO is copied (RFC 3225 section 3)."""
        flags = _DO if self.dnssec_ok else 0
        return b"".join(
            (
                ROOT,
                Type.OPT.to_bytes(2, "big"),
                MAX_PAYLOAD.to_bytes(2, "big"),
                (extended_rcode << 24 | flags).to_bytes(4, "big"),
                b"\0\0",
            )
        )


def with_cookie(opt: bytes, cookie: bytes) -> bytes:
    """Put a COOKIE option into an OPT record without options."""
    return opt[:-2] + _COOKIE_HEAD.pack(OPTION_HEADER + len(cookie), COOKIE, len(cookie)) + cookie


def is_cookie(data: bytes) -> bool:
    """Whether the data of a COOKIE option is that of a client, or of a client and a server.

    Another length is malformed (RFC 7873 section 5.2.2).
    """
    return len(data) == CLIENT_COOKIE or 16 <= len(data) <= 40
