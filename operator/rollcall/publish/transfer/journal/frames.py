"""What is in a journal's file: versions of the past, a content, versions that came after it.

Each version is a value that says what it changed, in both directions: those before the content are undone
from it, those after it are redone. So a file is made smaller by copying values, and a version costs what it
changes.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from rollcall.disk.errors import Unusable
from rollcall.disk.frames import FileKind, FrameReader, Tail
from rollcall.zone.exported import Difference, ExportedRRset, RRsetKey

from .journal import Head, Journal, JournalEntry, net

_RRSETS_A_FRAME = 2048


class Begin(msgspec.Struct, frozen=True, array_like=True, tag="begin"):
    """The first value; `past` VersionDifferences follow, and then the content."""

    apex: bytes
    past: int


class RRsetDifference(msgspec.Struct, frozen=True, array_like=True):
    """What a version does to an RRset. A ttl of -1 says that it isn't there."""

    owner: bytes
    rdtype: int
    old_ttl: int
    ttl: int
    removed: tuple[bytes, ...]
    added: tuple[bytes, ...]


class VersionDifference(msgspec.Struct, frozen=True, array_like=True, tag="change"):
    """A version, and how it differs from the previous one."""

    old: Head
    new: Head
    sets: tuple[RRsetDifference, ...]


class ContentPart(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    """A part of the content: owner, type, ttl, records."""

    rrsets: tuple[tuple[bytes, int, int, tuple[bytes, ...]], ...]


class End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    """The end of the content: which version it is of."""

    head: Head
    ambiguous_until: int | None


Frame = Begin | VersionDifference | ContentPart | End

JOURNAL = FileKind[Frame]("journal", 1, Frame)


def difference_frame(old: Head, new: Head, differences: Iterable[Difference]) -> VersionDifference:
    """Return the frame of a version."""
    sets = []
    for (owner, rdtype), before, after in differences:
        removed, added = net(before, after)
        old_ttl, ttl = before.ttl if before else -1, after.ttl if after else -1
        sets.append(RRsetDifference(owner, rdtype, old_ttl, ttl, removed, added))
    return VersionDifference(old, new, tuple(sets))


def content_frames(
    head: Head, rrsets: Mapping[RRsetKey, ExportedRRset], ambiguous_until: int | None
) -> Iterator[Frame]:
    """Yield a content, in pieces so that a thread that does it lets others run."""
    items = list(rrsets.items())
    for start in range(0, len(items), _RRSETS_A_FRAME):
        piece = items[start : start + _RRSETS_A_FRAME]
        yield ContentPart(tuple((*key, rrset.ttl, rrset.records) for key, rrset in piece))
    yield End(head, ambiguous_until)


def restore(reader: FrameReader[Frame], journal: Journal) -> tuple[bytes, Tail]:
    """Fill a journal from a file; return the zone's apex, and where the file can be gone on with.

    Raises:
        Unusable: there is no whole content in it.
    """
    values = reader.values()
    first = next(values, None)
    if not isinstance(first, Begin):
        raise Unusable("doesn't begin as a journal does")
    tail = reader.tail
    past: list[VersionDifference] = []
    rrsets: dict[RRsetKey, ExportedRRset] = {}
    end: End | None = None
    for value in values:
        if end is not None:
            if not isinstance(value, VersionDifference) or value.old != journal.head:
                break
            journal.append(value.new, _redo(value, rrsets))
        elif isinstance(value, VersionDifference):
            past.append(value)
        elif isinstance(value, ContentPart):
            rrsets.update(
                ((owner, rdtype), ExportedRRset(ttl, records)) for owner, rdtype, ttl, records in value.rrsets
            )
        elif isinstance(value, End):
            end = value
            journal.begin(end.head, rrsets, _undo(past, end.head, rrsets), end.ambiguous_until)
        tail = reader.tail
    if end is None:
        raise Unusable("is cut off or damaged in its content")
    return first.apex, tail


def _redo(frame: VersionDifference, rrsets: dict[RRsetKey, ExportedRRset]) -> list[Difference]:
    """Go on to the version after a content; return what that changes."""
    result = []
    for each in frame.sets:
        key = each.owner, each.rdtype
        before = rrsets.get(key)
        result.append(Difference(key, before, _patch(rrsets, key, each.removed, each.added, each.ttl)))
    return result


def _undo(
    past: list[VersionDifference], head: Head, rrsets: Mapping[RRsetKey, ExportedRRset]
) -> list[JournalEntry]:
    """Go back through the versions before a content, the newest first, to know what they were."""
    rrsets = dict(rrsets)
    entries = []
    for frame in reversed(past):
        if frame.new != head:
            break  # something is missing in between
        head = frame.old
        previous = []
        count = 1
        for each in frame.sets:
            key = each.owner, each.rdtype
            previous.append((key, _patch(rrsets, key, each.added, each.removed, each.old_ttl)))
            count += len(each.removed) + len(each.added)
        entries.append(JournalEntry(head, tuple(previous), count))
    return entries[::-1]


def _patch(
    rrsets: dict[RRsetKey, ExportedRRset],
    key: RRsetKey,
    remove: tuple[bytes, ...],
    add: tuple[bytes, ...],
    ttl: int,
) -> ExportedRRset | None:
    """Change an RRset; return what it is then."""
    before = rrsets.pop(key, None)
    if ttl < 0:
        return None
    records = set(before.records if before else ()).difference(remove).union(add)
    after = rrsets[key] = ExportedRRset(ttl, tuple(sorted(records)))
    return after
