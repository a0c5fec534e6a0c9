"""Names that the server does not take, while it takes others: left out, and tried again alone."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from rollcall.dnswire.header import Rcode
from rollcall.dnswire.types import MANAGED_TYPES
from rollcall.zone.exported import RRsetKey
from rollcall.zone.marker import marker_name

from .backlog import Work
from .message import UnitUpdate

FIRST_RETRY_SECONDS = 5.0
LAST_RETRY_SECONDS = 60.0
RETRIED = 8
"""Names that are tried again at a time, each in a message of its own."""


class UnitName(NamedTuple):
    """A name of a unit, and which RRsets of it are to be written; the smallest part of a message.

    That of a marker alone has no RRsets.
    """

    root: bytes
    owner: bytes
    keys: frozenset[RRsetKey]


def unit_names(parts: Iterable[UnitUpdate]) -> list[UnitName]:
    """Return the names in a message."""
    items = []
    for part in parts:
        owners: dict[bytes, set[RRsetKey]] = {}
        for key, _ in part.updates:
            keys = owners.setdefault(key[0], set())
            if key[1] in MANAGED_TYPES:
                keys.add(key)
        if not owners:
            owners[marker_name(part.root)] = set()
        items += [UnitName(part.root, owner, frozenset(keys)) for owner, keys in owners.items()]
    return items


def work_of(items: Sequence[UnitName]) -> Work:
    """Return the work that names are."""
    work: Work = {}
    for item in items:
        work.setdefault(item.root, set()).update(item.keys)
    return work


class Rejections:
    """What the server refused, by unit and name, with the rcode. `clock` is a monotonic one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._items: dict[tuple[bytes, bytes], tuple[UnitName, int]] = {}
        self._owners: dict[bytes, set[bytes]] = {}
        self._retry_at = 0.0
        self._retry_seconds = FIRST_RETRY_SECONDS

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def is_due(self) -> bool:
        """Whether it is time to try some of them again."""
        return bool(self._items) and self._clock() >= self._retry_at

    def add(self, item: UnitName, rcode: int) -> None:
        """Note a name."""
        if not self._items:
            self._retry_seconds = FIRST_RETRY_SECONDS
            self._retry_at = self._clock() + self._retry_seconds
        self._items.pop((item.root, item.owner), None)  # it goes behind the others
        self._items[item.root, item.owner] = (item, rcode)
        self._owners.setdefault(item.root, set()).add(item.owner)

    def owners(self, root: bytes) -> frozenset[bytes]:
        """Return the names of a unit that are left out."""
        return frozenset(self._owners.get(root, ()))

    def roots(self) -> Collection[bytes]:
        """Return the units with names that are left out."""
        return self._owners.keys()

    def is_dropped(self, root: bytes) -> bool:
        """Whether names of a unit were acknowledged, and not written."""
        owners = self._owners.get(root, ())
        return any(self._items[root, owner][1] == Rcode.NOERROR for owner in owners)

    def names(self) -> dict[int, list[bytes]]:
        """Return the names by rcode."""
        names: dict[int, list[bytes]] = {}
        for item, rcode in self._items.values():
            names.setdefault(rcode, []).append(item.owner)
        return names

    def due(self) -> list[UnitName]:
        """Return names that are to be tried again now."""
        if not self.is_due:
            return []
        self._retry_seconds = min(self._retry_seconds * 2, LAST_RETRY_SECONDS)
        self._retry_at = self._clock() + self._retry_seconds
        return [item for item, _ in list(self._items.values())[:RETRIED]]

    def accept(self, items: Iterable[UnitName]) -> None:
        """Forget names that the server has taken; the next ones are tried soon."""
        for item in items:
            if self._items.pop((item.root, item.owner), None) is not None:
                self._forget_owner(item.root, item.owner)
                self._retry_at = self._clock()
                self._retry_seconds = FIRST_RETRY_SECONDS

    def update(self, root: bytes, owner: bytes, keys: Iterable[RRsetKey]) -> None:
        """Replace the RRsets of a name that are to be written; none: it is not left out any more."""
        item = UnitName(root, owner, frozenset(keys))
        if item.keys:
            _, rcode = self._items[root, owner]
            self._items[root, owner] = (item, rcode)
        else:
            del self._items[root, owner]
            self._forget_owner(root, owner)

    def forget(self, root: bytes) -> None:
        """Forget the names of a unit."""
        for owner in self._owners.pop(root, set()):
            del self._items[root, owner]

    def clear(self) -> list[UnitName]:
        """Forget all names; return them."""
        items = [item for item, _ in self._items.values()]
        self._items.clear()
        self._owners.clear()
        return items

    def _forget_owner(self, root: bytes, owner: bytes) -> None:
        owners = self._owners[root]
        owners.discard(owner)
        if not owners:
            del self._owners[root]
