"""What is not published because others have the names: noted until it is planned anew."""

from collections.abc import Collection, Iterable
from typing import NamedTuple


class Obstacle(NamedTuple):
    """Why something is not published. `names` are those of others at the server, `owner` is whose they are.

    `owner` is "" where they carry no marker.
    """

    names: tuple[bytes, ...]
    owner: str = ""


class Obstacles:
    """Obstacles, by the unit or by the name that they keep from being published."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[bytes, Obstacle]] = {}  # with the root of the unit

    def all(self) -> list[Obstacle]:
        """Return all obstacles."""
        return [obstacle for _, obstacle in self._found.values()]

    def replace(
        self, root: bytes, owners: Iterable[bytes], found: Collection[Obstacle], *, is_whole: bool
    ) -> None:
        """Replace those of some names of a unit; `is_whole`: they are in the way of the whole unit."""
        self._found.pop(root, None)
        for owner in owners:
            self._found.pop(owner, None)
        for obstacle in found:
            self._found[root if is_whole else obstacle.names[0]] = (root, obstacle)

    def discard(self, owner: bytes) -> None:
        """Forget that of a name, which has been written."""
        self._found.pop(owner, None)

    def forget(self, root: bytes) -> None:
        """Forget those of a unit."""
        for name in [name for name, (of, _) in self._found.items() if of == root]:
            del self._found[name]
