"""The status of a DiscoveryFile: what its ConfigMaps hold. Pure."""

from collections.abc import Sequence

from rollcall.model import (
    Condition,
    DiscoveryFile,
    FileStatus,
    LeftOutService,
    Problem,
    Status,
    rfc3339,
)
from rollcall.model.wording import counted
from rollcall.publish.config_maps import FileReport
from rollcall.publish.files import LeftOut

from .conditions import DETAIL_LIMIT, merged, ready, reconciling, stalled

_PASSING = ("ApiUnreachable", "ConfigMapConflict", "ConfigMapGone")
"""Problems that go away without anybody's help."""

_NAMED = 5
"""How many of the services that are left out a message names."""

_LISTED = 100
"""How many of them status lists."""


def file_status(
    file: DiscoveryFile,
    report: FileReport | None,
    current: FileStatus,
    *,
    denied_namespaces: Sequence[str],
    now: float,
) -> Status:
    """Return the status of a DiscoveryFile.

    `report` is the last word of its publisher, None before the first. `current` is the status that the API
    server holds. `denied_namespaces` are those that the file selects from without the operator's leave. `now`
    is in Unix seconds.
    """
    conditions = merged(_conditions(file, report, denied_namespaces), current, file.generation, now)
    if report is None or not report.config_maps:
        return Status(file.generation, conditions)
    return FileStatus(
        observed_generation=file.generation,
        services=report.services,
        instances=report.instances,
        bytes=report.bytes,
        parts=len(report.keys),
        config_maps=report.config_maps,
        digest=report.digest,
        left_out=tuple(map(_left_out, report.left_out[:_LISTED])),
        last_change_time=_last_change(report, current, now),
        conditions=conditions,
    )


def _left_out(each: LeftOut) -> LeftOutService:
    return LeftOutService(*each.service, each.reason, each.message[:DETAIL_LIMIT])


def _last_change(report: FileReport, current: FileStatus, now: float) -> str:
    if current.last_change_time and current.digest == report.digest:
        return current.last_change_time
    return rfc3339(now if report.written_at is None else report.written_at)


def _conditions(
    file: DiscoveryFile, report: FileReport | None, denied_namespaces: Sequence[str]
) -> list[Condition]:
    if report is None or report.generation != file.generation:
        return reconciling("Writing", f"On its way to the ConfigMap {file.spec.config_map.name}.")
    if problem := report.problem:
        if problem.reason in _PASSING:
            return reconciling(problem.reason, problem.message)
        return stalled(problem)
    if denied_namespaces:
        return stalled(
            Problem(
                "NamespacesNotAllowed",
                f"Services of {', '.join(denied_namespaces)} are not in the file: start Rollcall with"
                " --cross-namespace-files, or make a DiscoveryFile in each of these namespaces.",
            )
        )
    if report.left_out:
        named = [f"{each.service}: {each.message}" for each in report.left_out[:_NAMED]]
        more = len(report.left_out) - len(named)
        return ready(
            "ServicesLeftOut",
            f"{_content(report)} Not in it, or not all of it: {' '.join(named)}"
            + (f" And {more} more." if more else ""),
        )
    return ready("Written", _content(report))


def _content(report: FileReport) -> str:
    where = ", ".join(report.config_maps[:_NAMED]) + (", …" if len(report.config_maps) > _NAMED else "")
    services = counted(report.services, "service")
    return f"{services} with {counted(report.instances, 'instance')} are in {where}."
