"""Whether a CRD in a cluster knows the fields that this version reads and writes.

The API server drops unknown fields without a word, so that an old CRD shows as a setting that does nothing.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from rollcall.model import FileSpec, FileStatus, InstanceSpec, InstanceStatus, ZoneSpec, ZoneStatus

KINDS: dict[str, tuple[type[msgspec.Struct], type[msgspec.Struct]]] = {
    "serviceinstances": (InstanceSpec, InstanceStatus),
    "discoveryzones": (ZoneSpec, ZoneStatus),
    "discoveryfiles": (FileSpec, FileStatus),
}
"""What this version reads of the spec of each kind, and what it writes of its status."""


def missing_fields(plural: str, schema: dict[str, Any]) -> list[str]:
    """Return the fields of a kind that a schema (openAPIV3Schema) lacks, such as `spec.answer.count`."""
    known = set(_in_schema(schema))
    spec, status = KINDS[plural]
    wanted = [*_in_type(inspect.type_info(spec), "spec"), *_in_type(inspect.type_info(status), "status")]
    return [path for path in wanted if path not in known]


def _in_type(info: inspect.Type, path: str) -> Iterator[str]:
    if isinstance(info, inspect.StructType):
        for field in info.fields:
            yield f"{path}.{field.encode_name}"
            yield from _in_type(field.type, f"{path}.{field.encode_name}")
    elif isinstance(info, inspect.VarTupleType):
        yield from _in_type(info.item_type, path)
    elif isinstance(info, inspect.UnionType):
        for option in info.types:
            yield from _in_type(option, path)


def _in_schema(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, child in schema.get("properties", {}).items():
        field = f"{path}.{name}" if path else name
        yield field
        yield from _in_schema(child, field)
    if "items" in schema:
        yield from _in_schema(schema["items"], path)
