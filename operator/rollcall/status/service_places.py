"""Where a service is published: an entry for each place that its zones go to. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from rollcall.model import InstanceStatus, ServicePublication, rfc3339
from rollcall.model.status import SERVE
from rollcall.model.wording import abridged
from rollcall.propagation.answered import AnsweredVersion, AnsweredVersions
from rollcall.propagation.places import Place, Standing, places
from rollcall.propagation.targets import TargetStates
from rollcall.zone import PublishedName
from rollcall.zone.names import to_text
from rollcall.zone.serial import is_newer
from rollcall.zone.served import ServedZone

from .conditions import DETAIL_LIMIT

MAX_PUBLICATIONS = 256
NAMED_PLACES = 5
"""So many places are named in a condition; the rest is counted."""


class _At(NamedTuple):
    entry: ServicePublication
    standing: Standing
    is_first: bool  # it hasn't been there before


class ServicePlaces:
    """The places that a service should be at.

    `selecting` are the zones that select it. `current` is the status that the API server holds: what is still
    as it was there keeps its serial and its time. `is_as_before` says that the service is the same as there.

    Attributes:
        zones: how many zones select it.
        missing_zones: how many of them are not answered with it yet.
    """

    def __init__(
        self,
        selecting: Sequence[ServedZone],
        published: Sequence[PublishedName],
        answered: AnsweredVersions,
        targets: TargetStates,
        current: InstanceStatus,
        *,
        is_as_before: bool,
    ) -> None:
        by_name = {each.zone: each for each in published}
        before = {(each.zone, each.target): each for each in current.publications}
        self.zones = len(selecting)
        self.missing_zones = 0
        self._wanted = 0
        self._at: list[_At] = []
        for served in selecting:
            domains = [content.apex for content in served.contents()]
            self._wanted += 1 + len(targets.names(domains))
            name, version = by_name.get(served.zone.name), answered.get(served.domain)
            if name is None or version is None:
                self.missing_zones += 1
                continue
            ours = _served(name, version, before.get((name.zone, SERVE)), is_as_before=is_as_before)
            self._at.append(_At(ours, Standing.THERE, is_first=False))
            for place in places(targets, domains, name.name, name.serial):
                self._at.append(_at(place, ours, before.get((name.zone, place.target))))

    def names(self) -> list[str]:
        """Return its main name in each zone."""
        return [at.entry.dns_name for at in self._at if at.entry.target == SERVE]

    def fraction(self) -> str:
        """Return how many places have it as it is, of all."""
        return f"{sum(each.standing is Standing.THERE for each in self._at)}/{self._wanted}"

    def publications(self) -> tuple[ServicePublication, ...]:
        """Return the entries, the worst first; the list may be cut, the fraction is exact."""
        ranked = sorted(self._at, key=lambda at: (_RANK[at.standing], at.entry.zone))
        return tuple(at.entry for at in ranked[:MAX_PUBLICATIONS])

    def failing(self) -> list[ServicePublication]:
        """Return the entries of the places where somebody may have to act."""
        return [at.entry for at in self._at if at.standing is Standing.FAILING]

    def underway(self) -> str:
        """Name the places that are about to have it for the first time, "" for none."""
        first = [f"{at.entry.target} of the zone {at.entry.zone}" for at in self._at if at.is_first]
        return abridged(first[:NAMED_PLACES], len(first)) if first else ""


_RANK = {Standing.FAILING: 0, Standing.ON_ITS_WAY: 1, Standing.UNKNOWN: 1, Standing.THERE: 2}


def places_text(entries: Sequence[ServicePublication]) -> str:
    """Say what is wrong at places, in sentences."""
    told = [f"{each.target} of the zone {each.zone}: {each.message}" for each in entries[:NAMED_PLACES]]
    if (more := len(entries) - len(told)) > 0:
        told.append(f"{more} more are listed in status.publications.")
    return " ".join(told)


def _at(place: Place, ours: ServicePublication, before: ServicePublication | None) -> _At:
    """Say what a target has; `ours` is what our own server has of the zone."""
    if before is None or before.dns_name != ours.dns_name:
        before = ServicePublication(ours.zone, place.target, ours.dns_name)
    is_same = before.serial == ours.serial and bool(before.time)
    standing = place.standing
    if standing is Standing.UNKNOWN and is_same and not before.reason:
        standing = Standing.THERE
    if standing is Standing.THERE:
        time = before.time if is_same else rfc3339(place.at)
        return _At(
            msgspec.structs.replace(before, serial=ours.serial, time=time, reason="", message=""),
            standing,
            is_first=False,
        )
    told = msgspec.structs.replace(before, reason=place.reason, message=place.message[:DETAIL_LIMIT])
    return _At(told, standing, is_first=standing is not Standing.FAILING and not before.time)


def _served(
    published: PublishedName,
    version: AnsweredVersion,
    before: ServicePublication | None,
    *,
    is_as_before: bool,
) -> ServicePublication:
    """Say since which version of the zone our own server has a service as it is."""
    name = to_text(published.name)
    serial, time = published.serial, rfc3339(version.at)
    if before is not None and before.dns_name == name:
        # The first version of a process has every service in it; those that didn't change while no process
        # ran keep the serial from before.
        unknown_since = (
            is_as_before and serial == version.first_serial and not is_newer(before.serial, serial)
        )
        if (before.serial == serial or unknown_since) and before.time:
            serial, time = before.serial, before.time
    return ServicePublication(published.zone, SERVE, name, serial, time)
