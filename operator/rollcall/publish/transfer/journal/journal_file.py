"""The file of one journal: what waits to be written to it, and the writing, which is done in a thread.

A version is appended as one frame. When what was appended outgrows the rest, or when the journal begins anew,
the file is written anew beside the old one and takes its place. Nothing waits for the disk: a crash may cost
the end of the file, or all of it, and neither does harm (`archive`), so that unlike other state of ours the
file is replaced without fsync.
"""

import errno
import os
import time
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rollcall.disk.atomic_file import replacing
from rollcall.disk.errors import Unusable
from rollcall.disk.frames import Beginning, FrameReader, Frames, Tail, open_regular
from rollcall.model.owner import Owner
from rollcall.zone.exported import Difference, ExportedRRset, RRsetKey

from . import frames
from .journal import Head, Journal

RETRY_SECONDS = 30.0
"""After a write failed: a full disk, most often."""

MIN_TAIL = 1 << 20
"""Octets. A file is rewritten when what was appended is more than this, and more than the rest."""

NO_FILE = Tail()

JournalVersion: TypeAlias = tuple[Head, Head, tuple[Difference, ...]]


class Rewrite(NamedTuple):
    """A journal to be written anew; the last `past` versions of the old file and of `FileWork` stay."""

    head: Head
    rrsets: dict[RRsetKey, ExportedRRset]
    ambiguous_until: int | None
    past: int


class FileWork(NamedTuple):
    """What is to be written: versions to append at `tail`, unless all is to be written anew."""

    path: Path
    owner: Owner
    apex: bytes
    tail: Tail
    versions: list[JournalVersion]
    rewrite: Rewrite | None
    beginning: int


class JournalFile:
    """Keeps a journal on disk; nothing here blocks. `tail` is where its file ends, where one is of use."""

    def __init__(self, apex: bytes, path: Path, owner: Owner, journal: Journal, tail: Tail = NO_FILE) -> None:
        self.apex = apex
        self.path = path
        self._owner = owner
        self._journal = journal
        self._versions: list[JournalVersion] = []
        self._last = journal.head
        self._has_file = tail.size > 0
        self._tail = tail
        self._whole_size = tail.size
        self._beginning = 0  # counts how often the journal began anew
        self._retry_at = 0.0

    def on_appended(self, head: Head, differences: tuple[Difference, ...]) -> None:
        """Queue a further version of the journal."""
        assert self._last is not None
        if self._has_file:
            self._versions.append((self._last, head, differences))
        self._last = head

    def on_begun(self) -> None:
        """Have the file written anew: the journal has begun anew."""
        self._last = self._journal.head
        self._versions.clear()
        self._has_file = False
        self._beginning += 1

    def take_work(self) -> FileWork | None:
        """Take what is to be written, None where there is nothing, or where writing has just failed."""
        journal = self._journal
        if journal.head is None or time.monotonic() < self._retry_at:
            return None
        if self._has_file and not self._versions:
            return None
        rewrite = None
        if not self._has_file or self._tail.size - self._whole_size > max(MIN_TAIL, self._whole_size):
            past = journal.entry_count if self._has_file else 0
            rewrite = Rewrite(journal.head, dict(journal.rrsets), journal.ambiguous_until, past)
            self._has_file = True  # what comes while it is being written is appended to it
        versions, self._versions = self._versions, []
        return FileWork(self.path, self._owner, self.apex, self._tail, versions, rewrite, self._beginning)

    def on_written(self, work: FileWork, tail: Tail) -> None:
        """Note where the file now ends."""
        if work.beginning != self._beginning:
            return
        self._tail = tail
        if work.rewrite is not None:
            self._whole_size = tail.size

    def on_failed(self) -> None:
        """Have the file written anew some time later: a write failed, and what is there is of no use."""
        self._has_file = False
        self._versions.clear()
        self._retry_at = time.monotonic() + RETRY_SECONDS


def write(work: FileWork) -> Tail:
    """Do the work, in a thread; return where the file then ends.

    Raises:
        OSError: the disk refuses, or the file is not as it was left.
    """
    new = [frames.difference_frame(*version) for version in work.versions]
    return _append(work, new) if work.rewrite is None else _rewrite(work, work.rewrite, new)


def _append(work: FileWork, new: list[frames.VersionDifference]) -> Tail:
    tail = Frames(work.tail)
    octets = b"".join(tail.frame(frames.JOURNAL.encode(value)) for value in new)
    descriptor = os.open(work.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "ab") as file:
        if os.fstat(descriptor).st_size != work.tail.size:
            raise OSError(errno.EIO, "somebody else has changed it", str(work.path))
        file.write(octets)
    return tail.tail


def _rewrite(work: FileWork, rewrite: Rewrite, new: list[frames.VersionDifference]) -> Tail:
    past = [*_versions(work), *new][-rewrite.past :] if rewrite.past else []
    tail = Beginning(frames.JOURNAL, work.owner)
    with replacing(work.path, durable=False) as file:
        file.write(tail.octets)
        for value in (
            frames.Begin(work.apex, len(past)),
            *past,
            *frames.content_frames(rewrite.head, rewrite.rrsets, rewrite.ambiguous_until),
        ):
            file.write(tail.frame(frames.JOURNAL.encode(value)))
    return tail.tail


def _versions(work: FileWork) -> list[frames.VersionDifference]:
    """Read the versions of the file that is there. Raises OSError."""
    try:
        with open_regular(work.path) as file:
            values = FrameReader(file, frames.JOURNAL).values()
            return [value for value in values if isinstance(value, frames.VersionDifference)]
    except Unusable as error:
        raise OSError(errno.EIO, f"it {error}", str(work.path)) from error
