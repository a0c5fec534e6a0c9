"""How messages write a list that may be long."""

from collections.abc import Sequence


def abridged(first: Sequence[str], count: int) -> str:
    """Write the first few of `count` names, and how many more there are: `a, b, c and 4 more`."""
    more = count - len(first)
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
