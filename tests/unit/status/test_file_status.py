"""The status of a DiscoveryFile."""

from typing import Any

import msgspec
import pytest

from rollcall.model import ConfigMapTarget, DiscoveryFile, FileSpec, FileStatus, Key, Problem, Status
from rollcall.publish.config_maps import FileReport
from rollcall.publish.files import LeftOut
from rollcall.status.file_status import file_status
from unit.status.cluster import START, Json, as_json, checked, condition, states

FILE = DiscoveryFile(Key("shop", "hosts"), "uid", 2, FileSpec("hosts", ConfigMapTarget("hosts", "hosts")))
REPORT = FileReport(
    generation=2,
    services=3,
    instances=7,
    bytes=512,
    config_maps=("hosts",),
    keys=("hosts",),
    digest="abc123",
    serial=5,
    written_at=START - 60,
)


def status_of(report: FileReport | None, current: Json | None = None, **options: Any) -> Json:
    """Return the status of the file as it is written, checked."""
    return as_json(made_of(report, msgspec.convert(current or {}, FileStatus), **options))


def made_of(report: FileReport | None, current: FileStatus, **options: Any) -> Status:
    """Return the status of the file, checked."""
    options = dict[str, Any](denied_namespaces=[], now=START) | options
    return checked("DiscoveryFile", file_status(FILE, report, current, **options))


def changed(**fields: Any) -> FileReport:
    return msgspec.structs.replace(REPORT, **fields)


def test_a_file_as_it_should_be() -> None:
    status = status_of(REPORT)
    assert states(status) == {"Ready": ("True", "Written")}
    assert condition(status, "Ready")["message"] == "3 services with 7 instances are in hosts."  # type: ignore[index]
    assert status.pop("conditions")
    assert status == {
        "observedGeneration": 2,
        "services": 3,
        "instances": 7,
        "bytes": 512,
        "parts": 1,
        "configMaps": ["hosts"],
        "digest": "abc123",
        "leftOut": [],
        "lastChangeTime": "2027-01-15T07:59:00Z",
    }


@pytest.mark.parametrize("report", [None, changed(generation=1)])
def test_a_spec_that_is_not_written_yet(report: FileReport | None) -> None:
    status = status_of(report)
    assert states(status) == {"Ready": ("False", "Writing"), "Reconciling": ("True", "Writing")}
    assert status["observedGeneration"] == 2


@pytest.mark.parametrize("reason", ["ConfigMapNotOurs", "ConfigMapTaken", "TooLarge", "Forbidden"])
def test_somebody_must_act(reason: str) -> None:
    status = status_of(FileReport(generation=2, problem=Problem(reason, "Do this.")))
    assert states(status) == {"Ready": ("False", reason), "Stalled": ("True", reason)}
    assert "services" not in status
    assert condition(status, "Stalled")["message"] == "Do this."  # type: ignore[index]


@pytest.mark.parametrize("reason", ["ApiUnreachable", "ConfigMapConflict"])
def test_it_passes_by_itself(reason: str) -> None:
    status = status_of(changed(problem=Problem(reason, "It is tried again.")))
    assert states(status) == {"Ready": ("False", reason), "Reconciling": ("True", reason)}
    assert status["services"] == 3, "what stands in the ConfigMap stays told"


def test_namespaces_without_leave() -> None:
    status = status_of(REPORT, denied_namespaces=["bank", "post"])
    assert states(status)["Stalled"] == ("True", "NamespacesNotAllowed")
    assert "bank, post" in status["conditions"][0]["message"]


def test_services_that_are_left_out() -> None:
    left_out = tuple(LeftOut(Key("shop", f"s{i}"), "NoPort", f"It has no port x{i}.") for i in range(107))
    status = status_of(changed(left_out=left_out))
    assert states(status) == {"Ready": ("True", "ServicesLeftOut")}
    message = status["conditions"][0]["message"]
    assert "Not in it, or not all of it: shop/s0: It has no port x0." in message
    assert "shop/s5" not in message
    assert message.endswith("And 102 more.")
    assert len(status["leftOut"]) == 100
    assert status["leftOut"][6] == {
        "namespace": "shop",
        "name": "s6",
        "reason": "NoPort",
        "message": "It has no port x6.",
    }


def test_the_time_is_that_of_the_content() -> None:
    first = status_of(REPORT)
    assert status_of(changed(written_at=START), first) == first, "a repair changes no content"
    assert status_of(changed(written_at=None), first) == first, "nor does a restart"
    second = status_of(changed(written_at=START, digest="def"), first)
    assert second["lastChangeTime"] == "2027-01-15T08:00:00Z"
    assert status_of(changed(written_at=None))["lastChangeTime"] == "2027-01-15T08:00:00Z"
