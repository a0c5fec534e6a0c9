"""Connecting: which of our keys the server takes, and which of its zones holds the domain."""

from rollcall.dnswire.errors import TsigError, TsigFault
from rollcall.dnswire.header import AA
from rollcall.dnswire.names import is_at_or_below, suffixes
from rollcall.dnswire.types import Type
from rollcall.model import KeyRing, TsigKey

from . import reasons
from .session import Session, UpdateServer


async def connect(server: UpdateServer, ring: KeyRing, domain: bytes) -> tuple[Session, bytes]:
    """Connect and look who is there; return the connection and the name of the zone.

    The current key is tried first, then the previous one: a server may not know the new one yet.

    Raises:
        TargetError: there is no connection, no key that is taken, or no such zone.
    """
    first: reasons.TargetError | None = None
    for key in ring.keys:
        session = await Session.open(server, key)
        try:
            return session, await _zone_of(session, domain)
        except TsigError as error:
            await session.close()
            if error.fault is TsigFault.UNSIGNED:
                await _check_for_zone(server, key, domain)
            first = first or reasons.signature_fault(str(server), key.name, error)
        except BaseException:
            await session.close()
            raise
    assert first is not None
    raise first


async def _check_for_zone(server: UpdateServer, key: TsigKey, domain: bytes) -> None:
    """Raise TargetError if the server has no zone for the domain: Knot doesn't sign that it hasn't."""
    session = await Session.open(server, key)
    try:
        await _zone_of(session, domain, is_signed=False)
    finally:
        await session.close()


async def _zone_of(session: Session, domain: bytes, *, is_signed: bool = True) -> bytes:
    """Return the zone that holds a domain, as the server says; found as nsupdate finds it.

    Where a CNAME or a DNAME is in the way, perhaps of a wildcard, the name above is asked for.
    """
    for name in suffixes(domain):
        [answer] = await session.ask([(name, Type.SOA)], is_signed=is_signed)
        for record in (*answer.answers, *answer.authorities):
            if record.rdtype == Type.SOA and is_at_or_below(domain, record.owner) and answer.flags & AA:
                return record.owner
        if not answer.answers:
            for record in answer.authorities:
                if record.rdtype == Type.NS and is_at_or_below(name, record.owner) and record.owner != b"\0":
                    raise reasons.delegated(str(session.server), domain, record.owner)
        if not any(record.rdtype in (Type.CNAME, Type.DNAME) for record in answer.answers):
            break
    raise reasons.no_zone(str(session.server), domain)
