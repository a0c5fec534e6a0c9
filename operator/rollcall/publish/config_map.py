"""The ConfigMaps of a DiscoveryFile as objects: what they hold, whose they are, whether they differ."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rollcall.model import DiscoveryFile, Key, Problem

from .files import Part, Rendering
from .files.rendering import sha256

MANAGED_BY = ("app.kubernetes.io/managed-by", "rollcall")
_PREFIX = "rollcall.dev/"
FILE = f"{_PREFIX}file"
DIGEST = f"{_PREFIX}digest"
SERIAL = f"{_PREFIX}serial"
GENERATION = f"{_PREFIX}generation"
PARTS = f"{_PREFIX}parts"

_OWNER = {"apiVersion": "rollcall.dev/v1alpha1", "kind": "DiscoveryFile"}

_REMEMBERED = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
)

Object = Mapping[str, Any]


class Wanted(NamedTuple):
    """What one ConfigMap is to be."""

    name: str
    data: dict[str, str]
    data_digest: str
    annotations: dict[str, str]


class Seen(NamedTuple):
    """What is remembered of a ConfigMap as the API server gave it: all but its data."""

    metadata: Mapping[str, Any]
    data_digest: str


def name_of(file: DiscoveryFile, number: int) -> str:
    """Return the name of a file's ConfigMap: the first has the name that the user wrote."""
    name = file.spec.config_map.name
    return name if number == 1 else f"{name}-{number}"


def wanted(file: DiscoveryFile, rendering: Rendering) -> list[Wanted]:
    """Return the ConfigMaps that a rendering needs; always at least one."""
    count = max((part.config_map for part in rendering.parts), default=1)
    annotations = {
        FILE: str(file.key),
        DIGEST: rendering.digest,
        GENERATION: str(rendering.generation),
        PARTS: str(count),
    }
    if rendering.serial is not None:
        annotations[SERIAL] = str(rendering.serial)
    return [
        _wanted(file, number, [part for part in rendering.parts if part.config_map == number], annotations)
        for number in range(1, count + 1)
    ]


def emptied(file: DiscoveryFile, part: Part) -> Wanted:
    """Return what becomes of the ConfigMap of a part that is no longer needed."""
    annotations = {FILE: str(file.key), PARTS: "0"}
    return _wanted(file, part.config_map, [part], annotations)


def _wanted(file: DiscoveryFile, number: int, parts: list[Part], annotations: dict[str, str]) -> Wanted:
    data = {part.key: part.text for part in parts}
    return Wanted(name_of(file, number), data, _digest({p.key: p.sha256 for p in parts}), annotations)


def seen(existing: Object) -> Seen:
    """Reduce an object of the API server to what we remember of it."""
    data = {**(existing.get("data") or {}), **(existing.get("binaryData") or {})}
    metadata = {field: existing["metadata"][field] for field in _REMEMBERED if field in existing["metadata"]}
    return Seen(metadata, _digest({key: sha256(text) for key, text in data.items()}))


def is_ours(metadata: Mapping[str, Any], file: DiscoveryFile) -> bool:
    """Whether a ConfigMap was made for this DiscoveryFile."""
    if any(owner.get("uid") == file.uid for owner in metadata.get("ownerReferences") or ()):
        return True
    return _marked_for(metadata) == str(file.key)


def refusal(
    metadata: Mapping[str, Any], file: DiscoveryFile, has_released: Callable[[Key, str], bool]
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
        "ConfigMapTaken",
        f"The ConfigMap {name} belongs to the DiscoveryFile {marked}, and one ConfigMap belongs to one file:"
        " write another name in spec.configMap.name, or delete that file (and the ConfigMap, if it stays).",
    )


def differs(existing: Seen, want: Wanted, file: DiscoveryFile) -> bool:
    """Whether a ConfigMap has to be written to be as it is wanted."""
    metadata = existing.metadata
    label, value = MANAGED_BY
    annotations = metadata.get("annotations") or {}
    return (
        existing.data_digest != want.data_digest
        or (metadata.get("labels") or {}).get(label) != value
        or any(annotations.get(key) != text for key, text in want.annotations.items())
        or _owners(metadata, file) != (metadata.get("ownerReferences") or [])
    )


def body(existing: Seen | None, want: Wanted, file: DiscoveryFile) -> dict[str, Any]:
    """Return the object to write: ours, with the labels and annotations that others put there.

    With an existing one it bears its resourceVersion, so that the API server refuses it if that has changed.
    """
    old: Mapping[str, Any] = existing.metadata if existing else {}
    label, value = MANAGED_BY
    metadata: dict[str, Any] = {
        "name": want.name,
        "namespace": file.key.namespace,
        "labels": {**(old.get("labels") or {}), label: value},
        "annotations": _others(old.get("annotations") or {}) | want.annotations,
        "ownerReferences": _owners(old, file),
    }
    for kept in ("resourceVersion", "uid", "finalizers"):
        if kept in old:
            metadata[kept] = old[kept]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": want.data}


def published_serial(metadata: Mapping[str, Any]) -> tuple[int, str] | None:
    """Return the serial and the digest that a ConfigMap of ours was last written with."""
    annotations = metadata.get("annotations") or {}
    text = annotations.get(SERIAL, "")
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) >= 1 << 32:
        return None
    return int(text), annotations.get(DIGEST, "")


def _marked_for(metadata: Mapping[str, Any]) -> str:
    """Return the DiscoveryFile that a ConfigMap says it was made for, "" if none did."""
    label, value = MANAGED_BY
    if (metadata.get("labels") or {}).get(label) != value:
        return ""
    marked = str((metadata.get("annotations") or {}).get(FILE, ""))
    return marked if marked.count("/") == 1 else ""


def _owners(metadata: Mapping[str, Any], file: DiscoveryFile) -> list[dict[str, Any]]:
    """Return the owner references with ours in them: removal of the DiscoveryFile collects the ConfigMap."""
    ours = {**_OWNER, "name": file.key.name, "uid": file.uid, "controller": True}
    others = [
        owner
        for owner in metadata.get("ownerReferences") or ()
        if owner.get("kind") != _OWNER["kind"] or not str(owner.get("apiVersion")).startswith("rollcall.dev/")
    ]
    return [*others, ours]


def _others(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the annotations that aren't ours."""
    return {key: text for key, text in annotations.items() if not key.startswith(_PREFIX)}


def _digest(hashes: Mapping[str, str]) -> str:
    return sha256(" ".join(f"{key}={hashes[key]}" for key in sorted(hashes)))


def _not_ours(name: str, file: DiscoveryFile) -> str:
    label, value = MANAGED_BY
    space, config_map = name.split("/", 1)
    return (
        f"The ConfigMap {name} was not made by Rollcall and is not touched: write another name in"
        " spec.configMap.name, delete the ConfigMap, or hand it over with"
        f" `kubectl -n {space} label configmap {config_map} {label}={value} &&"
        f" kubectl -n {space} annotate configmap {config_map} {FILE}={file.key}`."
    )
