"""What is not published because of others at the server: noted until it is planned anew."""

from collections.abc import Collection, Iterable
from typing import NamedTuple


class Obstacle(NamedTuple):
    """Why something is not published.

    `names` are those of others at the server, or those of ours that `cut` hides: a delegation or a DNAME.
    `owner` is whose the names are, "" where they carry no marker. `epoch` is one in a marker of ours that no
    leader can have had. `is_whole` says that nothing of the unit is published.
    """

    names: tuple[bytes, ...]
    owner: str = ""
    cut: bytes = b""
    epoch: int = 0
    is_whole: bool = False


class Obstacles:
    """Obstacles, by the unit or by the name that they keep from being published."""

    def __init__(self) -> None:
        self._units: dict[bytes, Obstacle] = {}
        self._names: dict[bytes, dict[bytes, Obstacle]] = {}  # by unit, then by name

    def all(self) -> list[Obstacle]:
        """Return all obstacles."""
        return [*self._units.values(), *(each for names in self._names.values() for each in names.values())]

    def has(self, root: bytes) -> bool:
        """Whether there are obstacles for a unit or for names of it."""
        return root in self._units or root in self._names

    def owners(self, root: bytes) -> Collection[bytes]:
        """Return the names of a unit that there are obstacles for."""
        return self._names.get(root, {}).keys()

    def replace(self, root: bytes, owners: Iterable[bytes], found: Collection[Obstacle]) -> None:
        """Replace that of a unit, and those of some names of it."""
        self._units.pop(root, None)
        for owner in owners:
            self.discard(root, owner)
        for obstacle in found:
            if obstacle.is_whole:
                self.forget(root)
                self._units[root] = obstacle
            else:
                self._names.setdefault(root, {})[obstacle.names[0]] = obstacle

    def discard(self, root: bytes, owner: bytes) -> None:
        """Forget that of a name, which has been written."""
        names = self._names.get(root, {})
        if names.pop(owner, None) is not None and not names:
            del self._names[root]

    def written(self, root: bytes) -> None:
        """Forget that of a unit, which has been written."""
        self._units.pop(root, None)

    def forget(self, root: bytes) -> None:
        """Forget those of a unit and of its names."""
        self._units.pop(root, None)
        self._names.pop(root, None)
