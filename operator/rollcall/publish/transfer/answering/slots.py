"""Slots for transfers: fair by client, and not for ever to who doesn't take what it has asked for.

A transfer under way keeps the version of the zone that it began with, so that there are only so many. While
nobody waits for its slot, a transfer may be slow. Where somebody does, it has to keep pace, or go; besides,
a client that has none gets one of a client that has several.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlotLimits:
    """How many slots there are, and how long a client may take for a message of at most 64 KiB.

    `hurried_seconds` and `hurried_lifetime_seconds`, the latter for all messages, hold where somebody waits:
    many round trips on any line, and the largest zone at a megabit a second. What lies in our own buffers
    counts as taken, so that a mean pace would say little.
    """

    slots: int = 16
    of_a_client: int = 8
    waiting_of_a_client: int = 16
    patience_seconds: float = 30.0
    hurried_seconds: float = 2.0
    hurried_lifetime_seconds: float = 60.0


class TooManyWait(Exception):
    """A client has too many requests that wait for a slot."""


class TransferSlot:
    """A slot, held or waited for."""

    def __init__(self, client: bytes, limits: SlotLimits) -> None:
        self.client = client
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.scope: asyncio.Timeout | None = None
        self.is_hurried = False
        self.is_leaving = False
        self._limits = limits
        self._began: float | None = None
        self._since = 0.0  # the last message was taken

    def begin(self) -> None:
        """Let its time run, unless it does already: the first message is there."""
        if self._began is None:
            self._began = asyncio.get_running_loop().time()
            self.took()

    def took(self) -> None:
        """Note that the client has taken a message."""
        self._since = asyncio.get_running_loop().time()
        self.set_time()

    def deadline(self) -> float | None:
        """Return when it has to go, None while there is nothing to take."""
        limits = self._limits
        if self._began is None:
            return None
        if not self.is_hurried:
            return self._since + limits.patience_seconds
        return min(self._since + limits.hurried_seconds, self._began + limits.hurried_lifetime_seconds)

    def leave(self) -> None:
        """Have it go, in the next turn of the event loop."""
        self.is_leaving = True
        self.set_time()

    def set_time(self) -> None:
        """Let the transfer end at its deadline."""
        if self.scope is not None and not self.scope.expired():
            self.scope.reschedule(0.0 if self.is_leaving else self.deadline())


class TransferSlots:
    """The slots of a server. Use it within one event loop."""

    def __init__(self, limits: SlotLimits = SlotLimits()) -> None:
        self._limits = limits
        self._held: dict[TransferSlot, None] = {}
        self._waiting: dict[TransferSlot, None] = {}

    @contextlib.asynccontextmanager
    async def take(self, client: bytes) -> AsyncIterator[TransferSlot]:
        """Wait for a slot, and hold it for as long as the context does.

        Raises:
            TooManyWait: the client has enough requests that wait.
            TimeoutError: it was too slow, or had to make room.
        """
        waiting = sum(each.client == client for each in self._waiting)
        if waiting >= self._limits.waiting_of_a_client:
            raise TooManyWait
        slot = TransferSlot(client, self._limits)
        self._waiting[slot] = None
        self._arrange()
        try:
            await slot.granted
            async with asyncio.timeout(None) as slot.scope:
                yield slot
        finally:
            self._waiting.pop(slot, None)
            self._held.pop(slot, None)
            self._arrange()

    def _arrange(self) -> None:
        """Give away what is free, and see who has to hurry or to go for those who wait."""
        while (slot := self._next()) is not None:
            del self._waiting[slot]
            self._held[slot] = None
            if not slot.granted.cancelled():  # as it is where the connection is being cut
                slot.granted.set_result(None)
        is_full = len(self._held) >= self._limits.slots
        waiting = {slot.client for slot in self._waiting}
        for slot in self._held:
            is_hurried = bool(waiting) and (is_full or slot.client in waiting)
            if slot.is_hurried != is_hurried:
                slot.is_hurried = is_hurried
                slot.set_time()
        if waiting and is_full:
            self._share(waiting)

    def _next(self) -> TransferSlot | None:
        """Return who gets a slot now: of the client that has the fewest, who has waited longest."""
        if len(self._held) >= self._limits.slots:
            return None
        held = Counter(slot.client for slot in self._held)
        open_to = [slot for slot in self._waiting if held[slot.client] < self._limits.of_a_client]
        return min(open_to, key=lambda slot: held[slot.client], default=None)

    def _share(self, waiting: set[bytes]) -> None:
        """Have one of the client go that has the most, where it is for one that has two less, or fewer."""
        held = Counter(slot.client for slot in self._held)
        largest, most = held.most_common(1)[0]
        if most - min(held[client] for client in waiting) < 2:
            return
        if any(slot.is_leaving for slot in self._held):
            return  # its end comes back here
        theirs = (slot for slot in self._held if slot.client == largest)
        min(theirs, key=lambda slot: slot.deadline() or math.inf).leave()
