"""Brings one domain to one octoDNS provider, and keeps it so."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from rollcall.kube.backoff import Backoff, uniform
from rollcall.model import OctodnsTarget
from rollcall.propagation.report import BEHIND, CURRENT, PartialTrouble, TargetReport
from rollcall.zone.exported import ExportedZone, Version
from rollcall.zone.names import to_text

from . import process
from .exchange import Failure, Outcome, SyncRequest, WireRRset

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""From the end of a run to the next one, however much changes meanwhile."""

REPAIR_SECONDS = 600.0
"""So often a run puts right what others have changed at the provider."""

LIMIT_SECONDS = 300.0
FIRST_RETRY_SECONDS = 2.0
LAST_RETRY_SECONDS = 300.0

NOT_FOUND = "SecretNotFound"
NAMES_TAKEN = "NamesTaken"

Entries = Callable[[], Mapping[str, bytes] | None]
Perform = Callable[[SyncRequest, float], Awaitable[Outcome]]


class OctodnsWorker:
    """Publishes one domain at one target, one run at a time.

    `entries` gives those of the target's Secret, None while there is no such Secret; `identity` is the
    owner that markers name. `perform` does a run within a limit of seconds.
    """

    def __init__(
        self,
        zone: str,
        spec: OctodnsTarget,
        exported: ExportedZone,
        identity: str,
        entries: Entries,
        report: Callable[[TargetReport], None],
        perform: Perform = process.run,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._zone = zone
        self._spec = spec
        self._exported = exported
        self._identity = identity
        self._entries = entries
        self._report = report
        self._perform = perform
        self._unix_time = unix_time
        self._wake = asyncio.Event()
        self._new_entries = asyncio.Event()
        self._used: Mapping[str, bytes] | None = None
        self._last = TargetReport(zone, exported.apex, spec.name, 0, 0.0, BEHIND, "", healthy=True)
        self._is_failing = False
        self._backoff = Backoff(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS)

    def on_version(self, version: Version) -> None:
        """Let the next run begin soon: there is a new version."""
        self._wake.set()

    def on_secrets_changed(self) -> None:
        """Try anew, if our Secret is among those that changed: it may be the remedy."""
        if self._entries() != self._used:
            self._new_entries.set()
            self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self._wake.clear()
            self._new_entries.clear()
            await self._publish()
            await self._rest()

    async def _rest(self) -> None:
        """Wait for a change; after a failure for a new Secret only: the zone changes all the time."""
        if self._is_failing:
            seconds, event = self._backoff.next_seconds(), self._new_entries
        else:
            self._backoff.reset()
            await asyncio.sleep(PAUSE_SECONDS)
            seconds, event = REPAIR_SECONDS * uniform(0.9, 1.0), self._wake
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass

    async def _publish(self) -> None:
        serial = self._exported.serial
        if self._last.reason == CURRENT and self._last.serial != serial:
            self._say(BEHIND, "A run is under way.", healthy=True)
        self._is_failing = True
        self._used = self._entries()
        if self._used is None:
            message = f"There is no Secret {self._spec.config_secret} in Rollcall's namespace: make it."
            self._say(NOT_FOUND, message, healthy=False)
            return
        try:
            outcome = await self._perform(self._request(self._used), LIMIT_SECONDS)
        except OSError as error:  # no process, no memory
            self._say(Failure.ENDED, f"octoDNS can't be started: {error}. It is tried again.", healthy=False)
            return
        if outcome.failure is not None:
            self._say(outcome.failure, outcome.message, healthy=False)
            return
        self._is_failing = False
        self._succeeded(serial, outcome)

    def _request(self, entries: Mapping[str, bytes]) -> SyncRequest:
        rrsets: tuple[WireRRset, ...] = tuple(
            (owner, rdtype, rrset.ttl, rrset.records)
            for (owner, rdtype), rrset in self._exported.rrsets.items()
        )
        return SyncRequest(
            target=self._spec.name,
            secret=self._spec.config_secret,
            domain=self._exported.apex,
            identity=self._identity,
            settings=dict(entries),
            rrsets=rrsets,
        )

    def _succeeded(self, serial: int, outcome: Outcome) -> None:
        message = (
            f"RRsets created: {outcome.created}, changed: {outcome.updated}, deleted: {outcome.deleted}."
        )
        if outcome.left_out:
            message += f" The provider can't hold these, which are left out: {outcome.left_out}."
        partial: tuple[PartialTrouble, ...] = ()
        if outcome.taken:
            message = (
                "Others have records at or below these names, which are therefore not published:"
                f" {outcome.taken}. Remove the records there, or rename the services. {message}"
            )
            reason = NAMES_TAKEN
            if outcome.taken_names:
                partial = (PartialTrouble(reason, message, frozenset(outcome.taken_names)),)
        else:
            reason = CURRENT if serial == self._exported.serial else BEHIND
        published = serial, self._unix_time()
        self._say(reason, message, healthy=not outcome.taken, published=published, partial=partial)

    def _say(
        self,
        reason: str,
        message: str,
        *,
        healthy: bool,
        published: tuple[int, float] | None = None,
        partial: tuple[PartialTrouble, ...] = (),
    ) -> None:
        serial, at = published or (self._last.serial, self._last.at)
        apex, target = self._exported.apex, self._spec.name
        last = self._last
        self._last = TargetReport(self._zone, apex, target, serial, at, reason, message, healthy, partial)
        if not healthy and (last.reason, last.message) != (reason, message):
            log.warning(
                "%s at the octoDNS target %s of DiscoveryZone %s: %s",
                to_text(apex),
                target,
                self._zone,
                message,
            )
        self._report(self._last)
