"""EDNS: the OPT record at the end of a message (RFC 6891)."""

from typing import NamedTuple, Self

from .names import ROOT
from .types import Type

MIN_PAYLOAD = 512
MAX_PAYLOAD = 1232
"""Octets that pass every network unfragmented (RFC 9715); also what we say that we can receive."""

OPT_SIZE = 11
"""Octets of the OPT record that we answer with."""

_DO = 0x8000


class Edns(NamedTuple):
    """The OPT record of a query. Its options are ignored, as section 6.1.2 asks.

    `payload` is the largest response over UDP: what the client takes, within our own limits.
    """

    version: int
    payload: int
    dnssec_ok: bool

    @classmethod
    def of(cls, rdclass: int, ttl: int) -> Self:
        """Read the fields of an OPT record, which stand where others have class and ttl."""
        return cls(ttl >> 16 & 0xFF, min(max(rdclass, MIN_PAYLOAD), MAX_PAYLOAD), bool(ttl & _DO))

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
