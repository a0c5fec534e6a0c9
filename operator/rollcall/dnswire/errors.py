"""What can be wrong with a message from another server, or with its signature."""

from enum import StrEnum


class MalformedMessage(Exception):
    """Bytes that are not a DNS message (RFC 1035 section 4), or one that is cut off."""


class TsigFault(StrEnum):
    """What is wrong with a signature (RFC 8945 section 5)."""

    BAD_KEY = "BadKey"
    BAD_SIGNATURE = "BadSignature"
    BAD_TIME = "BadTime"
    UNSIGNED = "Unsigned"


class TsigError(Exception):
    """A signature that is not valid.

    `by_peer` says that the other side said so of ours. `offset_seconds` is how far its clock is ahead of
    ours, where it said its time.
    """

    def __init__(self, fault: TsigFault, *, by_peer: bool = False, offset_seconds: int | None = None) -> None:
        super().__init__(f"{fault}{' (says the other side)' if by_peer else ''}")
        self.fault = fault
        self.by_peer = by_peer
        self.offset_seconds = offset_seconds
