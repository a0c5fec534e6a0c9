"""Any message as the answer to one of ours: its records, and the TSIG record at its end (RFC 8945)."""

from fuzz.target import Target
from rollcall.dnswire.errors import MalformedMessage, TsigError
from rollcall.dnswire.header import AA, HEADER_SIZE, QR, Rcode
from rollcall.dnswire.message import message, question, read, record
from rollcall.dnswire.rdata import soa_serial
from rollcall.dnswire.tsig import Chain, mac_of, refusal, sign, verify
from rollcall.dnswire.types import IN, Type
from rollcall.model import parse_key
from rollcall.zone.names import from_text
from rollcall.zone.soa import soa_data

_KEYS = [
    parse_key("hmac-sha256:rollcall:cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU="),
    parse_key("hmac-sha512:other:dGhlIGtleSBvZiBhbm90aGVyIHpvbmUncyBzZWNvbmRhcmllcw=="),
]
_APEX = from_text("k8s.example.com")
_MAC = bytes(32)


def feed(octets: bytes) -> None:
    """Read it, check its signature, and where it has one say what is wrong with it."""
    try:
        found = read(octets)
        for each in found.answers:
            if each.rdtype == Type.SOA:
                soa_serial(each.data)
        if found.tsig:
            mac_of(octets, found)
            refusal(message(found.id, QR, []), octets, found.tsig, Rcode.BADSIG)
        verify(octets, found, _KEYS, Chain(_MAC))
    except (MalformedMessage, TsigError):
        return
    raise AssertionError("a signature holds that nobody has made")


_PLAIN = message(
    7,
    QR | AA,
    [question(_APEX, Type.SOA)],
    [record(_APEX, Type.SOA, IN, 5, soa_data(_APEX, _APEX, 1, 5))],
)
_REQUEST = message(7, 0, [question(_APEX, Type.SOA)])
_SIGNED = [sign(_PLAIN, key, Chain(bytes(31))).wire for key in _KEYS]

TARGET = Target(
    [
        _PLAIN,
        *_SIGNED,
        refusal(_PLAIN, _SIGNED[0], read(_SIGNED[0]).tsig, Rcode.BADKEY),
        _SIGNED[0][:-1],
        _REQUEST[:HEADER_SIZE],
    ],
    feed,
)
