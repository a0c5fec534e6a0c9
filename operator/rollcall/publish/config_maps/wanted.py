"""What the ConfigMaps of a DiscoveryFile are to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rollcall.model import DiscoveryFile
from rollcall.model.keys import MANAGED_BY
from rollcall.publish.files import Part, Rendering

from .existing import ExistingConfigMap, digest_of
from .marks import DIGEST, FILE, GENERATION, PARTS, PREFIX, ROLLCALL, SERIAL, with_owner


@dataclass(frozen=True, slots=True)
class WantedConfigMap:
    """What one ConfigMap of a file is to be."""

    file: DiscoveryFile
    name: str
    parts: Sequence[Part]
    annotations: dict[str, str]

    def body(self, existing: ExistingConfigMap | None) -> dict[str, Any] | None:
        """Return the object to write: ours, with the labels and annotations that others put there.

        It bears the resourceVersion of the existing one, so that the API server refuses it if that has
        changed. None where the existing one is as it is wanted.
        """
        old = existing.metadata if existing else {}
        labels, annotations = old.get("labels") or {}, old.get("annotations") or {}
        others = {key: text for key, text in annotations.items() if not key.startswith(PREFIX)}
        marks = {
            "labels": {**labels, MANAGED_BY: ROLLCALL},
            "annotations": others | self.annotations,
            "ownerReferences": with_owner(old, self.file),
        }
        if (
            existing
            and existing.data_digest == digest_of({part.key: part.sha256 for part in self.parts})
            and all(old.get(field) == value for field, value in marks.items())
        ):
            return None
        kept = {field: old[field] for field in ("resourceVersion", "uid", "finalizers") if field in old}
        metadata = {"name": self.name, "namespace": self.file.key.namespace, **marks, **kept}
        data = {part.key: part.text for part in self.parts}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def name_of(file: DiscoveryFile, number: int) -> str:
    """Return the name of a file's ConfigMap: the first has the name that the user wrote."""
    name = file.spec.config_map.name
    return name if number == 1 else f"{name}-{number}"


def wanted(file: DiscoveryFile, rendering: Rendering) -> list[WantedConfigMap]:
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
        WantedConfigMap(
            file,
            name_of(file, number),
            [part for part in rendering.parts if part.config_map == number],
            annotations,
        )
        for number in range(1, count + 1)
    ]


def emptied(file: DiscoveryFile, part: Part) -> WantedConfigMap:
    """Return what becomes of the ConfigMap of a part that is no longer needed."""
    annotations = {FILE: str(file.key), PARTS: "0"}
    return WantedConfigMap(file, name_of(file, part.config_map), [part], annotations)
