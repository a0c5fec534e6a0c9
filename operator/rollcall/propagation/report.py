"""What a target says of itself: how far a domain has got there, and what is wrong."""

from dataclasses import dataclass

CURRENT = "Current"
BEHIND = "Behind"

AHEAD = "Ahead"
"""It has a newer serial than ours, handed out by somebody else: our records have not come with it."""


@dataclass(frozen=True, slots=True)
class TargetReport:
    """The state of one domain (wire format) at one target of a DiscoveryZone.

    `serial` is the version that was published there last, 0 where none was, and `at` when (Unix seconds).
    `reason` is CURRENT, BEHIND (on its way) or what is wrong in one word; `message` says it in a sentence,
    with what to do. `healthy` is False where somebody may have to act.
    """

    zone: str
    domain: bytes
    target: str
    serial: int
    at: float
    reason: str
    message: str
    healthy: bool
