"""ConfigMaps in memory, with the rules of the API server that matter: versions, conflicts, refusals.

And those of the client: its errors, and that a request has an end.
"""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from rollcall.kube import AlreadyExists, Conflict, NotFound, Unreachable
from rollcall.kube.client import REQUEST_SECONDS


class FakeApi:
    """Keeps objects by name; `calls` are the requests that arrived, as verb and name.

    `files` are the DiscoveryFiles of the namespace, by name; `listed_as` is the kind of a list of them.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.refuse: dict[str, Exception] = {}
        self.in_flight = 0
        self.most_in_flight = 0
        self.delay_seconds = 0.0
        self.files: set[str] = set()
        self.listed_as = "DiscoveryFileList"
        self._version = 0

    async def get(self, path: str) -> Any:
        async with self._call("get", _name(path)) as name:
            if name not in self.objects:
                raise NotFound(f"GET {path}", 404, "NotFound", f"configmaps {name!r} not found")
            return copy.deepcopy(self.objects[name])

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        assert path == "/apis/rollcall.dev/v1alpha1/namespaces/shop/discoveryfiles"
        async with self._call("list", params["fieldSelector"].removeprefix("metadata.name=")) as name:
            return msgspec.json.encode(
                {
                    "kind": self.listed_as,
                    "apiVersion": "rollcall.dev/v1alpha1",
                    "metadata": {"resourceVersion": "7"},
                    "items": [{"metadata": {"name": name}}] if name in self.files else [],
                }
            )

    async def create(self, path: str, body: object) -> Any:
        assert isinstance(body, dict)
        assert path.endswith("/configmaps")
        async with self._call("create", body["metadata"]["name"]) as name:
            if name in self.objects:
                raise AlreadyExists(f"POST {path}", 409, "AlreadyExists", "it is there")
            assert "resourceVersion" not in body["metadata"]
            return self.put(name, body)

    async def replace(self, path: str, body: object) -> Any:
        assert isinstance(body, dict)
        async with self._call("replace", _name(path)) as name:
            if name not in self.objects:
                raise NotFound(f"PUT {path}", 404, "NotFound", f"configmaps {name!r} not found")
            if body["metadata"]["resourceVersion"] != self.version(name):
                raise Conflict(f"PUT {path}", 409, "Conflict", "the object has been modified")
            return self.put(name, body)

    def put(self, name: str, body: dict[str, Any]) -> Any:
        """Store an object as somebody wrote it."""
        self._version += 1
        stored = copy.deepcopy(body)
        stored["metadata"] |= {"name": name, "namespace": "shop", "resourceVersion": str(self._version)}
        self.objects[name] = stored
        return copy.deepcopy(stored)

    def version(self, name: str) -> str:
        return str(self.objects[name]["metadata"]["resourceVersion"])

    def data(self, name: str) -> dict[str, str]:
        return dict(self.objects[name]["data"])

    def annotations(self, name: str) -> dict[str, str]:
        return dict(self.objects[name]["metadata"]["annotations"])

    def writes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] not in ("get", "list")]

    @contextlib.asynccontextmanager
    async def _call(self, verb: str, name: str) -> AsyncIterator[str]:
        self.calls.append((verb, name))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await asyncio.sleep(self.delay_seconds)
            if error := self.refuse.get(verb):
                raise error
            yield name
        except TimeoutError as error:
            raise Unreachable(f"{verb} {name}: no answer in time") from error
        finally:
            self.in_flight -= 1


def _name(path: str) -> str:
    start, name = path.rsplit("/", 1)
    assert start == "/api/v1/namespaces/shop/configmaps"
    return name
