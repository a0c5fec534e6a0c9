"""Every object of ours in the documentation is valid by its CRD."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from unit.docs.pages import blocks, name
from unit.manifests.sources import json_schema, schema_of

API_VERSION = "rollcall.dev/v1alpha1"


def here_documents(text: str) -> Iterator[str]:
    """Yield what a shell block feeds to kubectl."""
    lines = iter(text.splitlines())
    for line in lines:
        if "<<'YAML'" in line or "<<YAML" in line:
            fed = []
            for inner in lines:
                if inner == "YAML":
                    break
                fed.append(inner)
            yield "\n".join(fed)


def objects() -> Iterator[tuple[Path, dict[str, Any]]]:
    texts = [(block.page, block.text) for block in blocks("yaml")]
    texts += [(block.page, fed) for block in blocks("sh") for fed in here_documents(block.text)]
    for page, text in texts:
        for document in yaml.safe_load_all(text):
            if isinstance(document, dict) and document.get("apiVersion") == API_VERSION:
                yield page, document


FOUND = list(objects())


def test_there_are_objects() -> None:
    assert {document["kind"] for _, document in FOUND} >= {"DiscoveryZone", "DiscoveryFile"}
    assert len(FOUND) > 8


@pytest.mark.parametrize(
    ("page", "document"),
    FOUND,
    ids=[f"{name(page)}: {obj['kind']}/{obj['metadata']['name']}" for page, obj in FOUND],
)
def test_objects_are_valid(page: Path, document: dict[str, Any]) -> None:
    schema = json_schema(schema_of(document["kind"])["properties"]["spec"])
    jsonschema.Draft202012Validator(schema).validate(document.get("spec", {}))
    assert document.keys() <= {"apiVersion", "kind", "metadata", "spec"}


def test_all_yaml_can_be_read() -> None:
    for block in blocks("yaml"):
        list(yaml.safe_load_all(block.text))
