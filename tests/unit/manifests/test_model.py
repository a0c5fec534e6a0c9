"""What the CRDs let users write and keep is what the operator reads and writes: field for field."""

from collections.abc import Iterable
from enum import Enum
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from rollcall.model import (
    FileSpec,
    FileStatus,
    InstanceSpec,
    InstanceStatus,
    Policy,
    Reason,
    ZoneSpec,
    ZoneStatus,
)
from rollcall.publish.files import FORMATS
from unit.manifests.sources import Json, schema_of

SPECS = {"ServiceInstance": InstanceSpec, "DiscoveryZone": ZoneSpec, "DiscoveryFile": FileSpec}
STATUSES = {"ServiceInstance": InstanceStatus, "DiscoveryZone": ZoneStatus, "DiscoveryFile": FileStatus}
SCALARS = {inspect.StrType: "string", inspect.IntType: "integer", inspect.BoolType: "boolean"}


def differences(schema: Json, kind: inspect.Type, path: str) -> list[str]:
    """Return where a schema and a type say different things.

    A status is written by nobody but us, and read with more patience than it is written: there the schema may
    require more than the type, has no defaults, and takes words that a later version may add.
    """
    is_spec = path.startswith("spec")
    if isinstance(kind, inspect.UnionType):
        kinds = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
        if {type(part) for part in kinds} == {inspect.IntType, inspect.StrType}:
            return [] if schema.get("x-kubernetes-int-or-string") else [f"{path}: not int or string"]
        (kind,) = kinds
    if isinstance(kind, inspect.StructType):
        return struct_differences(schema, kind, path)
    if isinstance(kind, inspect.EnumType):
        if not is_spec:
            return [] if schema["type"] == "string" else [f"{path}: not a string"]
        values = [member.value for member in kind.cls]
        return [] if schema.get("enum") == values else [f"{path}: enum is not {values}"]
    if isinstance(kind, inspect.VarTupleType):
        wrong = [] if schema["type"] == "array" else [f"{path}: not an array"]
        return wrong + differences(schema["items"], kind.item_type, f"{path}[]")
    if isinstance(kind, inspect.DictType):
        return differences(schema["additionalProperties"], kind.value_type, f"{path}{{}}")
    return [] if schema["type"] == SCALARS[type(kind)] else [f"{path}: not {SCALARS[type(kind)]}"]


def struct_differences(schema: Json, kind: inspect.StructType, path: str) -> list[str]:
    fields = {field.encode_name: field for field in kind.fields}
    if fields.keys() != schema["properties"].keys():
        return [f"{path}: the fields {sorted(fields.keys() ^ schema['properties'].keys())} are in one only"]
    is_spec = path.startswith("spec")
    required, told = (
        {name for name, field in fields.items() if field.required},
        set(schema.get("required", ())),
    )
    fits = required == told if is_spec else required <= told
    wrong = [] if fits else [f"{path}: required is not {required}"]
    for name, field in fields.items():
        child = schema["properties"][name]
        if is_spec:
            wrong += default_differences(child, field.default, f"{path}.{name}")
        wrong += differences(child, field.type, f"{path}.{name}")
    return wrong


def default_differences(schema: Json, default: Any, path: str) -> list[str]:
    """Compare a default; one that only the type has must be told in the description."""
    value = default.value if isinstance(default, Enum) else default
    if "default" in schema:
        return [] if schema["default"] == value else [f"{path}: the default is not {value!r}"]
    if isinstance(value, (str, int)) and value != "" and f"Default {value}." not in schema["description"]:
        return [f"{path}: the description doesn't say 'Default {value}.'"]
    return []


@pytest.mark.parametrize("kind", SPECS)
def test_spec_is_the_type(kind: str) -> None:
    spec = schema_of(kind)["properties"]["spec"]
    assert differences(spec, inspect.type_info(SPECS[kind]), "spec") == []


@pytest.mark.parametrize("kind", STATUSES)
def test_status_is_the_type(kind: str) -> None:
    status = schema_of(kind)["properties"]["status"]
    assert differences(status, inspect.type_info(STATUSES[kind]), "status") == []


@pytest.mark.parametrize("kind", SPECS)
def test_spec_is_required_where_the_type_needs_it(kind: str) -> None:
    try:
        msgspec.convert({}, SPECS[kind])
        optional = True
    except msgspec.ValidationError:
        optional = False
    assert ("spec" not in schema_of(kind).get("required", ())) is optional


def test_defaults_are_told() -> None:
    """Kubectl explain shows no defaults, so that the description has to."""
    for kind in SPECS:
        for name, child in schema_of(kind)["properties"]["spec"]["properties"].items():
            if "default" in child:
                assert f"Default {child['default']}." in child["description"], name


def test_reasons_are_told() -> None:
    status = schema_of("ServiceInstance")["properties"]["status"]["properties"]
    description = status["instances"]["items"]["properties"]["reason"]["description"]
    description += status["leftOut"]["description"]
    assert [reason for reason in Reason if reason not in description] == []


@pytest.mark.parametrize(
    ("kind", "field", "words"),
    [
        ("DiscoveryFile", ("format",), FORMATS),
        ("ServiceInstance", ("answer", "policy"), Policy),
    ],
)
def test_choices_are_told(kind: str, field: tuple[str, ...], words: Iterable[str]) -> None:
    schema = schema_of(kind)["properties"]["spec"]
    for name in field:
        schema = schema["properties"][name]
    assert [word for word in words if f"\n  {word} " not in schema["description"]] == []


def test_formats_are_those_that_there_are() -> None:
    schema = schema_of("DiscoveryFile")["properties"]["spec"]["properties"]["format"]
    assert schema["enum"] == list(FORMATS)


def test_the_comparison_sees_a_difference() -> None:
    """A guard against a comparison that passes everything."""
    spec = schema_of("DiscoveryZone")["properties"]["spec"]
    info = inspect.type_info(ZoneSpec)
    wrongs: dict[str, Json] = {
        "domain": {"type": "integer"},
        "naming": {"type": "string", "enum": ["Flat"], "default": "Namespaced"},
        "ttlSeconds": {"type": "integer", "default": 6},
        "more": {"type": "string"},
    }
    for name, wrong in wrongs.items():
        changed = {**spec, "properties": {**spec["properties"], name: {"description": "", **wrong}}}
        assert differences(changed, info, "spec"), name
