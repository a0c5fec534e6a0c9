"""Units of ours that were found at the server and that nobody wants: marked as dead first, deleted later.

Who has a name in a cache, or publishes it after all in a moment, loses nothing by that. A unit that was seen
to go is deleted at once.
"""

import math
from collections.abc import Iterator

from .server_state import Held, ServerState

DELETED_AFTER_TTLS = 2


class Orphans:
    """Which units these are, and since when they are known (Unix seconds)."""

    def __init__(self) -> None:
        self._since: dict[bytes, float] = {}

    def __contains__(self, root: bytes) -> bool:
        return root in self._since

    def found(self, root: bytes) -> None:
        """Note that there is such a unit; from when on is for `due` to say."""
        self._since.setdefault(root, math.inf)

    def discard(self, root: bytes) -> None:
        """Forget a unit that is wanted, or gone."""
        self._since.pop(root, None)

    def due(self, state: ServerState, unix_seconds: float) -> Iterator[bytes]:
        """Yield the units for which there is something to do: new ones, and those that are dead by now."""
        for root, since in self._since.items():
            if since == math.inf:
                self._since[root] = unix_seconds
                yield root
            elif self.is_dead(root, state.unit(root), unix_seconds):
                yield root

    def dead(self, state: ServerState, unix_seconds: float) -> Iterator[bytes]:
        """Yield the units that are to be deleted now."""
        return (root for root in self._since if self.is_dead(root, state.unit(root), unix_seconds))

    def is_dead(self, root: bytes, unit: Held | None, unix_seconds: float) -> bool:
        """Whether a unit has been marked as dead for so long that no cache has it."""
        if unit is None or root not in self._since or not unit.found.tombstone:
            return False
        ttl = max(rrset.ttl for rrset in (unit.marker, *unit.rrsets.values()))
        # A tombstone from the future was written by a clock that is wrong; ours counts then.
        marked_at = min(unit.found.tombstone, self._since[root])
        return unix_seconds >= marked_at + DELETED_AFTER_TTLS * ttl
