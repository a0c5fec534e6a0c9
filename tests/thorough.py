"""How much a random test tries: a part of it in `make test`, all of it with ROLLCALL_TESTS_THOROUGH=1."""

import os

THOROUGH = os.environ.get("ROLLCALL_TESTS_THOROUGH", "") not in ("", "0")


def examples(thorough: int) -> int:
    """Return how many examples Hypothesis tries of a property: a quarter, or as many as are given here."""
    return thorough if THOROUGH else thorough // 4


def orders(thorough: int) -> int:
    """Return how many orders of events are played to real servers: a tenth, or as many as are given here."""
    return thorough if THOROUGH else thorough // 10
