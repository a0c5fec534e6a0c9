"""What of a ServiceInstance's metadata is ours, and when it goes.

One that we have made, and that nobody else has written since, goes when its Service is gone: we delete it.
As soon as somebody else has written anything of it, it is theirs, and stays whatever becomes of the Service.
It has no owner: the garbage collector doesn't ask who has written what it takes along, and an owner that is
taken off after somebody's write is taken off too late. Earlier versions did set one.

One that we have made for a Service of a Helm release bears the marks of that release, in nobody's name: so
Helm takes it over when a chart begins to have it, and nobody who applies it meets a conflict with us.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from rollcall.model import API_VERSION, FIELD_MANAGER, HelmRelease, Origin, Service
from rollcall.model.keys import MANAGED_BY
from rollcall.watch.origin import (
    HELM,
    HELM_ANNOTATIONS,
    RELEASE_NAME,
    RELEASE_NAMESPACE,
    origin_of,
)
from rollcall.watch.wire import InstanceMeta

from .kinds import Kind

Json = dict[str, Any]

_FIELDS_OF_MARKS = {
    "f:labels": {f"f:{MANAGED_BY}"},
    "f:annotations": {f"f:{key}" for key in HELM_ANNOTATIONS},
}


def is_to_be_made(service: Service) -> bool:
    """Whether a Service without a ServiceInstance gets one.

    Not where Helm writes client-side, as Helm 3 does: what a chart begins to have, and is there already, it
    refuses, or adopts and then doesn't write its spec.
    """
    return service.release is None or service.is_applied_by_helm


def generated(service: Service) -> Json:
    """Return the ServiceInstance that is made of a Service."""
    metadata: Json = {"name": service.key.name, "namespace": service.key.namespace}
    return {
        "apiVersion": API_VERSION,
        "kind": Kind.SERVICE_INSTANCE,
        "metadata": metadata | _marks(service.release),
        "spec": {},
    }


def is_amiss(origin: Origin, service: Service | None) -> bool:
    """Whether the metadata of a ServiceInstance has to be written."""
    if origin.owner:
        return True
    return origin.is_generated and service is not None and origin.release != _release(service)


def is_left_over(origin: Origin, service: Service | None) -> bool:
    """Whether a ServiceInstance is to go: its Service is gone, and nobody else has written it."""
    return origin.is_generated and service is None


def amendment(metadata: Mapping[str, Any], service: Service | None) -> Json | None:
    """Return the merge patch that puts the metadata of a ServiceInstance right; None where it is."""
    origin = origin_in(metadata)
    if not is_amiss(origin, service):
        return None
    patch: Json = {"resourceVersion": metadata["resourceVersion"]}
    if origin.owner:
        owners = [each for each in metadata["ownerReferences"] if each["uid"] != origin.owner]
        patch["ownerReferences"] = owners or None
    if origin.is_generated and service is not None:
        patch |= _marks(_release(service))
    return {"metadata": patch}


def unchanged_since(metadata: Mapping[str, Any]) -> Json:
    """Return the DeleteOptions that delete an object only if nobody has written it since."""
    preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    return {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}


def origin_in(metadata: Mapping[str, Any]) -> Origin:
    """Return what of a ServiceInstance is ours, from its metadata as the API server tells it."""
    return origin_of(msgspec.convert(metadata, InstanceMeta))


def disowned_marks(metadata: Mapping[str, Any]) -> Json | None:
    """Return the merge patch that puts marks of Helm into nobody's name; None where none is in ours."""
    writers = [_without_marks(each) for each in metadata.get("managedFields", ())]
    if writers == list(metadata.get("managedFields", ())):
        return None
    return {"metadata": {"resourceVersion": metadata["resourceVersion"], "managedFields": writers}}


def _without_marks(writer: Json) -> Json:
    if writer.get("manager") != FIELD_MANAGER or writer.get("subresource"):
        return writer
    fields = writer.get("fieldsV1", {})
    of_metadata = {
        part: _without(held, _FIELDS_OF_MARKS.get(part, ()))
        for part, held in fields.get("f:metadata", {}).items()
    }
    kept = {part: held for part, held in of_metadata.items() if part not in _FIELDS_OF_MARKS or held}
    return writer | {"fieldsV1": fields | {"f:metadata": kept}}


def _without(held: Json, names: Iterable[str]) -> Json:
    rest = {field: value for field, value in held.items() if field not in names}
    return {} if rest.keys() <= {"."} and names else rest


def _release(service: Service) -> HelmRelease | None:
    return service.release if service.is_applied_by_helm else None


def _marks(release: HelmRelease | None) -> Json:
    if release is None:
        return {}
    return {
        "labels": {MANAGED_BY: HELM},
        "annotations": {RELEASE_NAME: release.name, RELEASE_NAMESPACE: release.namespace},
    }
