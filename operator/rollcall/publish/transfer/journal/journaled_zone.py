"""A zone with its journal: its current version, those before it, and the file that they are kept in."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from rollcall.zone.exported import Difference, ExportedRRset, RRsetKey
from rollcall.zone.names import to_text
from rollcall.zone.serial import is_newer

from .journal import Head, Journal, differences
from .journal_file import JournalFile

log = logging.getLogger(__name__)


class Content(NamedTuple):
    """A version of a zone that stays as it is. `rrsets` is all but the SOA."""

    head: Head
    rrsets: Mapping[RRsetKey, ExportedRRset]
    record_count: int


class JournaledZone:
    """A zone. Whoever has `catch_up` called first may use the rest."""

    def __init__(self, apex: bytes, journal: Journal, file: JournalFile) -> None:
        self.apex = apex
        self.journal = journal
        self.file = file
        self._content: Content | None = None

    @property
    def head(self) -> Head:
        """The current version."""
        assert self.journal.head is not None
        return self.journal.head

    def content(self) -> Content:
        """Return the current version to keep: one copy of it for all who ask for it."""
        if self._content is None:
            self._content = Content(self.head, dict(self.journal.rrsets), self.journal.record_count)
        return self._content

    def catch_up(self, head: Head, rrsets: Mapping[RRsetKey, ExportedRRset]) -> bool:
        """Go from whatever version was last to this one; return whether it is a new one.

        `rrsets` may be a mapping that its owner changes, if it calls `advance` for each change.
        """
        journal, last = self.journal, self.journal.head
        if last is None:
            self._begin(head, rrsets)
            return True
        changes = differences(journal.rrsets, rrsets)
        journal.rrsets = rrsets
        return self._append(last, head, changes)

    def advance(self, head: Head, changes: tuple[Difference, ...]) -> bool:
        """Go to the next version; return whether it is a new one."""
        return self._append(self.head, head, changes)

    def hold(self) -> None:
        """Stay at this version, whatever becomes of the mapping that it came with."""
        self.journal.rrsets = self.content().rrsets
        self._content = None

    def _append(self, last: Head, head: Head, changes: tuple[Difference, ...]) -> bool:
        if head == last and not changes:
            return False
        self._content = None
        if not is_newer(head.serial, last.serial):
            log.error(
                "%s: serial %d with another content comes after serial %d: its journal is dropped, and "
                "secondaries transfer the whole zone",
                to_text(self.apex),
                head.serial,
                last.serial,
            )
            barrier = self.journal.ambiguous_until
            if barrier is None or is_newer(last.serial, barrier):
                barrier = last.serial
            self._begin(head, self.journal.rrsets, barrier)
            return True
        self.journal.append(head, changes)
        self.file.on_appended(head, changes)
        return True

    def _begin(
        self, head: Head, rrsets: Mapping[RRsetKey, ExportedRRset], ambiguous_until: int | None = None
    ) -> None:
        self._content = None
        self.journal.begin(head, rrsets, ambiguous_until=ambiguous_until)
        self.file.on_begun()
