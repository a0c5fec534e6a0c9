"""Times as the API has them: RFC 3339, in UTC, to the second."""

import math
from datetime import UTC, datetime


def rfc3339(unix_seconds: float) -> str:
    """Write a time, rounded down."""
    return datetime.fromtimestamp(math.floor(unix_seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_after(unix_seconds: float) -> str:
    """Write a time, rounded up: what is counted from it never comes out too short."""
    return rfc3339(math.ceil(unix_seconds))


def unix_seconds(rfc3339: str) -> float:
    """Parse a time.

    Raises:
        ValueError: it is not a time.
    """
    return datetime.fromisoformat(rfc3339).timestamp()
