"""Events and pages as bytes: the ordinary, the odd and the broken."""

from typing import Any

import msgspec
import pytest

from rollcall.kube import Unreachable
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


def line(kind: str, obj: object) -> bytes:
    return msgspec.json.encode({"type": kind, "object": obj})


def test_an_event() -> None:
    event = PODS.read_event(
        line("DELETED", {"metadata": {"namespace": "shop", "name": "a", "uid": "u", "resourceVersion": "9"}})
    )
    assert (event.type, event.resource_version, event.raw) == ("DELETED", "9", None)
    assert event.item is not None
    assert (event.item.key, event.item.uid) == (Key("shop", "a"), "u")


@pytest.mark.parametrize("resource", EVERY, ids=str)
@pytest.mark.parametrize(
    "rest", [{}, {"spec": {"containers": None}, "status": {}}], ids=["bare", "with nulls"]
)
def test_a_bookmark_has_a_version_and_no_item(resource: Resource[Any], rest: dict[str, Any]) -> None:
    metadata = {"resourceVersion": "12", "creationTimestamp": None}
    event = resource.read_event(line("BOOKMARK", {"metadata": metadata} | rest))
    assert (event.type, event.resource_version, event.item) == ("BOOKMARK", "12", None)


@pytest.mark.parametrize("resource", EVERY, ids=str)
def test_an_error_is_a_status_whatever_the_kind(resource: Resource[Any]) -> None:
    event = resource.read_event(line("ERROR", EXPIRED))
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
    metadata = {"namespace": "shop", "name": "a", "uid": "u", "resourceVersion": "9"}
    obj = rest | {"metadata": metadata | rest.get("metadata", {})}
    event = resource.read_event(line("MODIFIED", obj))
    assert event.resource_version == "9"
    item = event.item
    assert item is not None
    assert (item.key, item.uid, item.object) == (Key("shop", "a"), "u", None)
    assert "$.object." in item.problem
    listed = resource.read_item(msgspec.Raw(msgspec.json.encode(obj)))
    assert (listed.key, listed.uid, listed.object) == (Key("shop", "a"), "u", None)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"garbage",
        b'{"type":"ADDED","object":{"metadata":{"name":"a"',
        b'{"type":"ADDED"}',
        b'{"type":"ADDED","object":{"metadata":{"name":7}}}',
        b'{"type":"ADDED","object":{"kind":"Pod"}}',
        b'{"type":"ADDED","object":{"metadata":{},"spec":[]}}',
        b'{"type":"ADDED","object":{"metadata":{"name":"\xff"}}}',
        b"[]",
    ],
)
def test_what_has_no_name_is_a_broken_answer(broken: bytes) -> None:
    with pytest.raises(Unreachable):
        PODS.read_event(broken)


def test_a_page() -> None:
    body = (
        b'{"metadata":{"resourceVersion":"5","continue":"abc","remainingItemCount":1},"items":[{"a":1},{}]}'
    )
    page = PODS.read_page(body)
    assert (page.resource_version, page.continue_token) == ("5", "abc")
    assert [bytes(item) for item in page.items] == [b'{"a":1}', b"{}"]


@pytest.mark.parametrize("items", [b"[]", b"null"])
def test_an_empty_page(items: bytes) -> None:
    page = PODS.read_page(b'{"metadata":{"resourceVersion":"5"},"items":' + items + b"}")
    assert (page.items, page.continue_token) == ((), "")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"items":[]}', b'{"metadata":{},"items":[{"a":'])
def test_a_page_cut_short_is_no_page(body: bytes) -> None:
    with pytest.raises(Unreachable, match="not a list"):
        PODS.read_page(body)


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
