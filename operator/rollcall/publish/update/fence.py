"""Whose writes count: what the election says of us."""

from typing import Protocol


class Fence(Protocol):
    """What the worker has to know of the election. `leading` is for liveness, markers are for safety."""

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
