"""What the targets of each DiscoveryZone have said of themselves last."""

from collections.abc import Collection, Iterator

import msgspec

from .report import CURRENT, TargetReport


class TargetState(msgspec.Struct, frozen=True):
    """A report, and since when (Unix seconds) the target is behind; None where it is current."""

    report: TargetReport
    behind_since: float | None


class TargetStates:
    """The last report of each target, by DiscoveryZone."""

    def __init__(self) -> None:
        self._states: dict[str, dict[tuple[bytes, str], TargetState]] = {}

    def __iter__(self) -> Iterator[TargetState]:
        """Yield every state."""
        for states in self._states.values():
            yield from states.values()

    def of(self, zone: str) -> list[TargetState]:
        """Return the states of a zone's targets, by domain and name."""
        return [state for _, state in sorted(self._states.get(zone, {}).items())]

    def take(self, report: TargetReport, now: float) -> bool:
        """Take a report in; return whether it says anything new. `now` is in Unix seconds."""
        states = self._states.setdefault(report.zone, {})
        before = states.get((report.domain, report.target))
        if report.reason == CURRENT:
            behind_since = None
        else:
            behind_since = now if before is None or before.behind_since is None else before.behind_since
        states[report.domain, report.target] = TargetState(report, behind_since)
        return before is None or before.report != report

    def keep(self, zone: str, targets: Collection[tuple[bytes, str]]) -> None:
        """Forget what a zone's targets have said, but for those of these domains and names."""
        states = {key: state for key, state in self._states.get(zone, {}).items() if key in targets}
        if states:
            self._states[zone] = states
        else:
            self._states.pop(zone, None)
