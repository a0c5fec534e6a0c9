"""The status of a DiscoveryFile: what its ConfigMaps hold. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from rollcall.model import DiscoveryFile, Problem
from rollcall.publish.config_maps import FileReport
from rollcall.publish.files import LeftOut

from .conditions import Condition, merged, ready, reconciling, rfc3339, stalled

_PASSING = ("ApiUnreachable", "ConfigMapConflict")
"""Problems that go away without anybody's help."""

_NAMED = 5
"""How many of the services that are left out a message names."""

_LISTED = 100
"""How many of them status lists."""

_MESSAGE_LIMIT = 1024


def file_status(
    file: DiscoveryFile,
    report: FileReport | None,
    current: Mapping[str, Any],
    *,
    denied_namespaces: Sequence[str],
    now: float,
) -> dict[str, Any]:
    """Return the status of a DiscoveryFile.

    `report` is the last word of its publisher, None before the first. `current` is the status that the API
    server holds, {} where there is none. `denied_namespaces` are those that the file selects from without the
    operator's leave. `now` is in Unix seconds.
    """
    status: dict[str, Any] = {"observedGeneration": file.generation}
    if report is not None and report.config_maps:
        status |= {
            "services": report.services,
            "instances": report.instances,
            "bytes": report.bytes,
            "parts": len(report.keys),
            "configMaps": list(report.config_maps),
            "digest": report.digest,
            "leftOut": [_left_out(each) for each in report.left_out[:_LISTED]],
            "lastChangeTime": _last_change(report, current, now),
        }
    conditions = _conditions(file, report, denied_namespaces)
    status["conditions"] = merged(conditions, current, file.generation, now)
    return status


def _left_out(each: LeftOut) -> dict[str, str]:
    namespace, name = each.service
    message = each.message[:_MESSAGE_LIMIT]
    return {"namespace": namespace, "name": name, "reason": each.reason, "message": message}


def _last_change(report: FileReport, current: Mapping[str, Any], now: float) -> str:
    held = current.get("lastChangeTime")
    if held and current.get("digest") == report.digest:
        return str(held)
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
            f"{_content(report)} Left out: {' '.join(named)}" + (f" And {more} more." if more else ""),
        )
    return ready("Written", _content(report))


def _content(report: FileReport) -> str:
    where = ", ".join(report.config_maps[:_NAMED]) + (", …" if len(report.config_maps) > _NAMED else "")
    return f"{report.services} services with {report.instances} instances are in {where}."
