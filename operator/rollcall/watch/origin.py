"""Who has written an object, from its managedFields."""

from rollcall.model.keys import MANAGED_BY
from rollcall.model.origin import FIELD_MANAGER, HelmRelease, Origin

from .wire import InstanceMeta, ServiceMeta

HELM = "Helm"
"""The value of the label MANAGED_BY."""

RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
HELM_ANNOTATIONS = (RELEASE_NAME, RELEASE_NAMESPACE)

_APPLY = "Apply"


def origin_of(meta: InstanceMeta) -> Origin:
    """Return what of a ServiceInstance is ours.

    Its generation counts the changes of its spec. We make none, so that a second one is somebody else's,
    whatever they have called themselves.
    """
    writers = [each for each in meta.managed_fields if not each.subresource]
    others = [each for each in writers if each.manager != FIELD_MANAGER]
    theirs = {key for each in others for key in each.fields.metadata.owner_references}
    ours = {
        key
        for each in writers
        if each.manager == FIELD_MANAGER
        for key in each.fields.metadata.owner_references
    }
    owner = next(
        (
            each.uid
            for each in meta.owner_references
            if each.kind == "Service" and (key := f'k:{{"uid":"{each.uid}"}}') in ours and key not in theirs
        ),
        "",
    )
    return Origin(
        is_generated=bool(writers) and not others and meta.generation <= 1,
        owner=owner,
        release=_release(meta),
    )


def release_of(meta: ServiceMeta) -> HelmRelease | None:
    """Return the release that a Service belongs to, None where it belongs to none."""
    return _release(meta)


def is_applied_by_helm(meta: ServiceMeta) -> bool:
    """Whether Helm has applied a Service server-side, as Helm 4 does: so it will what goes with it."""
    return any(
        each.operation == _APPLY and f"f:{RELEASE_NAME}" in each.fields.metadata.annotations
        for each in meta.managed_fields
    )


def _release(meta: InstanceMeta | ServiceMeta) -> HelmRelease | None:
    name, namespace = meta.annotations.release_name, meta.annotations.release_namespace
    if meta.labels.get(MANAGED_BY) != HELM or not name or not namespace:
        return None
    return HelmRelease(name, namespace)
