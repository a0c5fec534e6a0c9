"""What a target says of itself: how far a domain has got there, and what is wrong."""

from dataclasses import dataclass

CURRENT = "Current"
BEHIND = "Behind"

AHEAD = "Ahead"
"""It has a newer serial than ours, handed out by somebody else: our records have not come with it."""


@dataclass(frozen=True, slots=True)
class PartialTrouble:
    """Why some names (wire format) are not at a target that has all others."""

    reason: str
    message: str
    names: frozenset[bytes]

    def __post_init__(self) -> None:
        assert self.names, "without names it would be a trouble with everything"


@dataclass(frozen=True, slots=True)
class TargetReport:
    """The state of one domain (wire format) at one target of a DiscoveryZone.

    `serial` is the version that was published there last, 0 where none was, and `at` when (Unix seconds).
    `reason` is CURRENT, BEHIND (on its way) or what is wrong in one word; `message` says it in a sentence,
    with what to do. `healthy` is False where somebody may have to act. Where that concerns some names only,
    `partial` says which, and why; all others are there. The first of it is what `reason` and `message` say.
    """

    zone: str
    domain: bytes
    target: str
    serial: int
    at: float
    reason: str
    message: str
    healthy: bool
    partial: tuple[PartialTrouble, ...] = ()
