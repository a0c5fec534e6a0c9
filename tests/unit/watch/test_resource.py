"""Events and pages as bytes: the ordinary, the odd and the broken."""

from typing import Any

import msgspec
import pytest

from rollcall.kube import BadAnswer
from rollcall.kube.paths import api_path
from rollcall.model import Key
from rollcall.watch import (
    DISCOVERY_FILES,
    DISCOVERY_ZONES,
    PODS,
    SERVICE_INSTANCES,
    SERVICES,
    Resource,
)
from rollcall.watch.config_map import CONFIG_MAPS
from unit.api_objects import event as line
from unit.api_objects import kind_of

EVERY = [PODS, SERVICES, SERVICE_INSTANCES, DISCOVERY_ZONES, DISCOVERY_FILES]
EXPIRED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "too old resource version: 1 (7)",
    "reason": "Expired",
    "code": 410,
}


NAMED = {"namespace": "shop", "name": "a", "uid": "u", "resourceVersion": "9"}


def test_an_event() -> None:
    event = PODS.read_event(line(PODS, "DELETED", {"metadata": NAMED}))
    assert (event.type, event.version, event.raw) == ("DELETED", 9, None)
    assert event.item is not None
    assert (event.item.key, event.item.uid) == (Key("shop", "a"), "u")


@pytest.mark.parametrize("resource", EVERY, ids=str)
@pytest.mark.parametrize(
    "rest", [{}, {"spec": {"containers": None}, "status": {}}], ids=["bare", "with nulls"]
)
def test_a_bookmark_has_a_version_and_no_item(resource: Resource[Any], rest: dict[str, Any]) -> None:
    metadata = {"resourceVersion": "12", "creationTimestamp": None}
    event = resource.read_event(line(resource, "BOOKMARK", {"metadata": metadata} | rest))
    assert (event.type, event.version, event.item) == ("BOOKMARK", 12, None)


@pytest.mark.parametrize("resource", EVERY, ids=str)
def test_an_error_is_a_status_whatever_the_kind(resource: Resource[Any]) -> None:
    event = resource.read_event(line(resource, "ERROR", EXPIRED))
    assert event.type == "ERROR"
    assert event.item is None
    assert event.raw is not None
    assert msgspec.json.decode(event.raw) == EXPIRED


@pytest.mark.parametrize(
    ("resource", "rest"),
    [
        (PODS, {"status": {"podIPs": "10.0.0.1"}}),
        (PODS, {"metadata": {"labels": ["app"]}}),
        (SERVICES, {"spec": {"ports": [{"name": "http"}]}}),
        (SERVICE_INSTANCES, {"spec": {"answer": {"policy": "Sometimes"}}}),
        (DISCOVERY_ZONES, {"spec": {}}),
        (DISCOVERY_FILES, {"spec": {"format": "hosts", "configMap": "a"}}),
    ],
)
def test_an_object_that_does_not_decode_keeps_its_name(resource: Resource[Any], rest: dict[str, Any]) -> None:
    obj = kind_of(resource) | rest | {"metadata": NAMED | rest.get("metadata", {})}
    event = resource.read_event(line(resource, "MODIFIED", obj))
    assert event.version == 9
    item = event.item
    assert item is not None
    assert (item.key, item.uid, item.object) == (Key("shop", "a"), "u", None)
    assert "$.object." in item.problem
    listed = resource.read_item(msgspec.Raw(msgspec.json.encode(obj)))
    assert (listed.key, listed.uid, listed.object) == (Key("shop", "a"), "u", None)


POD: dict[str, Any] = {"kind": "Pod", "apiVersion": "v1", "metadata": NAMED}


def without(path: str, obj: dict[str, Any] = POD) -> dict[str, Any]:
    """Copy an object, without one of its fields."""
    first, _, rest = path.partition(".")
    return {
        field: without(rest, value) if field == first else value
        for field, value in obj.items()
        if field != path
    }


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"garbage",
        b'{"type":"ADDED","object":{"metadata":{"name":"a"',
        b'{"type":"ADDED"}',
        b"[]",
        msgspec.json.encode({"type": "ADDED", "object": POD}).replace(b'"a"', b'"\xff"'),
        *(
            msgspec.json.encode({"type": kind, "object": obj})
            for kind, obj in [
                ("ADDED", None),
                ("ADDED", {}),
                ("ADDED", {"kind": "Pod"}),
                ("ADDED", POD | {"metadata": {"name": 7}}),
                ("ADDED", POD | {"metadata": {}, "spec": []}),
                ("ADDED", without("metadata")),
                ("ADDED", without("metadata.name")),
                ("ADDED", without("metadata.uid")),
                ("ADDED", without("metadata.namespace")),
                ("ADDED", without("metadata.resourceVersion")),
                ("ADDED", without("kind")),
                ("ADDED", without("apiVersion")),
                ("ADDED", POD | {"kind": "Service"}),
                ("ADDED", POD | {"kind": "PodList"}),
                ("ADDED", POD | {"apiVersion": "v2"}),
                ("MODIFIED", POD | {"kind": "Service", "status": []}),
                ("DELETED", EXPIRED),
                ("ADDED", EXPIRED),
                ("BOOKMARK", EXPIRED),
                ("BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": {}}),
                ("BOOKMARK", {"kind": "Node", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}}),
                ("SYNC", POD),
                *(
                    ("MODIFIED", POD | {"metadata": NAMED | {"resourceVersion": version}})
                    for version in ["", "0", "-1", "1.5", "x", "٣", "1" * 30, 7, None]
                ),
            ]
        ),
    ],
)
def test_an_event_of_anything_else_is_a_broken_answer(broken: bytes) -> None:
    with pytest.raises(BadAnswer):
        PODS.read_event(broken)


LIST: dict[str, Any] = {
    "kind": "PodList",
    "apiVersion": "v1",
    "metadata": {"resourceVersion": "5"},
    "items": [{"metadata": NAMED}],
}


def test_a_page() -> None:
    metadata = {"resourceVersion": "5", "continue": "abc", "remainingItemCount": 1}
    page = PODS.read_page(msgspec.json.encode(LIST | {"metadata": metadata, "items": [{"a": 1}, {}]}))
    assert (page.version, page.continue_token) == (5, "abc")
    assert [bytes(item) for item in page.items] == [b'{"a":1}', b"{}"]


def test_an_empty_page() -> None:
    page = PODS.read_page(msgspec.json.encode(LIST | {"items": []}))
    assert (page.items, page.continue_token) == ((), "")


REDUCED = LIST | {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}


def test_a_page_of_metadata_alone_which_has_null_where_it_is_empty() -> None:
    page = CONFIG_MAPS.read_page(msgspec.json.encode(REDUCED | {"items": None}))
    assert (page.version, page.items) == (5, ())
    whole = CONFIG_MAPS.read_page(msgspec.json.encode(LIST | {"kind": "ConfigMapList", "items": [{}]}))
    assert len(whole.items) == 1, "from a server that can't reduce them"


@pytest.mark.parametrize(
    ("resource", "body"),
    [
        (PODS, b""),
        (PODS, b"<html>"),
        (PODS, b"[]"),
        (PODS, msgspec.json.encode(LIST)[:-20]),
        *(
            (resource, msgspec.json.encode(obj))
            for resource, obj in [
                (PODS, {}),
                (PODS, {"metadata": {}}),
                (PODS, {"metadata": {"resourceVersion": "9"}, "items": []}),
                (PODS, EXPIRED),
                (
                    PODS,
                    {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": []},
                ),
                (PODS, without("items", LIST)),
                (PODS, without("metadata", LIST)),
                (PODS, without("kind", LIST)),
                (PODS, without("apiVersion", LIST)),
                (PODS, LIST | {"items": None}),
                (PODS, LIST | {"items": {}}),
                (PODS, LIST | {"kind": "Pod"}),
                (PODS, LIST | {"kind": "ServiceList"}),
                (PODS, LIST | {"apiVersion": "v2"}),
                (PODS, REDUCED),
                (CONFIG_MAPS, LIST | {"kind": "ConfigMapList", "items": None}),
                (DISCOVERY_ZONES, LIST | {"kind": "DiscoveryZoneList"}),
                *(
                    (PODS, LIST | {"metadata": metadata})
                    for metadata in [
                        {},
                        None,
                        {"resourceVersion": ""},
                        {"resourceVersion": "0"},
                        {"resourceVersion": "-5"},
                        {"resourceVersion": "5a"},
                        {"resourceVersion": 5},
                        {"resourceVersion": "5", "remainingItemCount": 3},
                    ]
                ),
                (PODS, LIST | {"metadata": {"resourceVersion": "5", "continue": "abc"}, "items": []}),
            ]
        ),
    ],
)
def test_anything_else_is_no_page(resource: Resource[Any], body: bytes) -> None:
    with pytest.raises(BadAnswer):
        resource.read_page(body)


def test_what_is_wrong_with_a_list_is_said() -> None:
    with pytest.raises(BadAnswer, match=r"not a list of pods but a Status of v1: does a proxy .*\?"):
        PODS.read_page(msgspec.json.encode(EXPIRED | {"items": []}))


@pytest.mark.parametrize("item", [None, 7, EXPIRED, {}, {"metadata": {}}, POD | {"kind": "Service"}])
def test_an_item_of_anything_else_is_no_item(item: object) -> None:
    with pytest.raises(BadAnswer):
        PODS.read_item(msgspec.Raw(msgspec.json.encode(item)))


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (PODS.path(), "/api/v1/pods"),
        (PODS.path("shop"), "/api/v1/namespaces/shop/pods"),
        (PODS.path("shop", "a", "status"), "/api/v1/namespaces/shop/pods/a/status"),
        (DISCOVERY_ZONES.path("shop", "x"), "/apis/rollcall.dev/v1alpha1/discoveryzones/x"),
        (SERVICE_INSTANCES.path(), "/apis/rollcall.dev/v1alpha1/serviceinstances"),
        (api_path("v1", "events", namespace="shop"), "/api/v1/namespaces/shop/events"),
    ],
)
def test_paths(made: str, path: str) -> None:
    assert made == path
