"""Signing messages and checking signatures (RFC 8945), with dnspython's implementation of it."""

import struct
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

from rollcall.model import TsigKey

from .errors import MalformedMessage, TsigError, TsigFault
from .header import HEADER_SIZE, Rcode
from .message import Message, record
from .types import CLASS_ANY, Type

FUDGE_SECONDS = 300


class Chain(NamedTuple):
    """What the signature of the next message of a conversation depends on.

    Begin with `Chain(mac_of_the_request)`, or FIRST for a request; each message of a transfer gives the
    chain of the next one (RFC 8945 section 5.3.1).
    """

    request_mac: bytes = b""
    context: Any = None


FIRST = Chain()


class Signed(NamedTuple):
    """A signed message, its MAC, and the chain of the message after it."""

    wire: bytes
    mac: bytes
    chain: Chain


class Verified(NamedTuple):
    """The key that a message was signed with, its MAC, and the chain of the message after it."""

    key: TsigKey
    mac: bytes
    chain: Chain


def sign(wire: bytes, key: TsigKey, chain: Chain = FIRST, *, multi: bool = False) -> Signed:
    """Sign a message; `multi` says that it is one of several of a transfer."""
    ident = int.from_bytes(wire[:2], "big")
    empty = _rdata(key, ident, 0, b"")
    signature, context = dns.tsig.sign(  # type: ignore[no-untyped-call]  # dnspython has no types here
        wire, _key(key), empty, int(time.time()), chain.request_mac, chain.context, multi
    )
    return Signed(_append(wire, key.name, signature), signature.mac, Chain(chain.request_mac, context))


def refusal(wire: bytes, request: bytes, request_tsig: int, error: int) -> bytes:
    """Add the unsigned TSIG record that says why a request's signature is not accepted (section 5.3.2).

    `error` is BADSIG or BADKEY.
    """
    owner, rdata = _read_tsig(request, request_tsig)
    answer = rdata.replace(mac=b"", error=error, other=b"", original_id=int.from_bytes(wire[:2], "big"))
    assert isinstance(answer, TSIG)
    return _append(wire, owner, answer)


def refusal_of_time(wire: bytes, request: bytes, request_tsig: int, key: TsigKey) -> bytes:
    """Sign an answer that says that the request's time is not accepted, and what time it is here.

    The signature is over the time of the request, so that its sender can check it (section 5.2.3).
    """
    _, rdata = _read_tsig(request, request_tsig)
    now = int(time.time()).to_bytes(6, "big")
    empty = _rdata(key, int.from_bytes(wire[:2], "big"), Rcode.BADTIME, b"").replace(other=now)
    signature, _ = dns.tsig.sign(  # type: ignore[no-untyped-call]  # as above
        wire, _key(key), empty, rdata.time_signed, rdata.mac
    )
    return _append(wire, key.name, signature)


def verify(
    wire: bytes, message: Message, keys: Iterable[TsigKey], chain: Chain = FIRST, *, multi: bool = False
) -> Verified:
    """Check the signature of a message that `read` has read.

    Raises:
        TsigError: it is not valid, the other side says that ours is not, or there is none.
        MalformedMessage: the TSIG record cannot be read.
    """
    if not message.tsig:
        raise TsigError(TsigFault.UNSIGNED)
    owner, rdata = _read_tsig(wire, message.tsig)
    known = [key for key in keys if _name(key.name) == owner and _algorithm(key) == rdata.algorithm]
    offset = rdata.time_signed - int(time.time())
    if not known:
        if rdata.error:  # an error that is not signed names the key that it is about, if any
            raise _peer_error(rdata)
        raise TsigError(TsigFault.BAD_KEY)
    key = known[0]
    try:
        context = dns.tsig.validate(  # type: ignore[no-untyped-call]  # as above
            wire,
            _key(key),
            owner,
            rdata,
            int(time.time()),
            chain.request_mac,
            message.tsig,
            chain.context,
            multi,
        )
    except dns.tsig.BadTime:
        raise TsigError(TsigFault.BAD_TIME, offset_seconds=offset) from None
    except dns.tsig.PeerError:
        raise _peer_error(rdata) from None
    except dns.exception.DNSException:
        raise TsigError(TsigFault.BAD_SIGNATURE) from None
    return Verified(key, rdata.mac, Chain(chain.request_mac, context))


def skip(wire: bytes, chain: Chain) -> Chain:
    """Add an unsigned message in the middle of a transfer to the chain; the next signature covers it."""
    if chain.context is None:
        raise TsigError(TsigFault.UNSIGNED)
    chain.context.update(wire)
    return chain


def mac_of(wire: bytes, message: Message) -> bytes:
    """Return the MAC of a signed message, b"" of an unsigned one.

    Raises:
        MalformedMessage: the TSIG record cannot be read.
    """
    return bytes(_read_tsig(wire, message.tsig)[1].mac) if message.tsig else b""


def _peer_error(rdata: TSIG) -> TsigError:
    fault = {
        Rcode.BADKEY: TsigFault.BAD_KEY,
        Rcode.BADTIME: TsigFault.BAD_TIME,
    }.get(rdata.error, TsigFault.BAD_SIGNATURE)
    offset = None
    if fault is TsigFault.BAD_TIME and len(rdata.other) == 6:  # section 5.2.3: the time of the other side
        offset = int.from_bytes(rdata.other, "big") - int(time.time())
    return TsigError(fault, by_peer=True, offset_seconds=offset)


def _read_tsig(wire: bytes, start: int) -> tuple[dns.name.Name, TSIG]:
    try:
        owner, used = dns.name.from_wire(wire, start)
        at = start + used
        length = int.from_bytes(wire[at + 8 : at + 10], "big")
        rdata = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, wire, at + 10, length)
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        raise MalformedMessage(f"the TSIG record is malformed: {error}") from None
    assert isinstance(rdata, TSIG)
    return owner, rdata


def _append(wire: bytes, owner: str | dns.name.Name, rdata: TSIG) -> bytes:
    name = (_name(owner) if isinstance(owner, str) else owner).to_wire() or b"\0"
    data = rdata.to_wire() or b""
    count = int.from_bytes(wire[10:HEADER_SIZE], "big") + 1
    return b"".join(
        (
            wire[:10],
            count.to_bytes(2, "big"),
            wire[HEADER_SIZE:],
            record(name, Type.TSIG, CLASS_ANY, 0, data),
        )
    )


def _rdata(key: TsigKey, ident: int, error: int, mac: bytes) -> TSIG:
    return TSIG(  # type: ignore[no-untyped-call]  # as above
        dns.rdataclass.ANY,
        dns.rdatatype.TSIG,
        _algorithm(key),
        0,
        FUDGE_SECONDS,
        mac,
        ident,
        error,
        b"",
    )


def _key(key: TsigKey) -> dns.tsig.Key:
    return dns.tsig.Key(_name(key.name), key.secret, _algorithm(key))


def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text)


def _algorithm(key: TsigKey) -> dns.name.Name:
    return dns.name.from_text(key.algorithm)
