"""The watch over one secondary of one zone: what it was told, what it says, and the verdict on it.

A new version is told at once with a NOTIFY (`notify`); the SOA is asked for soon after, and every 15 s
(`poll`, `serial_query`). Both end here, in one state: the serial that was seen there, and the worst of what
is wrong. It is reported when it changes, and now and then besides. How old the version is that a secondary
shows is its lag.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from rollcall.feed.frames import SecondaryState
from rollcall.model import KeyRing
from rollcall.zone.names import to_text
from rollcall.zone.serial import is_newer

from ..journal.journal import Head
from ..journal.zones import TransferZones
from .exchange import Exchange, ServerAddress
from .notify import Notifier
from .poll import Poller
from .reasons import UP_TO_DATE, Diagnosis, SecondaryReason, adding, ahead, behind, stuck
from .serial_query import SerialQuery

log = logging.getLogger(__name__)

STUCK_SECONDS = 60.0
"""After which a secondary that is behind, and gets no further, is in trouble."""
REPEAT_SECONDS = 10.0
"""After which a state is reported again though it is the same: whoever takes the reports may be new."""

ADDING_SECONDS = 10.0
"""How long a secondary that follows a catalog may take to add a zone before that is trouble."""

_ADDING = (SecondaryReason.NOT_AUTHORITATIVE, SecondaryReason.EXPIRED, SecondaryReason.NOTIFY_REFUSED)
_UNREMARKABLE = (SecondaryReason.CURRENT, SecondaryReason.BEHIND)


class SecondaryKey(NamedTuple):
    """A zone, and where a secondary of it is; `in_catalog` says that a catalog lists the zone."""

    apex: bytes
    name: str
    endpoint: ServerAddress
    key_secret: str
    in_catalog: bool


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where requests leave, and what is done with states and with the outcome of each NOTIFY."""

    notify: Exchange
    poll: Exchange
    report: Callable[[SecondaryState], object]
    count: Callable[[str], None]


class SecondaryWatch:
    """Watches one secondary of one zone while `run` runs.

    `problem` gives what is wrong with the zone's catalog. The secondaries of a zone that `is_catalog` often
    answer no question about it, which is not an error.
    """

    def __init__(
        self,
        key: SecondaryKey,
        zones: TransferZones,
        outlets: Outlets,
        random: Random,
        *,
        is_catalog: bool,
        problem: Callable[[], str | None],
    ) -> None:
        self.title = f"secondary {key.name} ({key.endpoint}) of {to_text(key.apex)}"
        self._key = key
        self._zones = zones
        self._outlets = outlets
        self._is_catalog = is_catalog
        self._problem = problem
        self._query = SerialQuery(key.apex, key.endpoint, outlets.poll)
        self._poller = Poller(self._ask, self._on_answer, random)
        self._notifier = Notifier(
            key.apex, key.endpoint, outlets.notify, self._head, outlets.count, self._on_told, random
        )
        self._started = 0.0
        self._serial: int | None = None
        self._seen_at = 0.0
        self._behind_since: float | None = None
        self._poll_trouble: Diagnosis | None = None
        self._notify_trouble: Diagnosis | None = None
        self._reported: SecondaryState | None = None
        self._reported_at = 0.0
        self._logged = ""

    def use_keys(self, ring: KeyRing | None) -> None:
        """Sign with these keys from now on."""
        self._query.ring = ring
        self._notifier.use_keys(ring, is_unsigned=not self._key.key_secret)

    def on_version(self) -> None:
        """Tell the secondary that there is a new version."""
        self._notifier.announce()

    async def run(self) -> None:
        """Tell of the current version, ask for the serial, and go on with both until cancelled."""
        self._started = asyncio.get_running_loop().time()
        self._notifier.announce()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notifier.run())
            group.create_task(self._poller.run())

    def report(self) -> None:
        """Report the state, also where it is the same as before; nothing as long as nothing is known."""
        state = self._state()
        if state is not None:
            self._reported, self._reported_at = state, asyncio.get_running_loop().time()
            self._outlets.report(state)

    async def _ask(self) -> int | Diagnosis:
        return await self._query.ask(self._zones.serial(self._key.apex))

    def _head(self) -> Head | None:
        return self._zones.head(self._key.apex)

    def _on_told(self) -> None:
        self._poller.hurry()
        if self._notifier.trouble != self._notify_trouble:
            self._notify_trouble = self._notifier.trouble
            self.report()

    def _on_answer(self, found: int | Diagnosis) -> bool:
        now = asyncio.get_running_loop().time()
        ours = self._zones.serial(self._key.apex)
        is_newest = has_come = False
        if isinstance(found, Diagnosis):
            is_usual = self._is_catalog and found.reason is not SecondaryReason.IMPLAUSIBLE_SERIAL
            self._poll_trouble = None if is_usual else found
        else:
            has_come = self._poll_trouble is not None
            self._poll_trouble = None
            is_newest = found == ours
            if found != self._serial:
                self._serial, self._seen_at = found, time.time()
                self._behind_since = None
            self._behind_since = None if is_newest else self._behind_since or now
            if ours is not None and is_newer(found, ours):
                self._zones.overtake(self._key.apex, found)
        if is_newest:
            self._notifier.settle()
        if has_come and self._notifier.trouble is not None:
            self._notifier.announce()  # it has the zone now, and may take NOTIFY as well
        elif not is_newest and not (self._is_catalog and isinstance(found, Diagnosis)):
            self._notifier.remind()
        if self._state() != self._reported or now - self._reported_at >= REPEAT_SECONDS:
            self.report()
        self._log()
        return is_newest

    def _state(self) -> SecondaryState | None:
        verdict = self._verdict()
        if verdict is None:
            return None
        return SecondaryState(
            self._key.apex,
            self._key.name,
            self._serial or 0,
            self._seen_at,
            verdict.reason,
            verdict.message,
        )

    def _verdict(self) -> Diagnosis | None:
        """Return how the secondary is doing, None while nothing is known."""
        verdict = self._judge()
        is_new = asyncio.get_running_loop().time() < self._started + ADDING_SECONDS
        if verdict is not None and verdict.reason in _ADDING and self._key.in_catalog and is_new:
            return adding()
        return verdict

    def _judge(self) -> Diagnosis | None:
        """Return what is worst, None while nothing is known."""
        ours = self._zones.serial(self._key.apex)
        if ours is None:
            return None
        if self._poll_trouble is not None:
            return self._poll_trouble
        if self._serial is not None and is_newer(self._serial, ours):
            return ahead(self._serial, ours)
        if self._notifier.trouble is not None:
            return self._notifier.trouble
        if self._serial is None:
            return None
        problem = self._problem()
        if problem is not None:
            return Diagnosis(SecondaryReason.BAD_CATALOG, problem)
        if self._serial == ours:
            return UP_TO_DATE
        since = self._behind_since
        if since is not None and asyncio.get_running_loop().time() - since >= STUCK_SECONDS:
            return stuck()
        return behind(is_silent=self._notifier.is_silent)

    def _log(self) -> None:
        """Say what has come to be wrong, or right again; versions come and go without a word."""
        verdict = self._verdict()
        if verdict is None or verdict.reason == self._logged:
            return
        if verdict.reason not in _UNREMARKABLE:
            log.warning("%s: %s: %s", self.title, verdict.reason, verdict.message)
            self._logged = verdict.reason
        elif self._logged:
            log.info("%s: well again", self.title)
            self._logged = ""
