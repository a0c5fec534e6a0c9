"""How far each target is with each domain. Pure."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from rollcall.model import OctodnsTarget, UpdateTarget
from rollcall.zone import Zones
from rollcall.zone.names import from_text
from rollcall.zone.serial import is_newer

from .report import AHEAD, CURRENT, TargetReport


class TargetState(msgspec.Struct, frozen=True):
    """A report, and since when (Unix seconds) the target is behind; None where it is current."""

    report: TargetReport
    behind_since: float | None


class _Target:
    """`state` is None before the first report; `confirmed` is the last serial of ours in one, or 0."""

    __slots__ = ("confirmed", "state")

    def __init__(self) -> None:
        self.state: TargetState | None = None
        self.confirmed = 0

    def lacks(self, serial: int) -> bool:
        return not self.confirmed or is_newer(serial, self.confirmed)


class TargetStates:
    """The state of each target that DiscoveryZones ask for, by domain (wire format) and name."""

    def __init__(self) -> None:
        self._targets: dict[bytes, dict[str, _Target]] = {}

    def __iter__(self) -> Iterator[TargetState]:
        """Yield the states of all targets that have reported."""
        return (state for targets in self._targets.values() for state in _states(targets))

    def of(self, domains: Iterable[bytes]) -> list[TargetState]:
        """Return the states of the targets of some domains that have reported, by domain and name."""
        return [state for domain in sorted(domains) for state in _states(self._targets.get(domain, {}))]

    def keep(self, wanted: Iterable[tuple[bytes, str]]) -> None:
        """Keep the targets that are wanted, each a domain and a name; forget the others."""
        targets: dict[bytes, dict[str, _Target]] = {}
        for domain, name in wanted:
            known = self._targets.get(domain, {}).get(name)
            targets.setdefault(domain, {})[name] = known or _Target()
        self._targets = targets

    def on_report(self, report: TargetReport, now: float) -> bool:
        """Note a report; return whether it says anything new. `now` is in Unix seconds."""
        target = self._targets.get(report.domain, {}).get(report.target)
        if target is None or (target.state is not None and target.state.report == report):
            return False
        behind_since = target.state.behind_since if target.state else None
        behind_since = None if report.reason == CURRENT else now if behind_since is None else behind_since
        target.state = TargetState(report, behind_since)
        # One that is ahead got its serial from somebody else, and not our records with it.
        if report.serial and report.reason != AHEAD:
            target.confirmed = report.serial
        return True

    def lacking(self, domain: bytes, serial: int) -> list[str]:
        """Return the targets of a domain that haven't got a version of it yet."""
        return [name for name, target in self._targets.get(domain, {}).items() if target.lacks(serial)]

    def are_there(self, domains: Iterable[bytes]) -> bool:
        """Whether any of these domains goes to a target at all."""
        return any(self._targets.get(domain) for domain in domains)


def _states(targets: Mapping[str, _Target]) -> Iterator[TargetState]:
    return (target.state for _, target in sorted(targets.items()) if target.state is not None)


def wanted_targets(zones: Zones) -> set[tuple[bytes, str]]:
    """Return (domain, target) of all that zones go to, secondaries included, but for our own server."""
    wanted: set[tuple[bytes, str]] = set()
    for served in zones.served_zones():
        zone = served.zone
        domains = [content.apex for content in served.contents()]
        for spec in zone.spec.written_targets:
            wanted |= {(domain, spec.name) for domain in domains_of(spec, domains)}
        if zone.spec.transfer is not None:
            wanted |= {(domain, each.name) for each in zone.spec.transfer.secondaries for domain in domains}
    return wanted


def domains_of(spec: UpdateTarget | OctodnsTarget, domains: Iterable[bytes]) -> list[bytes]:
    """Return which of the domains of a zone (wire format) go to a target: all, unless it names some."""
    named = {from_text(text) for text in spec.domains}
    return [domain for domain in domains if not named or domain in named]
