"""Who has a name that several services ask for: the oldest, then the first by namespace and name.

A zone gives each name to one namespace, so that there are several only while it is being given to another
one. Age decides, not arrival, so that a restart or a re-list hands no name to another service.
"""

from bisect import bisect_left, insort

from rollcall.model import Key, Seniority


class Claims:
    """The names that services ask for in one zone; a claim costs the same however many ask for its name."""

    def __init__(self) -> None:
        self._asked: dict[Key, tuple[bytes, str]] = {}
        self._claims: dict[bytes, list[Seniority]] = {}

    def root(self, key: Key) -> bytes | None:
        """Return the name that a service asks for, or None."""
        asked = self._asked.get(key)
        return asked[0] if asked else None

    def holder(self, root: bytes) -> Key | None:
        """Return the service that has a name, or None."""
        claims = self._claims.get(root)
        return claims[0][1] if claims else None

    def claim(self, key: Key, created: str, root: bytes | None) -> list[Key]:
        """Ask for a name (None: no longer for any); return the services that have one now, or no longer.

        The service itself is always among them; one that must give way comes before the one that takes its
        place.
        """
        old = self.root(key)
        names = [name for name in dict.fromkeys((root, old)) if name is not None]
        before = [self.holder(name) for name in names]
        if old is not None:
            self._withdraw(key, old)
        if root is not None:
            self._asked[key] = root, created
            insort(self._claims.setdefault(root, []), (created, key))
        after = [self.holder(name) for name in names]
        changed = [(was, now) for was, now in zip(before, after, strict=True) if was != now]
        displaced = [was for was, _ in changed if was is not None and was != key]
        successors = [now for _, now in changed if now is not None and now != key]
        return [*displaced, key, *successors]

    def _withdraw(self, key: Key, root: bytes) -> None:
        _, created = self._asked.pop(key)
        claims = self._claims[root]
        del claims[bisect_left(claims, (created, key))]
        if not claims:
            del self._claims[root]
