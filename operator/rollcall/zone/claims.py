"""Who has a name that several services ask for: the oldest, then the first by namespace and name.

Age decides, not arrival, so that a restart or a re-list hands no name to another service.
"""

from rollcall.model import Key


class Claims:
    """The names that services ask for in one zone."""

    def __init__(self) -> None:
        self._roots: dict[Key, bytes] = {}
        self._claimants: dict[bytes, dict[Key, str]] = {}

    def root(self, key: Key) -> bytes | None:
        """Return the name that a service asks for, or None."""
        return self._roots.get(key)

    def holder(self, root: bytes) -> Key | None:
        """Return the service that has a name, or None."""
        claimants = self._claimants.get(root)
        if not claimants:
            return None
        return min(claimants, key=lambda key: (claimants[key], key))

    def claim(self, key: Key, created: str, root: bytes | None) -> list[Key]:
        """Ask for a name (None: no longer for any); return the services whose standing may have changed.

        The service itself is among them; one that must give way comes before the one that takes its place.
        """
        old = self._roots.get(key)
        affected = {}
        if old is not None and old != root:
            affected.update(dict.fromkeys(self._claimants[old]))
            del self._roots[key]
            del self._claimants[old][key]
            if not self._claimants[old]:
                del self._claimants[old]
        if root is not None:
            self._roots[key] = root
            claimants = self._claimants.setdefault(root, {})
            claimants[key] = created
            affected.update(dict.fromkeys(claimants))
        affected[key] = None
        return list(affected)
