"""The marks of a ConfigMap: whose it is, and what it was last written with."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from rollcall.model import API_VERSION, DiscoveryFile, Key, Problem
from rollcall.model.keys import API_GROUP, MANAGED_BY

ROLLCALL = "rollcall"
"""The value of the label MANAGED_BY."""

PREFIX = f"{API_GROUP}/"
FILE = f"{PREFIX}file"
DIGEST = f"{PREFIX}digest"
SERIAL = f"{PREFIX}serial"
GENERATION = f"{PREFIX}generation"
PARTS = f"{PREFIX}parts"

TAKEN = "ConfigMapTaken"
"""The reason of a ConfigMap that belongs to another DiscoveryFile."""

RawMetadata = Mapping[str, Any]

_OWNER = {"apiVersion": API_VERSION, "kind": "DiscoveryFile"}


def is_ours(metadata: RawMetadata, file: DiscoveryFile) -> bool:
    """Whether a ConfigMap was made for this DiscoveryFile."""
    if any(owner.get("uid") == file.uid for owner in metadata.get("ownerReferences") or ()):
        return True
    return _marked_for(metadata) == str(file.key)


def is_marked(metadata: RawMetadata) -> bool:
    """Whether a ConfigMap was made for a DiscoveryFile, whichever it is."""
    return bool(_marked_for(metadata))


def refusal(
    metadata: RawMetadata, file: DiscoveryFile, has_released: Callable[[Key, str], bool]
) -> Problem | None:
    """Say why a ConfigMap must not be written for a file; None if it may be.

    `has_released` tells whether another DiscoveryFile, whose mark it bears, is known to have let go of a
    ConfigMap of this name.
    """
    if is_ours(metadata, file):
        return None
    name = f"{metadata.get('namespace', file.key.namespace)}/{metadata['name']}"
    marked = _marked_for(metadata)
    if not marked:
        return Problem("ConfigMapNotOurs", _not_ours(name, file))
    if has_released(Key(*marked.split("/", 1)), metadata["name"]):
        return None
    return Problem(
        TAKEN,
        f"The ConfigMap {name} belongs to the DiscoveryFile {marked}, and one ConfigMap belongs to one file:"
        " write another name in spec.configMap.name, or delete that file (and the ConfigMap, if it stays).",
    )


def owners(metadata: RawMetadata, file: DiscoveryFile) -> set[Key]:
    """Return the DiscoveryFiles that a ConfigMap belongs to, by its mark and by its owner references."""
    references = (
        owner for owner in metadata.get("ownerReferences") or () if owner.get("kind") == _OWNER["kind"]
    )
    named = {Key(file.key.namespace, str(owner.get("name"))) for owner in references}
    return named | {Key(*_marked_for(metadata).split("/", 1))}


def published_serial(metadata: RawMetadata) -> tuple[int, str] | None:
    """Return the serial and the digest that a ConfigMap of ours was last written with."""
    annotations = metadata.get("annotations") or {}
    text = annotations.get(SERIAL, "")
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) >= 1 << 32:
        return None
    return int(text), annotations.get(DIGEST, "")


def with_owner(metadata: RawMetadata, file: DiscoveryFile) -> list[dict[str, Any]]:
    """Return the owner references with ours in them: removal of the DiscoveryFile collects the ConfigMap."""
    ours = {**_OWNER, "name": file.key.name, "uid": file.uid, "controller": True}
    others = [
        owner
        for owner in metadata.get("ownerReferences") or ()
        if owner.get("kind") != _OWNER["kind"] or not str(owner.get("apiVersion")).startswith(PREFIX)
    ]
    return [*others, ours]


def _marked_for(metadata: RawMetadata) -> str:
    """Return the DiscoveryFile that a ConfigMap says it was made for, "" if none did."""
    if (metadata.get("labels") or {}).get(MANAGED_BY) != ROLLCALL:
        return ""
    marked = str((metadata.get("annotations") or {}).get(FILE, ""))
    return marked if marked.count("/") == 1 else ""


def _not_ours(name: str, file: DiscoveryFile) -> str:
    namespace, config_map = name.split("/", 1)
    return (
        f"The ConfigMap {name} was not made by Rollcall and is not touched: write another name in"
        " spec.configMap.name, delete the ConfigMap, or hand it over with"
        f" `kubectl -n {namespace} label configmap {config_map} {MANAGED_BY}={ROLLCALL} &&"
        f" kubectl -n {namespace} annotate configmap {config_map} {FILE}={file.key}`."
    )
