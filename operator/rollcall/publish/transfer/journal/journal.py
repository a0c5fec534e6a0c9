"""What a zone was before its current version: enough to bring older copies of it up to date (RFC 1995).

The journal undoes rather than redoes: its entry for a serial holds what the RRsets that the next version
changed were at that serial. The net difference from an old version to the current one is then what an RRset
was in the first entry that names it, against what it is now; nothing in between needs to be looked at.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple, TypeAlias

from rollcall.zone.exported import Difference, ExportedRRset, RRsetKey
from rollcall.zone.serial import is_newer

MAX_ENTRIES = 8192
"""Versions that are kept, if they are not large: ten minutes of thirteen changes a second."""

MIN_CHANGES = 100_000
"""A journal is cut where it changes more records than this, and more than twice as many as its zone has."""

PreviousSets: TypeAlias = tuple[tuple[RRsetKey, ExportedRRset | None], ...]


class Head(NamedTuple):
    """A version but for its content: the serial, record data and ttl (seconds) of its SOA."""

    serial: int
    soa: bytes
    soa_ttl: int


class JournalEntry(NamedTuple):
    """A version of the past, what the RRsets that the next one changed were in it, and how much that was.

    `changes` is the number of records that went and came, plus one.
    """

    head: Head
    previous: PreviousSets
    changes: int


class Journal:
    """The versions of a zone up to the current one, `head`; None while there is none.

    `rrsets` is the content of the head without its SOA. It may be a mapping that its owner goes on to change,
    as long as each change is then appended here. Serials up to `ambiguous_until` have stood for more than one
    content: nobody may go on from them.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES, min_changes: int = MIN_CHANGES) -> None:
        self.head: Head | None = None
        self.rrsets: Mapping[RRsetKey, ExportedRRset] = {}
        self.ambiguous_until: int | None = None
        self._max_entries = max_entries
        self._min_changes = min_changes
        self._entries: deque[JournalEntry] = deque()
        self._changes = 0
        self._dropped = 0  # entries; positions count from the first there ever was
        self._positions: dict[int, int] = {}  # by serial
        self._records = 0

    @property
    def record_count(self) -> int:
        """How many records the head has, the SOA among them."""
        return self._records + 1

    @property
    def entry_count(self) -> int:
        """How many versions of the past are here."""
        return len(self._entries)

    def begin(
        self,
        head: Head,
        rrsets: Mapping[RRsetKey, ExportedRRset],
        past: Iterable[JournalEntry] = (),
        ambiguous_until: int | None = None,
    ) -> None:
        """Start with a version in place of all that was here; `past` are those before it, in their order."""
        self.head = head
        self.rrsets = rrsets
        self.ambiguous_until = ambiguous_until
        self._records = sum(len(rrset.records) for rrset in rrsets.values())
        self._entries.clear()
        self._positions.clear()
        self._dropped = self._changes = 0
        for entry in past:
            self._keep(entry)
        self._cut()

    def append(self, head: Head, differences: Iterable[Difference]) -> None:
        """Go on to a newer version, whose content `rrsets` holds, or will hold before it is next read."""
        last = self.head
        assert last is not None
        previous = []
        changes = 1
        for key, before, after in differences:
            previous.append((key, before))
            left, joined = net(before, after)
            changes += len(left) + len(joined)
            self._records += (len(after.records) if after else 0) - (len(before.records) if before else 0)
        self.head = head
        while head.serial in self._positions:  # serials have gone round, and are used again
            self._drop_oldest()
        if self.ambiguous_until is not None and not is_newer(last.serial, self.ambiguous_until):
            return
        self.ambiguous_until = None
        self._keep(JournalEntry(last, tuple(previous), changes))
        self._cut()

    def since(self, serial: int) -> list[JournalEntry]:
        """Return the entries from a version of the past on, the oldest first; none if it isn't known."""
        position = self._positions.get(serial)
        return [] if position is None else list(islice(self._entries, position - self._dropped, None))

    def _keep(self, entry: JournalEntry) -> None:
        self._positions[entry.head.serial] = self._dropped + len(self._entries)
        self._entries.append(entry)
        self._changes += entry.changes

    def _cut(self) -> None:
        limit = max(self._min_changes, 2 * self._records)
        while self._entries and (len(self._entries) > self._max_entries or self._changes > limit):
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        entry = self._entries.popleft()
        self._changes -= entry.changes
        del self._positions[entry.head.serial]
        self._dropped += 1


def net(
    before: ExportedRRset | None, after: ExportedRRset | None
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the records that leave an RRset and those that join it; all of them where the ttl changes."""
    if before is None or after is None or before.ttl != after.ttl:
        return before.records if before else (), after.records if after else ()
    stays = set(before.records).intersection(after.records)
    return (
        tuple(data for data in before.records if data not in stays),
        tuple(data for data in after.records if data not in stays),
    )


def differences(
    before: Mapping[RRsetKey, ExportedRRset], after: Mapping[RRsetKey, ExportedRRset]
) -> tuple[Difference, ...]:
    """Return what has to change in one content to make another of it."""
    changed = [
        Difference(key, before.get(key), rrset) for key, rrset in after.items() if before.get(key) != rrset
    ]
    gone = [Difference(key, rrset, None) for key, rrset in before.items() if key not in after]
    return (*changed, *gone)
