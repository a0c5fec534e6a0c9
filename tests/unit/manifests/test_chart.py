"""The chart as far as it can be judged without Helm: values, schema, rights, the copy of the CRDs."""

import copy
import re
import socket
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from manifests.generate import CHART, CRDS, ROOT

from rollcall.config import DNS_LISTEN
from unit.docs.pages import PAGES
from unit.manifests.sources import Json, chart_file

SCHEMA: Json = chart_file("values.schema.json")
VALUES: Json = chart_file("values.yaml")
SCENARIOS = sorted(path.name for path in (CHART / "ci").glob("*-values.yaml"))
README = (CHART / "README.md").read_text()

validator = jsonschema.Draft7Validator(SCHEMA)


def table(first_heading: str) -> list[list[str]]:
    """Return the rows of a table in the README."""
    lines = README.split(f"| {first_heading} |", 1)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def leaves(schema: Json, path: str = "") -> Iterator[str]:
    for name, child in schema["properties"].items():
        if "properties" in child:
            yield from leaves(child, f"{path}{name}.")
        elif name != "global":
            yield f"{path}{name}"


def at(values: Json, path: str) -> Any:
    for name in path.split("."):
        values = values[name]
    return values


def test_crds_are_the_same_bytes() -> None:
    copied = {path.name: path.read_bytes() for path in (CHART / "crds").iterdir()}
    assert copied == {path.name: path.read_bytes() for path in CRDS.iterdir()}


def test_defaults_are_valid_and_complete() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    validator.validate(VALUES)
    for path in leaves(SCHEMA):
        at(VALUES, path)


def test_the_port_is_the_default_one_everywhere() -> None:
    """And no page, example or file of ours sends anybody to mDNS' port, which `run` once had."""
    port = DNS_LISTEN.rpartition(":")[2]
    install = (ROOT / "manifests" / "install.yaml").read_text()
    (args,) = re.findall(r"--dns-listen=:(\d+)$", install, re.MULTILINE)
    assert {args, *re.findall(r"name: dns(?:-tcp)?\n\s+containerPort: (\d+)", install)} == {port}
    assert f"EXPOSE {port}/udp {port}/tcp " in (ROOT / "Dockerfile").read_text()
    files = [*PAGES, *(ROOT / "manifests").rglob("*.yaml"), *CHART.rglob("*.yaml"), *CHART.rglob("*.txt")]
    files += [*(ROOT / "operator").rglob("*.py"), *(ROOT / "demo").rglob("*.py")]
    told = [path.name for path in files if re.search(r"\b5353(?!\d| is mDNS)", path.read_text())]
    assert told == []


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_the_default_port_is_assigned_to_nobody(protocol: str) -> None:
    with pytest.raises(OSError, match="not found"):
        socket.getservbyport(int(DNS_LISTEN.rpartition(":")[2]), protocol)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenarios_are_valid(scenario: str) -> None:
    validator.validate(chart_file(f"ci/{scenario}"))


def test_one_scenario_sets_every_value() -> None:
    full = chart_file("ci/full-values.yaml")
    unset = [
        path for path in leaves(SCHEMA) if at(full, path) == at(VALUES, path) and path != "image.pullPolicy"
    ]
    assert unset == []


def objects_in(value: Any, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        yield path, value
        for name, item in value.items():
            yield from objects_in(item, f"{path}.{name}")


FREE_FORM = re.compile(r"annotations|podAnnotations|resources|nodeSelector|affinity")


@pytest.mark.parametrize("path", [path for path, _ in objects_in(VALUES) if not FREE_FORM.search(path)])
def test_a_typo_is_refused(path: str) -> None:
    values = copy.deepcopy(VALUES)
    dict(objects_in(values))[path]["tpyo"] = 1
    assert not validator.is_valid(values)


@pytest.mark.parametrize(
    "values",
    [
        {"zones": [{"name": "internal"}]},
        {"zones": [{"name": "internal", "spec": {}}]},
        {"zones": [{"name": "Internal", "spec": {"domain": "k8s.example.com"}}]},
        {"zones": {"internal": {"domain": "k8s.example.com"}}},
        {"files": [{"name": "web", "spec": {"format": "json", "configMap": {}}}]},
        {"logFormat": "yaml"},
        {"replicas": -1},
        {"fileNamespaces": "shop"},
        {"fileNamespaces": [""]},
        {"networkPolicy": {"dnsFrom": ["10.0.0.0/8"]}},
        {"networkPolicy": {"dnsFrom": [{}]}},
        {"dns": {"workers": "4"}},
        {"dns": {"service": {"type": "ExternalName"}}},
        {"imagePullSecrets": ["registry"]},
        {"podAnnotations": {"prometheus.io/scrape": True}},
        {"podLabels": {"app.kubernetes.io/name": "mine"}},
        {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": 7}}},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(values: Json) -> None:
    assert not validator.is_valid(values)


def test_the_readme_lists_every_value() -> None:
    documented = [row[0].strip("`") for row in table("value")]
    assert documented == list(leaves(SCHEMA))


def test_the_readme_lists_every_right() -> None:
    rules = chart_file("rules.yaml")
    granted = []
    for rule in (*rules["namespaced"], *rules["files"], *rules["own"], *rules["cluster"]):
        (group,) = rule["apiGroups"]
        granted.append(([_qualified(name, group) for name in rule["resources"]], rule["verbs"]))
    rows = [
        (re.findall(r"`([^`]+)`", row[0]), re.findall(r"`([^`]+)`", row[1])) for row in table("resources")
    ]
    assert rows == granted
    assert len(rules["namespaced"]) == 9, "the README says how many rows hold in one namespace only"
    assert len(rules["files"]) == 1, "and which of them with fileNamespaces in those alone"


def _qualified(resource: str, group: str) -> str:
    name, slash, subresource = resource.partition("/")
    return f"{name}.{group}{slash}{subresource}" if group else resource


def test_pods_and_services_are_only_read() -> None:
    rules = chart_file("rules.yaml")
    for rule in (*rules["namespaced"], *rules["files"], *rules["own"], *rules["cluster"]):
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        if any(name.split("/")[0] in ("pods", "services") for name in rule["resources"]):
            assert set(rule["verbs"]) <= {"get", "list", "watch"}
