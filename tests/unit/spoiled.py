"""What a broken proxy or load balancer makes of a page of a list, with the status 200.

Left out is what nobody could tell from the truth: a well-formed list of the right kind and of a newer version
that lacks some of the objects.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st

Spoil = Callable[[bytes], bytes]

STATUS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
OTHERS: list[Any] = [
    {},
    [],
    None,
    STATUS,
    STATUS | {"items": []},
    {"metadata": {}},
    {"metadata": {}, "items": []},
    {"metadata": {"resourceVersion": "999"}, "items": []},
    {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": []},
    {"kind": "NodeList", "apiVersion": "v1", "metadata": {"resourceVersion": "999"}, "items": []},
    {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "999"}, "items": []},
]
JUNK: list[Any] = [None, "", "x", 7, [], {}, STATUS, {"metadata": {}}, {"metadata": {"name": "x"}}]
WHERE = [
    ("kind",),
    ("apiVersion",),
    ("metadata",),
    ("metadata", "resourceVersion"),
    ("metadata", "continue"),
    ("items",),
]


def _instead(body: object) -> Spoil:
    return lambda _: msgspec.json.encode(body)


def _without(where: tuple[str, ...]) -> Spoil:
    def spoil(page: bytes) -> bytes:
        body = msgspec.json.decode(page)
        inner = body
        for field in where[:-1]:
            inner = inner[field]
        inner.pop(where[-1], None)
        return msgspec.json.encode(body)

    return spoil


def _with(where: tuple[str, ...], value: object) -> Spoil:
    def spoil(page: bytes) -> bytes:
        body = msgspec.json.decode(page)
        inner = body
        for field in where[:-1]:
            inner = inner[field]
        inner[where[-1]] = value
        return msgspec.json.encode(body)

    return spoil


def _item(value: object) -> Spoil:
    def spoil(page: bytes) -> bytes:
        body = msgspec.json.decode(page)
        body["items"][0] = value
        return msgspec.json.encode(body)

    return spoil


def _twice(page: bytes) -> bytes:
    body = msgspec.json.decode(page)
    body["items"].append(body["items"][0])
    return msgspec.json.encode(body)


spoils: st.SearchStrategy[Spoil] = st.one_of(
    st.sampled_from(OTHERS).map(_instead),
    st.sampled_from([b"", b"<html>Bad Gateway</html>", b"null", b"\xff"]).map(lambda body: lambda _: body),
    st.floats(0, 0.99).map(lambda part: lambda page: page[: int(len(page) * part)]),
    st.sampled_from(WHERE).map(_without),
    st.builds(_with, st.sampled_from(WHERE), st.sampled_from([each for each in JUNK if each != []])),
    st.sampled_from(["0", "1", "-7", "007", "1e9", "9" * 25, "٣", " 9", ""]).map(
        lambda text: _with(("metadata", "resourceVersion"), text)
    ),
    st.sampled_from(JUNK).map(_item),
    st.just(_twice),
)
