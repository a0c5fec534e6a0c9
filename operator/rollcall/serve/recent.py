"""What was of use lately, in bounded memory."""

from typing import TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class Recent(dict[_K, _V]):
    """A mapping that forgets what has not been asked for since `size` other things were.

    There are two generations, `size` items each: when this one is full it becomes the `old` one. Who finds
    something there puts it back, so that it is young again. So a hit costs one lookup, where a list in order
    of use costs three, and a flood of items that are each asked for once doesn't drive out those in use.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self.old: dict[_K, _V] = {}

    def put(self, key: _K, value: _V) -> None:
        """Keep a value."""
        if len(self) >= self._size:
            self.old.clear()
            self.old.update(self)
            self.clear()
        self[key] = value

    def forget(self) -> None:
        """Keep nothing."""
        self.clear()
        self.old.clear()
