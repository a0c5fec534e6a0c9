"""The stand-in for an election where there is one replica, and no Lease."""

import asyncio
from typing import Never

from .elector import Lead, at_work

RESTART_SECONDS = 2.0


class NoElection:
    """Leads always. It asks nobody, and so can't know of a second writer.

    `epoch` is 0, so that any replica with a Lease outranks it, until a DNS server has shown a higher one.
    """

    leading = True

    def __init__(self, lead: Lead) -> None:
        self.epoch = 0
        self._lead = lead

    async def run(self) -> Never:
        """Lead until cancelled."""
        while True:
            await at_work(self._lead, self.epoch)
            await asyncio.sleep(RESTART_SECONDS)

    async def confirm(self) -> bool:
        """Say that we lead."""
        return True

    async def raise_epoch(self, above: int) -> int:
        """Lift the epoch above one that was seen somewhere; return ours. It lasts as long as this process."""
        self.epoch = max(self.epoch, above + 1)
        return self.epoch
