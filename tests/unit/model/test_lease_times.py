"""Which times of a Lease leave a margin, and what is said of those that don't."""

import pytest

from rollcall.model.lease_times import LeaseTimes


@pytest.mark.parametrize("times", [(15.0, 10.0, 2.0), (3.0, 2.0, 0.2), (2.0, 1.5, 1.2), (3600.0, 10.0, 2.0)])
def test_times_with_a_margin(times: tuple[float, float, float]) -> None:
    assert LeaseTimes(*times).duration_seconds == times[0]


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ((10.0, 10.0, 2.0), "lease-duration: write more than 10s"),
        ((15.0, 20.0, 2.0), "lease-duration: write more than 20s"),
        ((15.0, 10.0, 10.0), "renew-deadline: write more than 12s"),
        ((15.0, 2.4, 2.0), "renew-deadline: write more than 2.4s"),
        ((15.0, 10.0, 0.0), "retry-period: write 100ms or more"),
        ((15.5, 10.0, 2.0), "lease-duration: write whole seconds"),
        ((3601.0, 10.0, 2.0), "lease-duration: write whole seconds, at most an hour"),
    ],
)
def test_times_that_leave_no_margin_are_refused(times: tuple[float, float, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LeaseTimes(*times)
