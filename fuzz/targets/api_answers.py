"""What comes from the API server, or from whatever answers in its place: pages of lists, and watch events."""

from collections.abc import Iterator
from typing import Any

import msgspec

from fuzz.target import Target
from rollcall.kube.errors import BadAnswer
from rollcall.watch import Resource
from unit.api_objects import event, kind_of, listed
from unit.spoiled import STATUS
from unit.watch.test_spoiled_lists import EVERY, SPECS


def feed(octets: bytes) -> None:
    """Read it as a page, or as a line of a watch, of the kind that the first octet says."""
    if not octets:
        return
    resource: Resource[Any] = EVERY[(octets[0] >> 1) % len(EVERY)]
    try:
        if octets[0] & 1:
            _check(resource.read_event(octets[1:]).item)
        else:
            for raw in resource.read_page(octets[1:]).items:
                _check(resource.read_item(raw))
    except BadAnswer:
        pass


def _check(item: Any) -> None:
    if item is not None:
        assert item.key.name
        assert item.uid
        assert item.problem if item.object is None else item.object.uid == item.uid


def _object(resource: Resource[Any], **more: Any) -> dict[str, Any]:
    metadata = {"name": "web-0", "namespace": "shop", "uid": "u-1", "resourceVersion": "7"}
    return kind_of(resource) | {"metadata": metadata, "spec": SPECS.get(resource, {})} | more


def _seeds() -> Iterator[bytes]:
    for number, resource in enumerate(EVERY):
        page, line = bytes((number << 1,)), bytes((number << 1 | 1,))
        yield page + listed(resource, [_object(resource)], 9)
        yield page + listed(resource, [_object(resource)], 9, **{"continue": "x", "remainingItemCount": 3})
        yield from (line + event(resource, type, _object(resource)) for type in ("ADDED", "BOOKMARK"))
        yield line + msgspec.json.encode({"type": "ERROR", "object": STATUS | {"code": 410}})


TARGET = Target(list(_seeds()), feed)
