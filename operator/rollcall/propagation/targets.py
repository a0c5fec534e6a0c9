"""How far each target is with each domain. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from rollcall.dnswire.names import suffixes
from rollcall.zone import Zones
from rollcall.zone.names import from_text
from rollcall.zone.serial import is_newer

from .report import AHEAD, CURRENT, TargetReport


class TargetState(msgspec.Struct, frozen=True):
    """A report, and since when (Unix seconds) the target is behind; None where it is current."""

    report: TargetReport
    behind_since: float | None


class TargetNews(NamedTuple):
    """What a report says that was not known.

    `has_arrived`: the target has a newer version of the domain. `concerned` are the names (wire format) of
    which something else is true now than before; None: all of the domain.
    """

    report: TargetReport
    has_arrived: bool
    concerned: frozenset[bytes] | None


class DomainAtTarget:
    """One domain at one target.

    `state` is None before the first report; `confirmed` is the last serial of ours in one, or 0.
    """

    __slots__ = ("_above", "confirmed", "state")

    def __init__(self) -> None:
        self.state: TargetState | None = None
        self.confirmed = 0
        self._above: tuple[frozenset[bytes], ...] = ()

    def lacks(self, serial: int) -> bool:
        """Whether it hasn't got a version, or we don't know yet that it has."""
        return not self.confirmed or is_newer(serial, self.confirmed)

    def trouble(self, root: bytes) -> tuple[str, str] | None:
        """Return reason and message of what is wrong with a service, by its main name; None: nothing is."""
        report = self.state.report if self.state else None
        if report is None or report.healthy:
            return None
        if not report.partial:
            return report.reason, report.message
        for trouble, above in zip(report.partial, self._above, strict=True):
            if root in above or not trouble.names.isdisjoint(suffixes(root)):
                return trouble.reason, trouble.message
        return None

    def on_report(self, report: TargetReport, now: float) -> TargetNews | None:
        """Note a report; return what is new in it, None for nothing. `now` is in Unix seconds."""
        before, serial = self.state, self.confirmed
        if before is not None and before.report == report:
            return None
        behind_since = before.behind_since if before else None
        behind_since = None if report.reason == CURRENT else now if behind_since is None else behind_since
        self.state = TargetState(report, behind_since)
        if before is None or before.report.partial != report.partial:
            self._above = tuple(
                frozenset(above for name in trouble.names for above in suffixes(name))
                for trouble in report.partial
            )
        # One that is ahead got its serial from somebody else, and not our records with it.
        if report.serial and report.reason != AHEAD:
            self.confirmed = report.serial
        return TargetNews(
            report, self.confirmed != serial, _concerned(before.report if before else None, report)
        )


def _concerned(before: TargetReport | None, after: TargetReport) -> frozenset[bytes] | None:
    """Return the names whose state a report changes, None for all."""
    was, now = _troubles(before), _troubles(after)
    if isinstance(was, str) or isinstance(now, str):
        return frozenset() if was == now else None
    return frozenset(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))


def _troubles(report: TargetReport | None) -> str | dict[bytes, str]:
    """Return the reason for which nothing is there, or those of the names that are not."""
    if report is None or report.healthy:
        return {}
    if not report.partial:
        return report.reason
    return {name: trouble.reason for trouble in report.partial for name in trouble.names}


class TargetStates:
    """The state of each target that DiscoveryZones ask for, by domain (wire format) and name."""

    def __init__(self) -> None:
        self._targets: dict[bytes, dict[str, DomainAtTarget]] = {}

    def __iter__(self) -> Iterator[TargetState]:
        """Yield the states of all targets that have reported."""
        return (state for targets in self._targets.values() for state in _states(targets))

    def of(self, domains: Iterable[bytes]) -> list[TargetState]:
        """Return the states of the targets of some domains that have reported, by domain and name."""
        return [state for domain in sorted(domains) for state in _states(self._targets.get(domain, {}))]

    def keep(self, wanted: Iterable[tuple[bytes, str]]) -> None:
        """Keep the targets that are wanted, each a domain and a name; forget the others."""
        targets: dict[bytes, dict[str, DomainAtTarget]] = {}
        for domain, name in wanted:
            known = self._targets.get(domain, {}).get(name)
            targets.setdefault(domain, {})[name] = known or DomainAtTarget()
        self._targets = targets

    def on_report(self, report: TargetReport, now: float) -> TargetNews | None:
        """Note a report; return what is new in it, None for nothing. `now` is in Unix seconds."""
        target = self.get(report.domain, report.target)
        return target.on_report(report, now) if target else None

    def get(self, domain: bytes, name: str) -> DomainAtTarget | None:
        """Return a domain at a target, None where the domain doesn't go there."""
        return self._targets.get(domain, {}).get(name)

    def names(self, domains: Iterable[bytes]) -> list[str]:
        """Return the targets that any of some domains goes to."""
        return sorted({name for domain in domains for name in self._targets.get(domain, ())})

    def lacking(self, domain: bytes, serial: int) -> list[str]:
        """Return the targets of a domain that haven't got a version of it yet."""
        return [name for name, target in self._targets.get(domain, {}).items() if target.lacks(serial)]

    def are_there(self, domains: Iterable[bytes]) -> bool:
        """Whether any of these domains goes to a target at all."""
        return any(self._targets.get(domain) for domain in domains)


def _states(targets: Mapping[str, DomainAtTarget]) -> Iterator[TargetState]:
    return (target.state for _, target in sorted(targets.items()) if target.state is not None)


def wanted_targets(zones: Zones) -> set[tuple[bytes, str]]:
    """Return (domain, target) of all that zones go to, secondaries included, but for our own server."""
    wanted: set[tuple[bytes, str]] = set()
    for served in zones.served_zones():
        domains = [content.apex for content in served.contents()]
        for name, named in served.zone.spec.destinations:
            wanted |= {(domain, name) for domain in domains_for(named, domains)}
    return wanted


def domains_for(named: Iterable[str], domains: Iterable[bytes]) -> list[bytes]:
    """Return which of the domains of a zone (wire format) go to a target: all, unless it names some."""
    wanted = {from_text(text) for text in named}
    return [domain for domain in domains if not wanted or domain in wanted]
