"""Times as the API has them."""

import pytest

from rollcall.model import rfc3339, rfc3339_after, unix_seconds


def test_they_are_in_utc_to_the_second() -> None:
    assert rfc3339(1_800_000_000.9) == "2027-01-15T08:00:00Z"


def test_what_is_counted_from_one_does_not_come_out_too_short() -> None:
    assert rfc3339_after(1_800_000_000.1) == "2027-01-15T08:00:01Z"
    assert rfc3339_after(1_800_000_000) == "2027-01-15T08:00:00Z"


def test_they_are_read_back() -> None:
    assert unix_seconds("2027-01-15T08:00:00Z") == 1_800_000_000
    with pytest.raises(ValueError, match="yesterday"):
        unix_seconds("yesterday")
