"""The files under test, read: the CRDs with their schemas, the examples, the chart."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml
from manifests.generate import CHART, CRDS, ROOT

Json: TypeAlias = dict[str, Any]

EXAMPLES = ROOT / "manifests" / "examples"
CRD_FILES = sorted(CRDS.glob("*.yaml"))


class Node(NamedTuple):
    """A part of a schema. `role` is how it hangs on its parent: property, items, values or root."""

    path: str
    schema: Json
    role: str


@cache
def documents(path: Path) -> list[Json]:
    """Read the objects in a YAML file; what is read is everybody's, and nobody's to change."""
    return [document for document in yaml.load_all(path.read_text(), yaml.CSafeLoader) if document]


def crd(kind: str) -> Json:
    """Return the CRD of a kind."""
    return next(crd for path in CRD_FILES for crd in documents(path) if crd["spec"]["names"]["kind"] == kind)


def schema_of(kind: str) -> Json:
    """Return the OpenAPI schema of a kind."""
    (version,) = crd(kind)["spec"]["versions"]
    schema: Json = version["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: Json, path: str, role: str = "root") -> Iterator[Node]:
    """Yield a schema and all below it."""
    yield Node(path, schema, role)
    for name, child in schema.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}", "property")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]", "items")
    if "additionalProperties" in schema:
        yield from walk(schema["additionalProperties"], f"{path}{{}}", "values")


def json_schema(schema: Json) -> Json:
    """Make a JSON Schema of an OpenAPI one: closed, as a strict client takes it, without the CEL rules."""
    made = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if schema.get("x-kubernetes-int-or-string"):
        return {"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": schema["maxLength"]}]}
    if "properties" in schema:
        made["properties"] = {name: json_schema(child) for name, child in schema["properties"].items()}
        made["additionalProperties"] = False
    if "items" in schema:
        made["items"] = json_schema(schema["items"])
    if "additionalProperties" in schema:
        made["additionalProperties"] = json_schema(schema["additionalProperties"])
    return made


def chart_file(name: str) -> Any:
    """Read a YAML or JSON file of the chart."""
    return yaml.safe_load((CHART / name).read_text())


KINDS = [crd["spec"]["names"]["kind"] for path in CRD_FILES for crd in documents(path)]
NODES = [node for kind in KINDS for node in walk(schema_of(kind), kind)]
EXAMPLE_OBJECTS = [
    document
    for path in sorted(EXAMPLES.glob("*.yaml"))
    for document in documents(path)
    if document["apiVersion"] == "rollcall.dev/v1alpha1"
]
