"""The format of a journal's file: versions of the past, a content, versions that came after it.

A frame is a length, a checksum and a msgpack array. Each version is a frame that says what it changed, in
both directions: those before the content are undone from it, those after it are redone. So a file is
made smaller by copying frames, and a version costs what it changes.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from rollcall.zone.exported import Difference, ExportedRRset, RRsetKey

from .journal import Head, Journal, JournalEntry, net

FORMAT = 1

_RRSETS_A_FRAME = 2048
_PREFIX = 8


class Unusable(Exception):
    """A file that holds no journal, or none that can be trusted. The message says why."""


class Begin(msgspec.Struct, frozen=True, array_like=True, tag="begin"):
    """The first frame; `past` VersionDifferences follow, and then the content."""

    format: int
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


class Part(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    """A part of the content: owner, type, ttl, records."""

    rrsets: tuple[tuple[bytes, int, int, tuple[bytes, ...]], ...]


class End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    """The end of the content: which version it is of."""

    head: Head
    ambiguous_until: int | None


Frame = Begin | VersionDifference | Part | End

_DECODER: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """Write a frame."""
    body = msgspec.msgpack.encode(frame)
    return len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body


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
) -> Iterator[bytes]:
    """Write a content, in pieces so that a thread that does it lets others run."""
    items = list(rrsets.items())
    for start in range(0, len(items), _RRSETS_A_FRAME):
        piece = items[start : start + _RRSETS_A_FRAME]
        yield encode(Part(tuple((*key, rrset.ttl, rrset.records) for key, rrset in piece)))
    yield encode(End(head, ambiguous_until))


def split(data: bytes) -> Iterator[tuple[Frame, bytes]]:
    """Give the frames of a file and their octets, up to the first that is cut off or damaged."""
    at = 0
    while at + _PREFIX <= len(data):
        end = at + _PREFIX + int.from_bytes(data[at : at + 4], "big")
        body = data[at + _PREFIX : end]
        if end > len(data) or zlib.crc32(body).to_bytes(4, "big") != data[at + 4 : at + _PREFIX]:
            return
        try:
            frame = _DECODER.decode(body)
        except msgspec.MsgspecError:
            return
        yield frame, data[at:end]
        at = end


def restore(data: bytes, journal: Journal) -> tuple[bytes, int]:
    """Fill a journal from a file; return the zone's apex, and how many octets of the file are good.

    Raises:
        Unusable: there is no whole content in it.
    """
    frames = split(data)
    first, octets = next(frames, (None, b""))
    if not isinstance(first, Begin) or first.format != FORMAT:
        raise Unusable("it doesn't begin as a journal does")
    good = len(octets)
    past: list[VersionDifference] = []
    rrsets: dict[RRsetKey, ExportedRRset] = {}
    end: End | None = None
    for frame, octets in frames:
        if end is not None:
            if not isinstance(frame, VersionDifference) or frame.old != journal.head:
                break
            journal.append(frame.new, _redo(frame, rrsets))
        elif isinstance(frame, VersionDifference):
            past.append(frame)
        elif isinstance(frame, Part):
            rrsets.update(
                ((owner, rdtype), ExportedRRset(ttl, records)) for owner, rdtype, ttl, records in frame.rrsets
            )
        elif isinstance(frame, End):
            end = frame
            journal.begin(end.head, rrsets, _undo(past, end.head, rrsets), end.ambiguous_until)
        good += len(octets)
    if end is None:
        raise Unusable("its content is cut off or damaged")
    return first.apex, good


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
