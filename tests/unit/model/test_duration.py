"""Durations of specs and of waits: what is one, and what each of the two refuses of the other."""

import pytest

from rollcall.model import duration_seconds, wait_seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30), ("5m", 300), ("1h30m", 5400), ("2h0m1s", 7201), ("", 0)]
)
def test_durations_of_specs(text: str, expected: int) -> None:
    assert duration_seconds(text) == expected


@pytest.mark.parametrize("text", ["5", "5 m", "m", "30s5m", "-1s", "1.5h", "1d"])
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration, such as"):
        duration_seconds(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("1m", 60.0),
        ("5m", 60.0),
        ("999999999s", 60.0),
        ("0s", 0.0),
        ("0", 0.0),
    ],
)
def test_durations_of_waits(text: str, seconds: float) -> None:
    assert wait_seconds(text) == seconds


@pytest.mark.parametrize("text", ["30", "-1s", "", "1h", "1m30s", ".5s", "1 s"])
def test_what_is_not_a_wait(text: str) -> None:
    with pytest.raises(ValueError, match="write a number and its unit, such as 30s or 500ms"):
        wait_seconds(text)
