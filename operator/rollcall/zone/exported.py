"""A zone as it is exported to other servers: no RRset of more than 64 records, one difference a version.

BIND refuses a zone with an RRset of over 100 records as a whole, and musl reads 48 addresses of an answer.
Which 64 are published is a matter of the records alone (`cut`): a change of one member changes at most two
records, and every replica publishes the same ones. Records that are withheld where there are no weights (a
canary's, those of weight 0) are left out, unless nothing else is there.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from .changes import RRsetDelta, ZoneDelta
from .cut import as_told, chosen, rank

MAX_RECORDS = 64

RRsetKey: TypeAlias = tuple[bytes, int]
"""Owner and type."""


class ExportedRRset(NamedTuple):
    """The records of an RRset, in the order of their octets."""

    ttl: int
    records: tuple[bytes, ...]


class Difference(NamedTuple):
    """An RRset in two versions; None where it is not there."""

    key: RRsetKey
    before: ExportedRRset | None
    after: ExportedRRset | None


class Version(NamedTuple):
    """A step from one version to the next. `old_soa` and `soa` are record data; `old_soa` is b"" at first."""

    old_serial: int
    serial: int
    old_soa: bytes
    soa: bytes
    soa_ttl: int
    differences: tuple[Difference, ...]


class _Partial(NamedTuple):
    """All records of an RRset, and which of them are not for where there are no weights, are a canary's."""

    members: set[bytes]
    withheld: set[bytes]
    canary: frozenset[bytes]


class ExportedZone:
    """A zone that is fed with deltas, starting with one from nothing. `soa_ttl` is in seconds."""

    def __init__(self, apex: bytes) -> None:
        self.apex = apex
        self.serial = 0
        self.soa = b""
        self.soa_ttl = 0
        self._rrsets: dict[RRsetKey, ExportedRRset] = {}
        self._partial: dict[RRsetKey, _Partial] = {}  # the RRsets of which not all is published

    @property
    def rrsets(self) -> Mapping[RRsetKey, ExportedRRset]:
        """Every RRset but the SOA; a copy of it is a version that stays as it is."""
        return self._rrsets

    @property
    def record_count(self) -> int:
        """How many records there are, the SOA among them."""
        return 1 + sum(len(rrset.records) for rrset in self._rrsets.values())

    def advance(self, delta: ZoneDelta) -> Version:
        """Go to the next version; return the step."""
        old_serial, old_soa = self.serial, self.soa
        self.serial, self.soa, self.soa_ttl = delta.serial, delta.soa, delta.soa_ttl
        differences = []
        for change in delta.rrsets:
            key = (change.owner, change.rdtype)
            before = self._rrsets.get(key)
            after = self._after(key, before, change)
            if after == before:
                continue
            if after is None:
                del self._rrsets[key]
            else:
                self._rrsets[key] = after
            differences.append(Difference(key, before, after))
        return Version(old_serial, self.serial, old_soa, self.soa, self.soa_ttl, tuple(differences))

    def _after(self, key: RRsetKey, before: ExportedRRset | None, change: RRsetDelta) -> ExportedRRset | None:
        published = before.records if before else ()
        partial = self._partial.pop(key, None)
        members = set(published) if partial is None else partial.members
        members.difference_update(change.remove)
        members.update(data for data, _ in change.add)
        if not members:
            return None
        withheld = members.intersection(change.withheld)
        listed = members - withheld or members if withheld else members
        now = _Partial(members, withheld, frozenset(change.canary))
        if len(listed) <= MAX_RECORDS:
            if len(listed) < len(members):
                self._partial[key] = now
            return ExportedRRset(change.ttl, tuple(sorted(listed)))
        self._partial[key] = now
        is_other = partial is None or partial.withheld != withheld or partial.canary != now.canary
        if is_other or now.canary or _is_concerned(published, listed, change):
            kept = dict.fromkeys(chosen(change.rdtype, listed, MAX_RECORDS, now.canary), 0)
            published = tuple(sorted(as_told(change.rdtype, kept, listed, now.canary)))
        return ExportedRRset(change.ttl, published)


def _is_concerned(published: tuple[bytes, ...], members: set[bytes], change: RRsetDelta) -> bool:
    """Whether a change of a set that is cut changes what is published of it."""
    if any(data not in members for data in published):
        return True
    last = max(rank(change.rdtype, data) for data in published)
    return any(rank(change.rdtype, data) < last and data not in published for data, _ in change.add)
