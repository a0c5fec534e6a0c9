"""Whose writes count: what the election says of us, and what the server shows of others.

`Fence.leading` is for liveness, markers are for safety.
"""

from typing import Protocol

from . import reasons
from .knowledge import Knowledge


class Fence(Protocol):
    """What the worker has to know of the election; tests decide one by hand."""

    @property
    def epoch(self) -> int:
        """Return the epoch of our term; the markers that we write carry it."""

    @property
    def leading(self) -> bool:
        """Whether we lead, as far as we know at this moment."""

    async def confirm(self) -> bool:
        """Ask whether we lead; False also where there is no answer."""

    async def raise_epoch(self, above: int) -> int:
        """Lift our epoch above one that was seen at a server; return it.

        Raises an exception of its own where that can't be confirmed.
        """


async def ensure_leading(fence: Fence, knowledge: Knowledge) -> None:
    """Ask whether we lead, where the server has shown that somebody else may; outrank the others then.

    Raises:
        TargetError: another may be the leader.
    """
    if not fence.leading:
        raise reasons.deposed()
    while knowledge.is_outranked(fence.epoch):
        if not await fence.confirm():
            raise reasons.deposed()
        try:
            await fence.raise_epoch(knowledge.highest_epoch)
        except Exception as error:  # of the election's own kind
            raise reasons.deposed(str(error)) from error
    knowledge.end_challenge()
