"""Versions of a zone at a server, one by one, as an incremental transfer has them (RFC 1995 section 4)."""

from collections.abc import Iterator
from typing import NamedTuple

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import dns.xfr
import dns.zone

from nameservers import tsig_key

TIMEOUT_SECONDS = 20.0

Record = tuple[str, str, str]
"""Owner, absolute, type and data, as text."""


class Version(NamedTuple):
    """A version: what it took away and what it brought, against the previous one."""

    serial: int
    removed: frozenset[Record]
    added: frozenset[Record]


def versions(where: tuple[str, int], domain: str, since: int) -> list[Version]:
    """Return the versions that came after a serial, oldest first, as far as the server tells them apart.

    A server may condense them (RFC 1995 section 5): Rollcall sends one difference, BIND what its journal has.
    It asks over TCP, with the key of the pages. What is asked for has to fit into one message.
    """
    query, _ = dns.xfr.make_query(dns.zone.Zone(dns.name.from_text(domain)), serial=since)
    query.use_tsig(tsig_key())
    answer = dns.query.tcp(query, where[0], TIMEOUT_SECONDS, where[1], one_rr_per_rrset=True)
    newest, *rest = answer.answer
    if not rest:
        return []  # nothing has changed: the SOA alone
    assert rest[-1] == newest, "the answer doesn't end with the SOA that it began with: there is more of it"
    assert rest[0].rdtype == dns.rdatatype.SOA, "it is the whole zone, without its versions"
    return list(_parts(rest[:-1]))


def _parts(records: list[dns.rrset.RRset]) -> Iterator[Version]:
    """Read pairs of what is removed and what is added, each behind the SOA of its version."""
    heads = [at for at, rrset in enumerate(records) if rrset.rdtype == dns.rdatatype.SOA]
    ends = [*heads[1:], len(records)]
    runs = [records[at:end] for at, end in zip(heads, ends, strict=True)]
    for old, new in zip(runs[::2], runs[1::2], strict=True):
        yield Version(new[0][0].serial, frozenset(map(_record, old[1:])), frozenset(map(_record, new[1:])))


def _record(rrset: dns.rrset.RRset) -> Record:
    return str(rrset.name), dns.rdatatype.to_text(rrset.rdtype), rrset[0].to_text()


def replayed(found: list[Version], name: str, rdtype: str, before: set[str]) -> Iterator[set[str]]:
    """Yield the data of an RRset at each version; `before` is what it was before the first of them."""
    owner, now = f"{name.rstrip('.')}.", set(before)
    for version in found:
        now -= {data for at, kind, data in version.removed if (at, kind) == (owner, rdtype)}
        now |= {data for at, kind, data in version.added if (at, kind) == (owner, rdtype)}
        yield set(now)
