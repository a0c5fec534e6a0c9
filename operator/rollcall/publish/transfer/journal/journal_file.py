"""The file of one journal: what waits to be written to it, and the writing, which is done in a thread.

A version is appended as one frame. When what was appended outgrows the rest, or when the journal begins anew,
the file is written anew beside the old one and takes its place. Nothing waits for the disk: a crash may cost
the end of the file, or all of it, and neither does harm (`archive`), so that unlike other state of ours the
file is replaced without fsync.
"""

import time
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rollcall.atomic_file import replacing
from rollcall.zone.exported import Difference, ExportedRRset, RRsetKey

from . import frames
from .journal import Head, Journal

RETRY_SECONDS = 30.0
"""After a write failed: a full disk, most often."""

MIN_TAIL = 1 << 20
"""Octets. A file is rewritten when what was appended is more than this, and more than the rest."""

Version: TypeAlias = tuple[Head, Head, tuple[Difference, ...]]


class Rewrite(NamedTuple):
    """A journal that is to be written anew; the last `past` versions of the old file and of `Work` stay."""

    head: Head
    rrsets: dict[RRsetKey, ExportedRRset]
    ambiguous_until: int | None
    past: int


class Work(NamedTuple):
    """What is to be written: versions to append, unless all is to be written anew."""

    path: Path
    apex: bytes
    versions: list[Version]
    rewrite: Rewrite | None
    beginning: int


class JournalFile:
    """Keeps a journal on disk; nothing here blocks. `size` is the file's, 0 where there is none of use."""

    def __init__(self, apex: bytes, path: Path, journal: Journal, size: int) -> None:
        self.apex = apex
        self.path = path
        self._journal = journal
        self._versions: list[Version] = []
        self._last = journal.head
        self._has_file = size > 0
        self._size = self._whole_size = size
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

    def take_work(self) -> Work | None:
        """Take what is to be written, None where there is nothing, or where writing has just failed."""
        journal = self._journal
        if journal.head is None or time.monotonic() < self._retry_at:
            return None
        if self._has_file and not self._versions:
            return None
        rewrite = None
        if not self._has_file or self._size - self._whole_size > max(MIN_TAIL, self._whole_size):
            past = journal.entry_count if self._has_file else 0
            rewrite = Rewrite(journal.head, dict(journal.rrsets), journal.ambiguous_until, past)
            self._has_file = True  # what comes while it is being written is appended to it
        versions, self._versions = self._versions, []
        return Work(self.path, self.apex, versions, rewrite, self._beginning)

    def on_written(self, work: Work, size: int) -> None:
        """Note the size that the file now has."""
        if work.beginning != self._beginning:
            return
        self._size = size
        if work.rewrite is not None:
            self._whole_size = size

    def on_failed(self) -> None:
        """Have the file written anew some time later: a write failed, and what is there is of no use."""
        self._has_file = False
        self._versions.clear()
        self._retry_at = time.monotonic() + RETRY_SECONDS


def write(work: Work) -> int:
    """Do the work, in a thread; return the size of the file. Raises OSError."""
    encoded = [frames.encode(frames.difference_frame(*version)) for version in work.versions]
    if work.rewrite is None:
        with work.path.open("ab") as file:
            file.writelines(encoded)
            return file.tell()
    rewrite = work.rewrite
    past: list[bytes] = []
    if rewrite.past:
        old = work.path.read_bytes()
        past = [octets for frame, octets in frames.split(old) if isinstance(frame, frames.VersionDifference)]
        past = [*past, *encoded][-rewrite.past :]
    with replacing(work.path, durable=False) as file:
        file.write(frames.encode(frames.Begin(frames.FORMAT, work.apex, len(past))))
        file.writelines(past)
        file.writelines(frames.content_frames(rewrite.head, rewrite.rrsets, rewrite.ambiguous_until))
        return file.tell()
