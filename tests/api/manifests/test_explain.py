"""Kubectl explain reads as a manual: every field is there, and the tables in the texts come out straight."""

import pytest

from api.manifests.resources import PLURALS
from controlplane import ControlPlane
from unit.manifests.sources import KINDS, Json, schema_of

OBJECTS = [
    pytest.param(kind, path, id=path)
    for kind in KINDS
    for path in (f"{kind.lower()}.spec", f"{kind.lower()}.status")
]


def fields_of(kind: str, path: str) -> Json:
    schema = schema_of(kind)
    for name in path.split(".")[1:]:
        schema = schema["properties"][name]
    fields: Json = schema["properties"]
    return fields


def words(text: str) -> str:
    """Return a text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize(("kind", "path"), OBJECTS)
def test_every_field_is_explained(crds: ControlPlane, kind: str, path: str) -> None:
    printed = words(crds.kubectl("explain", path))
    for name, schema in fields_of(kind, path).items():
        assert f" {name} <" in printed
        assert words(schema["description"]) in printed


@pytest.mark.parametrize("kind", PLURALS)
def test_short_names_are_explained(crds: ControlPlane, kind: str) -> None:
    short = {"ServiceInstance": "si", "DiscoveryZone": "dz", "DiscoveryFile": "df"}[kind]
    assert f"KIND:       {kind}" in crds.kubectl("explain", short)


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (
            "si",
            [
                "      web.shop.k8s.example.com              A, AAAA  eligible instances",
                "      _http._tcp.web.shop.k8s.example.com   SRV      their port http",
            ],
        ),
        (
            "si.spec.answer.policy",
            ["    Random", "      One     a single one, drawn by weight for each query"],
        ),
        ("si.spec", ["    Example: {app: web, tier: front}"]),
        ("si.spec.ports", ["  port\t<integer> -required-", "  enum: TCP, UDP, SCTP"]),
        (
            "si.status.conditions",
            ["      EndpointsAvailable  at least one instance is answered"],
        ),
        ("si.status.instances.reason", ["      NotReady               its Ready condition is False"]),
        ("dz.spec", ["  domain\t<string> -required-", "    Example: k8s.example.com"]),
        ("dz.spec.naming", ["      Namespaced  <service>.<namespace>.<domain>"]),
        (
            "df.spec.format",
            ["    envoy-eds", "      hosts       /etc/hosts, CoreDNS hosts: an address and its names"],
        ),
    ],
)
def test_the_texts_come_out_as_written(crds: ControlPlane, path: str, lines: list[str]) -> None:
    printed = crds.kubectl("explain", path).splitlines()
    assert [line for line in lines if line not in printed] == []


def test_the_crds_are_structural_and_served(crds: ControlPlane) -> None:
    for plural in PLURALS.values():
        crd = crds.client.get(
            f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.rollcall.dev"
        )
        conditions = {item["type"]: item["status"] for item in crd["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}
