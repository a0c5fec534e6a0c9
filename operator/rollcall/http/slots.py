"""Who is connected, and who has to make room for a newcomer. Pure: the time is given, and never goes back.

A newcomer always gets a slot. That is how a probe of the kubelet gets in, whoever else is there, without a
port of its own, of which each chart, Service and NetworkPolicy would have to know. A probe asks at once and
is answered at once: hundreds would have to come in the same millisecond before it had to go again.

Where all slots are taken, the newcomer has that of whoever is missed least: who has been doing nothing for
the longest time, else who has been taking a response for the longest, else who has been waiting for one for
the longest. Where an address has all that one address may have, it is one of its own.
"""

from collections.abc import Hashable, Iterator
from enum import IntEnum
from typing import Generic, TypeVar

from .limits import HttpLimits

C = TypeVar("C", bound=Hashable)


class Activity(IntEnum):
    """What a connection is at."""

    RESTING = 0
    ASKING = 1
    SENDING = 2
    BUSY = 3


class _Queue(Generic[C]):
    """Connections by what they are at, in the order in which they began it."""

    def __init__(self) -> None:
        self._since: tuple[dict[C, float], ...] = tuple({} for _ in Activity)

    def __len__(self) -> int:
        return sum(map(len, self._since))

    def add(self, who: C, activity: Activity, now: float) -> None:
        self._since[activity][who] = now

    def remove(self, who: C, activity: Activity) -> None:
        del self._since[activity][who]

    def oldest(self, activity: Activity) -> tuple[float, C] | None:
        for who, since in self._since[activity].items():
            return since, who
        return None

    def least_missed(self) -> C | None:
        idle = [found for activity in (Activity.RESTING, Activity.ASKING) if (found := self.oldest(activity))]
        if idle:
            return min(idle, key=lambda found: found[0])[1]
        found = self.oldest(Activity.SENDING) or self.oldest(Activity.BUSY)
        return found[1] if found else None


class Slots(Generic[C]):
    """The connections of a server."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._everybody = _Queue[C]()
        self._by_origin: dict[str, _Queue[C]] = {}
        self._slots: dict[C, tuple[str, Activity]] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[C]:
        return iter(self._slots)

    def admit(self, who: C, origin: str, now: float) -> C | None:
        """Give a newcomer a slot; return who has to go for that, if anybody. That one has left already."""
        mine = self._by_origin.get(origin)
        gone: C | None = None
        if mine is not None and len(mine) >= self._limits.an_address:
            gone = mine.least_missed()
        elif len(self._slots) >= self._limits.connections:
            gone = self._everybody.least_missed()
        if gone is not None:
            self.leave(gone)
        self._add(who, origin, Activity.ASKING, now)
        return gone

    def on_octets(self, who: C, now: float) -> None:
        """Note that a client says something. What it says while it is answered is of no account."""
        if who in self._slots and self._slots[who][1] is Activity.RESTING:
            self.set_activity(who, Activity.ASKING, now)

    def set_activity(self, who: C, activity: Activity, now: float) -> None:
        """Note what a connection is at from now on; one that has left stays away."""
        if who in self._slots:
            origin, _ = self._slots[who]
            self._remove(who)
            self._add(who, origin, activity, now)

    def leave(self, who: C) -> None:
        """Forget a connection, where it has a slot."""
        if who in self._slots:
            origin, _ = self._slots[who]
            self._remove(who)
            if not self._by_origin[origin]:
                del self._by_origin[origin]

    def take_expired(self, now: float) -> Iterator[C]:
        """Yield those who have said nothing, or half a request, for too long. They have left."""
        for activity, seconds in (
            (Activity.RESTING, self._limits.resting_seconds),
            (Activity.ASKING, self._limits.asking_seconds),
        ):
            while (found := self._everybody.oldest(activity)) and found[0] + seconds <= now:
                self.leave(found[1])
                yield found[1]

    def least_missed(self) -> C | None:
        """Return who is missed least."""
        return self._everybody.least_missed()

    def _add(self, who: C, origin: str, activity: Activity, now: float) -> None:
        self._slots[who] = origin, activity
        self._everybody.add(who, activity, now)
        self._by_origin.setdefault(origin, _Queue()).add(who, activity, now)

    def _remove(self, who: C) -> None:
        origin, activity = self._slots.pop(who)
        self._everybody.remove(who, activity)
        self._by_origin[origin].remove(who, activity)
