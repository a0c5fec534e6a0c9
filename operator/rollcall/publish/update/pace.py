"""How much goes into one message: servers differ by a factor of thirty in what they write in a second."""

from .message import MAX_RECORDS

FIRST_RATE = 4000.0
"""Records a second, until it is known."""

LIVE_SECONDS = 1.0
FLOOD_SECONDS = 0.25
"""For so long a message may keep the server: a live change waits behind one of the flood at most."""

LEAST = 300
"""Records; one name with its prerequisites has less, so that there is always a next step."""

_WEIGHT = 0.3
_TELLING = 50
"""Records; the time of a smaller message says nothing of the rate."""


class Pace:
    """Learns from each message how fast the server is."""

    def __init__(self) -> None:
        self._rate = FIRST_RATE

    def note(self, records: int, seconds: float) -> None:
        """Note how long a message took."""
        if records >= _TELLING:
            self._rate += _WEIGHT * (records / max(seconds, 0.0001) - self._rate)

    def limits(self) -> tuple[int, int]:
        """Return how many records a message may have: one with live changes, one of the flood."""
        live = max(LEAST, min(MAX_RECORDS, int(self._rate * LIVE_SECONDS)))
        flood = max(LEAST, min(MAX_RECORDS, int(self._rate * FLOOD_SECONDS)))
        return live, flood
