"""Units: what one marker stands for, and fences.

A unit is a service, with all names at and below its own, or one pointer; its root is that name. What stands
outside of units (the apex, addresses of name servers) is never written to other servers.
"""

from collections.abc import Callable, Iterator

from rollcall.dnswire.names import suffixes
from rollcall.dnswire.types import Type

from .exported import ExportedZone, RRsetKey, Version
from .marker import is_marker_name, marker_name, root_of_marker, service_of

_PTR, _TXT = int(Type.PTR), int(Type.TXT)

SLICE = 500
"""RRsets that are indexed at a time: less than a millisecond."""


def root_of(key: RRsetKey, is_root: Callable[[bytes], bool]) -> bytes | None:
    """Return the root of the unit that an RRset of ours is in; None where it is in none."""
    owner, rdtype = key
    if rdtype == _PTR:
        return owner
    if is_marker_name(owner):
        return root_of_marker(owner) if rdtype == _TXT else None
    return nearest_root(owner, is_root)


def nearest_root(owner: bytes, is_root: Callable[[bytes], bool]) -> bytes | None:
    """Return the nearest root at or above a name."""
    return next(filter(is_root, suffixes(owner)), None)


class Units:
    """Which RRsets of an exported zone are in which unit. Markers are not among the RRsets of a unit."""

    def __init__(self, exported: ExportedZone) -> None:
        self._exported = exported
        self._keys: dict[bytes, set[RRsetKey]] = {}

    def __contains__(self, root: bytes) -> bool:
        return root in self._keys

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self, root: bytes) -> set[RRsetKey]:
        """Return the RRsets of a unit; none where there is no such unit."""
        return self._keys.get(root, set())

    def service(self, root: bytes) -> str:
        """Return the service that a unit is, "" for a pointer."""
        rrset = self._exported.rrsets.get((marker_name(root), _TXT))
        return service_of(rrset.records[0]) if rrset else ""

    def marker_ttl(self, root: bytes) -> int:
        """Return the ttl of a unit's marker, in seconds."""
        rrsets = self._exported.rrsets
        rrset = rrsets.get((marker_name(root), _TXT)) or rrsets.get((root, _PTR))
        return rrset.ttl if rrset else 0

    def build(self) -> Iterator[None]:
        """Index the whole zone, a slice at a time; versions may come in between."""
        for count, key in enumerate(list(self._exported.rrsets)):
            if key in self._exported.rrsets:
                self._add(key, frozenset())
            if count % SLICE == 0:
                yield

    def update(self, version: Version) -> dict[bytes, set[RRsetKey]]:
        """Index a version; return the units that it touches, each with its RRsets that changed."""
        removed = frozenset(
            root_of_marker(owner)
            for (owner, rdtype), _, after in version.differences
            if after is None and rdtype == _TXT and is_marker_name(owner)
        )
        touched: dict[bytes, set[RRsetKey]] = {root: set() for root in removed}
        for key, _, after in version.differences:
            root = self._root(key, removed) if after is None else self._add(key, removed)
            if root is None:
                continue
            keys = touched.setdefault(root, set())
            if is_marker_name(key[0]):
                continue
            keys.add(key)
            if after is None and root in self._keys:
                self._keys[root].discard(key)
                if key[1] == _PTR:
                    del self._keys[root]
        for root in removed:
            self._keys.pop(root, None)
        return touched

    def _add(self, key: RRsetKey, removed: frozenset[bytes]) -> bytes | None:
        root = self._root(key, removed)
        if root is not None:
            keys = self._keys.setdefault(root, set())
            if not is_marker_name(key[0]):
                keys.add(key)
        return root

    def _root(self, key: RRsetKey, removed: frozenset[bytes]) -> bytes | None:
        rrsets = self._exported.rrsets
        return root_of(key, lambda name: (marker_name(name), _TXT) in rrsets or name in removed)
