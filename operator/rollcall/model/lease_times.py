"""How long a Lease stands, and how soon its holder gives up."""

from typing import Final

import msgspec

JITTER: Final = (0.8, 1.2)
"""Of the time between two tries, so that replicas don't go on asking in the same moment."""

_MIN_RETRY_SECONDS = 0.1
_MAX_LEASE_SECONDS = 3600.0


class LeaseTimes(msgspec.Struct, frozen=True):
    """The times of an election; by default those of kube-controller-manager.

    A Lease that was not renewed for its duration is free. Its holder stops when it couldn't renew it up to
    the deadline, and tries once a retry period, as do those who wait for it.

    Raises:
        ValueError: they leave no margin; the message says which option of `rollcall run` to change.
    """

    duration_seconds: float = 15.0
    renew_deadline_seconds: float = 10.0
    retry_period_seconds: float = 2.0

    def __post_init__(self) -> None:
        """Check that a holder is out before anybody else is in."""
        longest_wait = self.retry_period_seconds * JITTER[1]
        if self.retry_period_seconds < _MIN_RETRY_SECONDS:
            raise ValueError("--leader-elect-retry-period: write 100ms or more")
        if self.renew_deadline_seconds <= longest_wait:
            raise ValueError(
                f"--leader-elect-renew-deadline: write more than {longest_wait:g}s: 1.2 retry periods"
            )
        if self.duration_seconds <= self.renew_deadline_seconds:
            deadline = f"{self.renew_deadline_seconds:g}s"
            raise ValueError(f"--leader-elect-lease-duration: write more than {deadline}, the renew deadline")
        if self.duration_seconds > _MAX_LEASE_SECONDS or not self.duration_seconds.is_integer():
            raise ValueError("--leader-elect-lease-duration: write whole seconds, at most an hour")
