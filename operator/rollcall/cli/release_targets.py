"""Which targets have the answers of a service as they are now. Pure.

The serial of a service in a zone is the zone's version that last changed it; a target that has this version
or a later one has it.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from rollcall.model import ZonePublication
from rollcall.model.status import SERVE
from rollcall.zone.serial import is_newer

from .objects import ServiceObject, ZoneObject

UNREPORTED = "Unreported"

Needed = dict[tuple[str, str], int]
"""The serial that each domain of a zone has to have reached, by zone and domain."""


class TargetView(msgspec.Struct, frozen=True, rename="camel"):
    """A place that a domain of a zone goes to, and whether it has the version that is needed."""

    zone: str
    domain: str
    target: str
    serial: int
    needed: int
    is_current: bool = msgspec.field(name="current")
    reason: str = ""
    message: str = ""


def targets(
    service: ServiceObject, zones: Mapping[str, ZoneObject], pinned: Needed | None = None
) -> list[TargetView]:
    """Tell of each target of a service whether it has what the service's status says is published.

    `zones` are those that publish it, by name; one that isn't there has no targets. `pinned` are serials that
    were needed before: they are kept, and those that become known are added. So a service that goes on
    changing can be waited for.
    """
    needed: Needed = {} if pinned is None else pinned
    found: list[TargetView] = []
    for publication in service.status.publications:
        if publication.target == SERVE and (zone := zones.get(publication.zone)) is not None:
            needed.setdefault((publication.zone, _plain(zone.spec.domain)), publication.serial)
            found += _of_zone(zone, needed)
    return found


def _of_zone(zone: ZoneObject, needed: Needed) -> Iterator[TargetView]:
    name, main = zone.metadata.name, _plain(zone.spec.domain)
    states = {(_plain(each.domain), each.target): each for each in zone.status.publications}
    forward = states.get((main, SERVE))
    is_served = forward is not None and not is_newer(needed[name, main], forward.serial)
    for domain, target in _expected(zone):
        state = states.get((domain, target)) or ZonePublication(domain, target, reason=UNREPORTED)
        if is_served and (served := states.get((domain, SERVE))) is not None:
            # A reverse domain counts on its own. What our server has of it by now holds the change: all
            # domains of a zone go there together.
            needed.setdefault((name, domain), served.serial)
        serial = needed.get((name, domain))
        yield TargetView(
            name,
            domain,
            target,
            state.serial,
            serial or 0,
            bool(state.serial) and serial is not None and not is_newer(serial, state.serial),
            state.reason,
            state.message,
        )


def _expected(zone: ZoneObject) -> Iterator[tuple[str, str]]:
    """Yield each domain with each of its targets, by the spec: one that is silent doesn't have it."""
    destinations = [(name, set(map(_plain, named))) for name, named in zone.spec.destinations]
    for domain in map(_plain, (zone.spec.domain, *zone.spec.reverse_domains)):
        yield domain, SERVE
        for name, named in destinations:
            if not named or domain in named:
                yield domain, name


def _plain(domain: str) -> str:
    return domain.rstrip(".").lower()


def behind(found: Iterable[TargetView]) -> str:
    """Say which targets have not got there yet, "" where all have."""
    waiting = [
        f"{each.target} ({each.domain})" + (f": {each.message}" if each.message else "")
        for each in found
        if not each.is_current
    ]
    return "; ".join(waiting)
