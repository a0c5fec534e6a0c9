"""The records of one zone: a multiset, changed record by record, committed as one version.

A record can have several contributors (two services that select one pod share its PTR owner, two pods of a
host network share an address), so that each is counted and its weights are summed. The digest is a sum of the
records' hashes: it follows each change at the cost of the change, in whatever order changes came.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from rollcall.dnswire.names import suffixes

from .changes import MAX_ANSWER, RRsetDelta, ZoneDelta
from .exported import MAX_RECORDS
from .soa import soa_data

MAX_WEIGHT = (1 << 32) - 1
"""Of a record: the weights of several instances of up to 65,535 each can add up in one."""


class Record(NamedTuple):
    """One contribution to a zone. Only what is `listed` is published where records carry no weights.

    `canary`: it is on the canary's side of a release.
    """

    owner: bytes
    rdtype: int
    data: bytes
    weight: int
    listed: bool = True
    canary: bool = False


class Member(NamedTuple):
    """A record of an RRset: how many contribute it, their weight, how many list it, how many are canaries."""

    contributors: int
    weight: int
    listed: int
    canaries: int

    @property
    def state(self) -> "_State":
        """What consumers see."""
        return _State(min(self.weight, MAX_WEIGHT), self.listed > 0, self.canaries > 0)


class _State(NamedTuple):
    weight: int
    is_listed: bool
    is_canary: bool


_NOBODY = Member(0, 0, 0, 0)


class RRset:
    """The records of one owner and type, by their data; `unlisted` of them are listed by nobody.

    `canaries` are how many are on the canary's side of a release.
    """

    __slots__ = ("canaries", "count", "members", "ttl", "unlisted")

    def __init__(self, ttl: int, count: int) -> None:
        self.ttl = ttl
        self.count = count
        self.members: dict[bytes, Member] = {}
        self.unlisted = 0
        self.canaries = 0

    def weights(self) -> dict[bytes, int]:
        """Return the weight of each record."""
        return {data: member.state[0] for data, member in self.members.items()}

    def withheld(self) -> tuple[bytes, ...]:
        """Return the records that nobody lists."""
        if not self.unlisted:
            return ()
        return tuple(data for data, member in self.members.items() if not member.listed)

    def canary(self) -> tuple[bytes, ...]:
        """Return the records on the canary's side, none where nobody cuts the set: the sides are for cuts."""
        uncut = min(MAX_ANSWER, -self.count) if self.count < 0 else MAX_ANSWER
        if not self.canaries or len(self.members) <= uncut:
            return ()
        return tuple(data for data, member in self.members.items() if member.canaries)

    def put(self, data: bytes, member: Member | None) -> None:
        """Put the new state of a record, or take it out."""
        before = self.members.get(data)
        if before is not None:
            self.unlisted -= not before.listed
            self.canaries -= before.canaries > 0
        if member is None:
            del self.members[data]
            return
        self.members[data] = member
        self.unlisted += not member.listed
        self.canaries += member.canaries > 0


class _Before:
    """An RRset as the last commit left it, as far as it was touched since."""

    __slots__ = ("count", "members", "ttl")

    def __init__(self, rrset: RRset | None) -> None:
        self.ttl = rrset.ttl if rrset else -1
        self.count = rrset.count if rrset else -1
        self.members: dict[bytes, _State | None] = {}  # data: its state, None: it wasn't there


class CutSets:
    """RRsets of which less is told than they hold: how many records of how many, by owner and type."""

    def __init__(self) -> None:
        self.sets: dict[tuple[bytes, int], tuple[int, int]] = {}
        self._below: defaultdict[bytes, set[tuple[bytes, int]]] = defaultdict(set)

    def note(self, key: tuple[bytes, int], most: int, size: int) -> None:
        """Note that at most so many of a set's records are told, 0 for all, and how many there are."""
        if 0 < most < size:
            self.sets[key] = most, size
            for above in suffixes(key[0]):
                self._below[above].add(key)
        elif self.sets.pop(key, None) is not None:
            for above in suffixes(key[0]):
                self._below[above].discard(key)
                if not self._below[above]:
                    del self._below[above]

    def below(self, name: bytes) -> dict[bytes, tuple[int, int]]:
        """Return those at or below a name, by their owner."""
        return {key[0]: self.sets[key] for key in self._below.get(name, ())}


class ZoneContent:
    """One DNS zone: apex, records, serial, digest."""

    def __init__(self, apex: bytes) -> None:
        self.apex = apex
        self.serial = 0
        self.digest = 0
        self.record_count = 0
        self.rrsets: dict[tuple[bytes, int], RRset] = {}
        self.negative_ttls: dict[bytes, int] = {}
        self.known: set[bytes] = set()
        self.cut = CutSets()
        """RRsets to be answered whole that are too large for it."""
        self.cut_elsewhere = CutSets()
        """RRsets that are too large for other servers."""
        self._rrsets_at: dict[bytes, int] = {}
        self._soa = (apex, apex, 0)
        self._head_changed = True
        self._dirty: dict[tuple[bytes, int], _Before] = {}
        self._dirty_ttls: dict[bytes, int] = {}
        self._dirty_known: dict[bytes, bool] = {}

    @property
    def name_count(self) -> int:
        """How many names own records."""
        return len(self._rrsets_at)

    def set_soa(self, mname: bytes, rname: bytes, negative_ttl_seconds: int) -> None:
        """Set the fields of the SOA that don't move with each version."""
        soa = (mname, rname, negative_ttl_seconds)
        if soa != self._soa:
            self._soa = soa
            self._head_changed = True

    def set_negative_ttl(self, owner: bytes, seconds: int | None) -> None:
        """Set the negative ttl at and below an owner; None takes it back."""
        if seconds is None:
            self.negative_ttls.pop(owner, None)
        else:
            self.negative_ttls[owner] = seconds
        self._dirty_ttls[owner] = -1 if seconds is None else seconds

    def set_known(self, owner: bytes, *, is_known: bool) -> None:
        """Let a name exist whether or not it has records; or no longer."""
        if is_known:
            self.known.add(owner)
        else:
            self.known.discard(owner)
        self._dirty_known[owner] = is_known

    def add(self, record: Record, ttl: int, count: int) -> None:
        """Add a contribution. `ttl` and `count` hold for the whole RRset: the last one given wins."""
        rrset = self._touch(record)
        if rrset is None:
            rrset = self.rrsets[record.owner, record.rdtype] = RRset(ttl, count)
            self._rrsets_at[record.owner] = self._rrsets_at.get(record.owner, 0) + 1
        rrset.ttl, rrset.count = ttl, count
        contributors, weight, listed, canaries = rrset.members.get(record.data, _NOBODY)
        now = Member(
            contributors + 1, weight + record.weight, listed + record.listed, canaries + record.canary
        )
        rrset.put(record.data, now)

    def remove(self, record: Record) -> None:
        """Remove a contribution that was added."""
        rrset = self._touch(record)
        assert rrset is not None, "a contribution is removed once, after it was added"
        contributors, weight, listed, canaries = rrset.members[record.data]
        if contributors > 1:
            left = Member(
                contributors - 1, weight - record.weight, listed - record.listed, canaries - record.canary
            )
            rrset.put(record.data, left)
            return
        rrset.put(record.data, None)
        if not rrset.members:
            del self.rrsets[record.owner, record.rdtype]
            self._rrsets_at[record.owner] -= 1
            if not self._rrsets_at[record.owner]:
                del self._rrsets_at[record.owner]

    def _touch(self, record: Record) -> RRset | None:
        """Remember what a record was before this version, and return its RRset."""
        key = record.owner, record.rdtype
        rrset = self.rrsets.get(key)
        before = self._dirty.get(key)
        if before is None:
            before = self._dirty[key] = _Before(rrset)
        if record.data not in before.members:
            member = rrset.members.get(record.data) if rrset else None
            before.members[record.data] = None if member is None else member.state
        return rrset

    def go_on_from(self, serial: int) -> None:
        """Continue after a serial: the next commit closes a version even where no record changed."""
        self.serial = serial
        self._head_changed = True

    def commit(self, serial: int) -> ZoneDelta | None:
        """Close a version under a new serial; return what changed, or None (and keep the serial)."""
        rrsets = tuple(
            delta for key, before in self._dirty.items() if (delta := self._delta(key, before)) is not None
        )
        negative_ttls = tuple(self._dirty_ttls.items())
        self._dirty.clear()
        self._dirty_ttls.clear()
        names = tuple(self._dirty_known.items())
        self._dirty_known.clear()
        if not rrsets and not negative_ttls and not names and not self._head_changed:
            return None
        self._head_changed = False
        self.serial = serial
        return ZoneDelta(self.apex, serial, self.soa_data(), self._soa[2], rrsets, negative_ttls, names=names)

    def _delta(self, key: tuple[bytes, int], before: _Before) -> RRsetDelta | None:
        owner, rdtype = key
        rrset = self.rrsets.get(key)
        now = rrset.members if rrset else {}
        remove = tuple(d for d, state in before.members.items() if state is not None and d not in now)
        changed = [(d, now[d].state) for d, was in before.members.items() if d in now and now[d].state != was]
        add = tuple((d, state.weight) for d, state in changed)
        self._account(key, before, rrset)
        self._note_cut(key, rrset)
        if rrset is None:
            return RRsetDelta(owner, rdtype, 0, 0, remove) if remove else None
        if not remove and not add and (rrset.ttl, rrset.count) == (before.ttl, before.count):
            return None
        return RRsetDelta(
            owner, rdtype, rrset.ttl, rrset.count, remove, add, rrset.withheld(), rrset.canary()
        )

    def _account(self, key: tuple[bytes, int], before: _Before, rrset: RRset | None) -> None:
        """Bring the digest and the number of records up to this version."""
        members = rrset.members if rrset else {}
        was = {(data, state.is_listed) for data, state in before.members.items() if state is not None}
        now = {(data, members[data].listed > 0) for data in before.members.keys() & members.keys()}
        if rrset and before.ttl not in (-1, rrset.ttl):  # a new ttl makes every record of the set another
            untouched = {(d, m.listed > 0) for d, m in members.items() if d not in before.members}
            gone, come = was | untouched, now | untouched
        else:
            gone, come = was - now, now - was
        for data, listed in gone:
            self.digest -= _hash(key, before.ttl, data, listed)
        for data, listed in come:
            self.digest += _hash(key, rrset.ttl if rrset else 0, data, listed)
        self.digest %= 1 << 128
        self.record_count += len(come) - len(gone)

    def _note_cut(self, key: tuple[bytes, int], rrset: RRset | None) -> None:
        """Note whether an RRset is larger than what is answered of it, and than what other servers get."""
        most = -rrset.count if rrset else 0
        size = len(rrset.members) if rrset else 0
        if rrset and 0 < most < size:  # what has weight 0 isn't answered anyhow, unless nothing else is there
            size = sum(member.weight > 0 for member in rrset.members.values()) or size
        self.cut.note(key, most, size)
        listed = len(rrset.members) - rrset.unlisted or len(rrset.members) if rrset else 0
        self.cut_elsewhere.note(key, MAX_RECORDS, listed)

    def soa_data(self) -> bytes:
        """Return the record data of the SOA of this version."""
        mname, rname, negative_ttl_seconds = self._soa
        return soa_data(mname, rname, self.serial, negative_ttl_seconds)

    def full_delta(self) -> ZoneDelta:
        """Return this version as a delta from nothing."""
        rrsets = tuple(
            RRsetDelta(
                owner,
                rdtype,
                rrset.ttl,
                rrset.count,
                (),
                tuple(rrset.weights().items()),
                rrset.withheld(),
                rrset.canary(),
            )
            for (owner, rdtype), rrset in self.rrsets.items()
        )
        negative_ttls = tuple(self.negative_ttls.items())
        names = tuple((owner, True) for owner in self.known)
        return ZoneDelta(
            self.apex, self.serial, self.soa_data(), self._soa[2], rrsets, negative_ttls, names=names
        )


def digest_of(records: Iterable[tuple[tuple[bytes, int], int, bytes, bool]]) -> int:
    """Return the digest of ((owner, type), ttl, data, listed) records: what ZoneContent.digest must be."""
    return sum(_hash(*record) for record in records) % (1 << 128)


def _hash(key: tuple[bytes, int], ttl: int, data: bytes, listed: bool) -> int:
    owner, rdtype = key
    text = b"%s%d %d %s" % (owner, rdtype, ttl if listed else -1 - ttl, data)
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")
