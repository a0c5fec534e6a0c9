"""How long to wait before trying again."""

from collections.abc import Callable
from random import SystemRandom

RESOLUTION_SECONDS = 0.001
"""What is due in less is due: a timer may fire a little early, and must not be set again for nothing."""

CONFLICTS = 3
"""So often in a row a write is tried on what somebody else has made of the object, before it has to wait."""

Uniform = Callable[[float, float], float]
"""A draw between two bounds, as `random.uniform`."""

uniform: Uniform = SystemRandom().uniform


def jittered(seconds: float, draw: Uniform = uniform) -> float:
    """Return a time up to a tenth shorter or longer, so that many of a kind don't keep step."""
    return seconds * draw(0.9, 1.1)


class Backoff:
    """Doubles from `first_seconds` to `cap_seconds`; each wait is drawn from its upper half.

    The draw keeps the clients of a server that comes back from calling it all at once.
    """

    def __init__(self, first_seconds: float = 0.1, cap_seconds: float = 5.0, draw: Uniform = uniform) -> None:
        self._first_seconds = first_seconds
        self._cap_seconds = cap_seconds
        self._draw = draw
        self._next_seconds = first_seconds

    def reset(self) -> None:
        """Start again from the shortest wait."""
        self._next_seconds = self._first_seconds

    def next_seconds(self) -> float:
        """Draw a wait, and double the next."""
        bound = self._next_seconds
        self._next_seconds = min(bound * 2, self._cap_seconds)
        return self._draw(bound / 2, bound)
