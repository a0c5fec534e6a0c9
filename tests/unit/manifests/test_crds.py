"""The CRDs are bounded, documented and structural, as far as that shows without an API server."""

import re

import pytest

from unit.manifests.sources import CRD_FILES, KINDS, NODES, Node, crd, documents, schema_of

EXPLAIN_COLUMNS = 76


def of_type(kind: str) -> list[Node]:
    return [node for node in NODES if node.schema.get("type") == kind]


def test_one_file_a_kind() -> None:
    assert KINDS == ["DiscoveryFile", "DiscoveryZone", "ServiceInstance"]
    for path in CRD_FILES:
        (document,) = documents(path)
        assert document["metadata"]["name"] == f"{path.stem}.rollcall.dev"


@pytest.mark.parametrize(
    ("kind", "scope", "short"),
    [
        ("ServiceInstance", "Namespaced", "si"),
        ("DiscoveryZone", "Cluster", "dz"),
        ("DiscoveryFile", "Namespaced", "df"),
    ],
)
def test_names(kind: str, scope: str, short: str) -> None:
    spec = crd(kind)["spec"]
    assert (spec["group"], spec["scope"]) == ("rollcall.dev", scope)
    assert spec["names"]["shortNames"] == [short]
    assert spec["names"]["categories"] == ["rollcall"]
    (version,) = spec["versions"]
    assert version["name"] == "v1alpha1"
    assert version["subresources"] == {"status": {}}


def test_strings_are_bounded() -> None:
    loose = [n.path for n in of_type("string") if not {"maxLength", "enum", "format"} & n.schema.keys()]
    assert loose == []


def test_numbers_are_bounded() -> None:
    loose = [n.path for n in of_type("integer") if not {"format", "minimum"} <= n.schema.keys()]
    assert loose == []
    assert of_type("number") == []


def test_lists_are_bounded_and_say_how_they_merge() -> None:
    loose = [
        n.path
        for n in of_type("array")
        if not {"maxItems", "items", "x-kubernetes-list-type"} <= n.schema.keys()
    ]
    assert loose == []


def test_objects_are_closed_or_bounded() -> None:
    loose = [
        n.path
        for n in of_type("object")
        if "properties" not in n.schema and not {"additionalProperties", "maxProperties"} <= n.schema.keys()
    ]
    assert loose == []


def test_everything_has_a_type() -> None:
    untyped = [
        n.path for n in NODES if "type" not in n.schema and not n.schema.get("x-kubernetes-int-or-string")
    ]
    assert untyped == []


def test_every_field_is_described() -> None:
    silent = [n.path for n in NODES if n.role in ("property", "root") and not n.schema.get("description")]
    assert silent == []


def test_literal_lines_fit_into_explain() -> None:
    """Kubectl explain wraps at 76 columns, which would break the tables in descriptions."""
    wide = [
        (n.path, line)
        for n in NODES
        for line in n.schema.get("description", "").splitlines()
        if line.startswith(" ") and len(line) > EXPLAIN_COLUMNS
    ]
    assert wide == []


def test_field_names_are_camel_case() -> None:
    names = {name for n in NODES for name in n.schema.get("properties", {})}
    assert [name for name in names if not re.fullmatch(r"[a-z][a-zA-Z]*", name)] == []


def test_required_fields_exist() -> None:
    lost = [
        n.path
        for n in NODES
        if not set(n.schema.get("required", ())) <= n.schema.get("properties", {}).keys()
    ]
    assert lost == []


def test_rules_have_messages() -> None:
    rules = [(n.path, rule) for n in NODES for rule in n.schema.get("x-kubernetes-validations", ())]
    assert len(rules) > 30
    assert [path for path, rule in rules if not rule.get("message")] == []
    # The API server drops the message of a rule with this reason.
    assert [path for path, rule in rules if rule.get("reason") == "FieldValueDuplicate"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_are_left_to_rules(kind: str) -> None:
    """A user who meets a pattern is shown the expression; a rule can say what to write."""
    spec = schema_of(kind)["properties"]["spec"]
    assert "pattern" not in str(spec).replace("patterns", "")


@pytest.mark.parametrize("kind", KINDS)
def test_conditions_are_those_of_kubernetes(kind: str) -> None:
    """meta/v1 Condition: the fields, and a list that is a map by type."""
    conditions = schema_of(kind)["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    item = conditions["items"]
    assert set(item["required"]) == {"type", "status", "lastTransitionTime", "reason", "message"}
    assert item["properties"].keys() == {*item["required"], "observedGeneration"}


@pytest.mark.parametrize("kind", KINDS)
def test_columns_and_selectable_fields_point_at_fields(kind: str) -> None:
    (version,) = crd(kind)["spec"]["versions"]
    paths = {re.sub(r"^\w+", "", n.path) for n in NODES if n.path.startswith(kind)}
    for field in (*version["additionalPrinterColumns"], *version["selectableFields"]):
        if not field["jsonPath"].startswith(".metadata."):
            assert field["jsonPath"].replace('[?(@.type=="Ready")]', "[]") in paths
