"""Zone serials: they rise with every change, over restarts and clock steps (RFC 1982)."""

_HALF = 1 << 31
_MASK = (1 << 32) - 1


def is_newer(serial: int, than: int) -> bool:
    """Whether a serial is newer than another in RFC 1982 arithmetic."""
    return 0 < (serial - than) & _MASK < _HALF


def plus(serial: int, number: int) -> int:
    """Return a serial that is so much further (RFC 1982 section 3.1)."""
    return (serial + number) & _MASK


def serial_at(unix_seconds: int) -> int:
    """Return a time as a serial."""
    return unix_seconds & _MASK


def next_serial(last: int, unix_seconds: int) -> int:
    """Return the serial that follows: the time if that is newer, else the last one plus one.

    The time as a base lets a zone whose serial was lost go on above the old one.
    """
    now = serial_at(unix_seconds)
    return now if is_newer(now, last) else plus(last, 1)
