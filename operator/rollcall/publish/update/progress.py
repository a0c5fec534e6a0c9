"""How far a target has got, and what is wrong with it: said in TargetReports, and each trouble in the log."""

import logging
import time
from collections.abc import Callable, Iterator

from rollcall.kube.backoff import Backoff
from rollcall.model.wording import counted
from rollcall.propagation.report import BEHIND, CURRENT, PartialTrouble, TargetReport
from rollcall.zone.names import to_text

from . import reasons
from .reasons import ConnectionLost, TargetError, UpdateReason
from .worklist import Worklist

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""Between two reports of how far a flood has got."""


class TargetProgress:
    """Says what is new. `zone` is the name of the DiscoveryZone, `backoff` gives the rests after failures."""

    def __init__(
        self,
        zone: str,
        domain: bytes,
        target: str,
        worklist: Worklist,
        backoff: Backoff,
        report: Callable[[TargetReport], None],
    ) -> None:
        self._worklist = worklist
        self._backoff = backoff
        self._report = report
        self._last = TargetReport(zone, domain, target, 0, 0.0, BEHIND, "", healthy=True)
        self._is_failing = False
        self._said_at = 0.0

    def on_failure(self, error: TargetError) -> float:
        """Say what is wrong; return for how many seconds to rest.

        A first loss of the connection is not said, and is tried again at once.
        """
        is_news = self._is_failing or not isinstance(error, ConnectionLost)
        seconds = self._backoff.next_seconds()
        self._is_failing = True
        if not is_news:
            return 0.0
        self._say(error.reason, str(error), healthy=False)
        return seconds

    def on_remedy(self) -> None:
        """Let the next failure be a first one: the server has answered, or there is a new key."""
        self._is_failing = False
        self._backoff.reset()

    def on_applied(self) -> None:
        """Say now and then how much there is left to send."""
        now = time.monotonic()
        if now >= self._said_at + PROGRESS_SECONDS:
            self._said_at = now
            self._say(
                BEHIND,
                f"{counted(self._worklist.size, 'service or pointer is', 'services or pointers are')} left.",
                healthy=True,
            )

    def on_settled(self, serial: int, remark: str) -> None:
        """Say that everything up to a version is there, but for what can't be."""
        troubles = tuple(self._troubles())
        reason, message = (troubles[0].reason, troubles[0].message) if troubles else (CURRENT, remark)
        at = self._last.at if self._last.serial == serial and self._last.at else time.time()
        self._say(reason, message, healthy=not troubles, published=(serial, at), partial=troubles)

    def _troubles(self) -> Iterator[PartialTrouble]:
        """Yield what keeps names from being there, the worst first."""
        obstacles = self._worklist.obstacles
        if marked := [each for each in obstacles if each.owner]:
            names = [name for each in marked for name in each.names]
            message = reasons.owned_by_another((each.owner for each in marked), names)
            yield PartialTrouble(UpdateReason.OWNED_BY_ANOTHER, message, frozenset(names))
        if implausible := [each for each in obstacles if each.epoch]:
            names = [name for each in implausible for name in each.names]
            message = reasons.implausible(names, max(each.epoch for each in implausible))
            yield PartialTrouble(UpdateReason.IMPLAUSIBLE_MARKER, message, frozenset(names))
        if hidden := [each for each in obstacles if each.cut]:
            names = [name for each in hidden for name in each.names]
            message = reasons.occluded(names, [each.cut for each in hidden])
            yield PartialTrouble(UpdateReason.OCCLUDED, message, frozenset(names))
        unmarked = [each for each in obstacles if not (each.owner or each.cut or each.epoch)]
        if names := [name for each in unmarked for name in each.names]:
            yield PartialTrouble(UpdateReason.NAMES_TAKEN, reasons.names_taken(names), frozenset(names))
        for rcode, names in self._worklist.rejected.items():
            yield PartialTrouble(UpdateReason.REJECTED, reasons.rejected(names, rcode), frozenset(names))

    def _say(
        self,
        reason: str,
        message: str,
        *,
        healthy: bool,
        published: tuple[int, float] | None = None,
        partial: tuple[PartialTrouble, ...] = (),
    ) -> None:
        last = self._last
        serial, at = published or (last.serial, last.at)
        report = TargetReport(
            last.zone, last.domain, last.target, serial, at, reason, message, healthy, partial
        )
        if report == last:
            return
        if not healthy and (last.reason, last.message) != (reason, message):
            domain = to_text(last.domain)
            log.warning("%s at %s of DiscoveryZone %s: %s", domain, last.target, last.zone, message)
        self._last = report
        self._report(report)
