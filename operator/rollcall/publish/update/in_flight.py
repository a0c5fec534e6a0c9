"""What was sent to a server and may still take effect there, and in which order we sent and read."""

from collections.abc import Iterable

from rollcall.zone.exported import ExportedRRset
from rollcall.zone.marker import parse

from .message import UnitUpdate


class InFlight:
    """Parts of messages whose outcome is not known, by unit, and the markers that they would leave.

    A point in time is the number of what had been sent or read before.
    """

    def __init__(self) -> None:
        self._parts: dict[bytes, UnitUpdate] = {}
        self._under_way: set[bytes] = set()
        self._tried: dict[bytes, dict[bytes, int]] = {}  # markers with their versions, by unit
        self._clock = 0
        self._touched_at: dict[bytes, int] = {}

    @property
    def now(self) -> int:
        """Where we are in time."""
        return self._clock

    def roots(self) -> list[bytes]:
        """Return the units with parts whose outcome is not known."""
        return list(self._parts)

    def send(self, roots: Iterable[bytes]) -> None:
        """Note that a message for some units is under way: what is read of them may be before it or after."""
        for root in roots:
            self.touch(root)
            self._under_way.add(root)

    def land(self, roots: Iterable[bytes]) -> None:
        """Note that it was found what became of a message, as far as that can be known."""
        for root in roots:
            self.touch(root)
            self._under_way.discard(root)

    def lose(self, part: UnitUpdate) -> None:
        """Note that nobody knows whether a part had effect."""
        self.touch(part.root)
        self._parts[part.root] = part
        if part.after is not None:
            marker = parse(part.after.records[0])
            version = marker.generation.version if marker else 0
            self._tried.setdefault(part.root, {})[part.after.records[0]] = version

    def pop(self, root: bytes) -> UnitUpdate:
        """Return the part that is in flight for a unit, and forget it: its outcome is known."""
        return self._parts.pop(root)

    def settle(self, root: bytes) -> None:
        """Note that a part had effect: no older one can have any now."""
        self.touch(root)
        self._tried.pop(root, None)

    def highest_version(self, root: bytes) -> int:
        """Return the highest version of the markers that may still get to a unit, 0 if there is none."""
        return max(self._tried.get(root, {}).values(), default=0)

    def may_leave(self, root: bytes, marker: ExportedRRset) -> bool:
        """Whether a part in flight may leave this marker at a unit."""
        tried = self._tried.get(root, {})
        return any(data in tried for data in marker.records)

    def touch(self, root: bytes) -> None:
        """Note that something was sent or read for a unit."""
        self._clock += 1
        self._touched_at[root] = self._clock

    def is_newer(self, root: bytes, since: int) -> bool:
        """Whether something was sent for a unit after a point, or is under way, or may still get there."""
        is_open = root in self._parts or root in self._under_way
        return is_open or self._touched_at.get(root, 0) > since

    def touched_since(self, since: int) -> list[bytes]:
        """Return the units for which `is_newer` holds."""
        touched = (root for root, at in self._touched_at.items() if at > since)
        return list(dict.fromkeys((*touched, *self._parts, *self._under_way)))

    def forget_until(self, since: int) -> None:
        """Forget the order of what was before a point."""
        self._touched_at = {root: at for root, at in self._touched_at.items() if at > since}
