"""How messages write numbers of things, and lists that may be long."""

from collections.abc import Sequence


def counted(number: int, singular: str, plural: str = "") -> str:
    """Write a number and its noun, with the verb where one follows: `1 service is`, `3 services are`.

    Without a plural it is the singular with an s.
    """
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"


def share(part: int, whole: int, singular: str, plural: str = "") -> str:
    """Write a part of a whole, which says how the noun is written: `1 of 1 instance`, `1 of 3 instances`."""
    return f"{part} of {counted(whole, singular, plural)}"


def abridged(first: Sequence[str], count: int) -> str:
    """Write the first few of `count` names, and how many more there are: `a, b, c and 4 more`."""
    more = count - len(first)
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")


def likewise(count: int, others: str) -> str:
    """Write that what was said of the first of `count` things holds for the others too, "" without any."""
    return f" The same goes for {count - 1} more {others}." if count > 1 else ""
