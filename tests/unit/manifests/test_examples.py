"""The examples hold what the schemas allow and the operator reads, and lose nothing on the way."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest

from unit.manifests.sources import EXAMPLE_OBJECTS, KINDS, NODES, Json, json_schema, schema_of
from unit.manifests.test_model import SPECS


def name_of(example: Json) -> str:
    return f"{example['kind']}/{example['metadata']['name']}"


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def contains(whole: Any, part: Any) -> bool:
    """Whether all that is in the part is in the whole, too."""
    if isinstance(part, dict):
        return all(key in whole and contains(whole[key], item) for key, item in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


def paths_in(value: Any, path: str) -> Iterator[str]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths_in(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from paths_in(item, f"{path}[]")


@pytest.fixture(scope="module")
def validators() -> dict[str, jsonschema.Draft202012Validator]:
    made = {}
    for kind in KINDS:
        schema = json_schema(schema_of(kind)["properties"]["spec"])
        jsonschema.Draft202012Validator.check_schema(schema)
        made[kind] = jsonschema.Draft202012Validator(schema)
    return made


@pytest.mark.parametrize("example", EXAMPLE_OBJECTS, ids=name_of)
def test_round_trip(example: Json, validators: dict[str, jsonschema.Draft202012Validator]) -> None:
    kind, spec = example["kind"], example["spec"]
    validators[kind].validate(spec)
    read = msgspec.convert(spec, SPECS[kind])
    written = without_nulls(msgspec.json.decode(msgspec.json.encode(read)))
    validators[kind].validate(written)
    assert contains(written, spec)
    assert msgspec.convert(written, SPECS[kind]) == read


def test_the_examples_use_every_field() -> None:
    """A field that no example shows is one that nobody has seen work."""
    used = {
        path for example in EXAMPLE_OBJECTS for path in paths_in(example["spec"], f"{example['kind']}.spec")
    }
    fields = {node.path for node in NODES if node.role == "property" and ".spec." in node.path}
    assert sorted(fields - used) == []
