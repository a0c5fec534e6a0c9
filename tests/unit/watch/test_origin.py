"""Whose a ServiceInstance is, from its managedFields as API servers write them."""

from typing import Any

import msgspec
import pytest

from rollcall.model import HelmRelease, Origin
from rollcall.watch import SERVICE_INSTANCES, SERVICES

Json = dict[str, Any]

UID = "c3b7a3b0-0000-4000-8000-000000000001"
KEY = f'k:{{"uid":"{UID}"}}'
OWNER = {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": UID}
MARKS: Json = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "prod"},
}


def writer(manager: str, fields: Json, operation: str = "Update", subresource: str = "") -> Json:
    told = {"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": fields}
    return told | ({"subresource": subresource} if subresource else {})


def owning(manager: str) -> Json:
    return writer(manager, {"f:metadata": {"f:ownerReferences": {".": {}, KEY: {}}}})


OURS = owning("rollcall-operator")
STATUS = writer("rollcall", {"f:status": {"f:ready": {}}}, subresource="status")
SPEC: Json = {"f:spec": {"f:ttlSeconds": {}}}


def origin(writers: list[Json], generation: int = 1, owners: list[Json] | None = None, **more: Any) -> Origin:
    metadata = {
        "namespace": "shop",
        "name": "web",
        "uid": "u",
        "generation": generation,
        "managedFields": writers,
        "ownerReferences": [OWNER] if owners is None else owners,
        **more,
    }
    item = SERVICE_INSTANCES.read_item(msgspec.Raw(msgspec.json.encode({"metadata": metadata})))
    assert item.object is not None
    return item.object.origin


@pytest.mark.parametrize("writers", [[OURS], [OURS, STATUS]])
def test_one_that_nobody_else_has_written(writers: list[Json]) -> None:
    assert origin(writers) == Origin(is_generated=True, owner=UID)


@pytest.mark.parametrize(
    "theirs",
    [
        writer("kubectl-patch", SPEC),
        writer("kubectl-client-side-apply", {"f:metadata": {"f:annotations": {"f:x": {}}}}),
        writer("helm", SPEC, "Apply"),
        writer("argocd-controller", {"f:metadata": {"f:labels": {"f:team": {}}}}, "Apply"),
        writer("rollcall", SPEC),  # the command line
        writer("kubectl-edit", {}),
    ],
)
def test_one_that_somebody_has_written(theirs: Json) -> None:
    assert origin([OURS, STATUS, theirs], 2) == Origin(is_generated=False, owner=UID)
    assert origin([OURS, theirs]) == Origin(is_generated=False, owner=UID)


def test_a_second_generation_is_somebody_elses_whoever_says_so() -> None:
    assert not origin([OURS], 2).is_generated


@pytest.mark.parametrize("writers", [[], [STATUS]])
def test_one_without_writers_is_nobodys_to_take(writers: list[Json]) -> None:
    """As after a restore that drops them."""
    assert origin(writers) == Origin()


def test_an_owner_that_somebody_else_has_set_too_is_theirs() -> None:
    assert origin([OURS, owning("flux")]).owner == ""
    assert origin([owning("flux")]).owner == ""


def test_an_owner_of_another_kind_is_not_ours() -> None:
    assert origin([OURS], owners=[OWNER | {"kind": "Deployment"}]).owner == ""


def test_the_marks_of_a_release() -> None:
    assert origin([OURS], **MARKS).release == HelmRelease("shop", "prod")
    assert origin([OURS], labels={"app.kubernetes.io/managed-by": "other"}).release is None


@pytest.mark.parametrize(("operation", "is_applied"), [("Apply", True), ("Update", False)])
def test_how_helm_has_written_a_service(operation: str, is_applied: bool) -> None:
    fields: Json = {"f:metadata": {"f:annotations": {"f:meta.helm.sh/release-name": {}}}}
    writers = [writer("helm", fields, operation), writer("kubectl-edit", {})]
    metadata = {"namespace": "shop", "name": "web", "uid": "u", "managedFields": writers, **MARKS}
    item = SERVICES.read_item(msgspec.Raw(msgspec.json.encode({"metadata": metadata})))
    assert item.object is not None
    assert item.object.release == HelmRelease("shop", "prod")
    assert item.object.is_applied_by_helm is is_applied
