"""Whether a zone's serial has risen by our messages alone: then nobody else wrote, nothing has to be read.

Each of our updates changes a marker, so none leaves the serial as it was (RFC 2136 section 3.6). Where a
server counts in another way, the zone is read each time.
"""

from rollcall.zone.serial import plus


class SerialCount:
    """Our messages that had effect since the zone was as we know it, at a serial of its.

    A count is worth nothing unless every message is surely in it, or surely in that serial. So there is none
    where a message overlapped the reading, or where it isn't known whether one had effect.
    """

    def __init__(self) -> None:
        self._serial: int | None = None
        self._count: int | None = None

    @property
    def count(self) -> int | None:
        """How many messages have had effect; None where it isn't known."""
        return self._count

    def add(self) -> None:
        """Count a message that had effect."""
        if self._count is not None:
            self._count += 1

    def lose(self) -> None:
        """Note that a message may have had effect, or may still have it; or that a reading begins."""
        self._count = None

    def explain(self, serial: int | None, count: int | None) -> bool:
        """Return whether a serial shows the messages counted before it was asked for, and no others.

        Then go on from there.
        """
        if count is None or self._serial is None or serial != plus(self._serial, count):
            return False
        self._serial = serial
        if self._count is not None:
            self._count -= count
        return True

    def begin(self, serial: int | None) -> None:
        """Count anew from the serial of a reading that no message of ours has overlapped."""
        self._serial = serial
        self._count = 0
