"""Durations as users write them, in two forms that share nothing but the letters of their units.

A spec takes whole hours, minutes and seconds in that order (`1h30m`): the part of Go's durations that the
CRDs admit. A request and an option of the command line take one number and its unit (`1.5s`, `500ms`).
They are not one syntax: half a second is of no use in a spec, and an hour of none where somebody waits.
"""

import re

MAX_WAIT_SECONDS = 60.0
"""The longest that an HTTP request may wait for its answer."""

_SPEC = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SHORT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m)")
_NOTHING = "0"
"""As in Go, zero needs no unit."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def duration_seconds(text: str) -> int:
    """Parse a duration of a spec such as `90s`, `5m` or `1h30m`, the largest unit first; "" is 0.

    Raises:
        ValueError: it is not a duration.
    """
    found = _SPEC.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a duration, such as 90s, 5m or 1h30m")
    hours, minutes, seconds = map(int, found.groups("0"))
    return hours * 3600 + minutes * 60 + seconds


def wait_seconds(text: str) -> float:
    """Parse how long a request may wait for its answer; what is longer than a minute is a minute.

    Raises:
        ValueError: it is not a duration; the message says what to write.
    """
    return min(short_duration_seconds(text), MAX_WAIT_SECONDS)


def short_duration_seconds(text: str) -> float:
    """Parse a duration such as `30s` or `500ms`.

    Raises:
        ValueError: it is not a duration; the message says what to write.
    """
    if text == _NOTHING:
        return 0.0
    found = _SHORT.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text[:32]!r} is not a duration: write a number and its unit, such as 30s or 500ms"
        )
    return float(found[1]) * _UNITS[found[2]]
