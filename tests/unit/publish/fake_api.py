"""ConfigMaps in memory, with the rules of the API server that matter: versions, conflicts, refusals."""

import asyncio
import copy
from typing import Any


class Refusal(Exception):
    """An answer of the API server that is an error."""

    def __init__(self, status: int, message: str = "no") -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class FakeApi:
    """Keeps objects by name; `calls` are the requests that arrived, as verb and name."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.refuse: dict[str, Exception] = {}
        self.in_flight = 0
        self.most_in_flight = 0
        self.delay_seconds = 0.0
        self._version = 0

    async def get(self, path: str) -> Any:
        async with _Call(self, "get", _name(path)) as name:
            if name not in self.objects:
                raise Refusal(404, f"configmaps {name!r} not found")
            return copy.deepcopy(self.objects[name])

    async def create(self, path: str, body: object) -> Any:
        assert isinstance(body, dict)
        assert path.endswith("/configmaps")
        async with _Call(self, "create", body["metadata"]["name"]) as name:
            if name in self.objects:
                raise Refusal(409, "AlreadyExists")
            assert "resourceVersion" not in body["metadata"]
            return self.put(name, body)

    async def replace(self, path: str, body: object) -> Any:
        assert isinstance(body, dict)
        async with _Call(self, "replace", _name(path)) as name:
            if name not in self.objects:
                raise Refusal(404)
            if body["metadata"]["resourceVersion"] != self.version(name):
                raise Refusal(409, "the object has been modified")
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
        return [call for call in self.calls if call[0] != "get"]


class _Call:
    def __init__(self, api: FakeApi, verb: str, name: str) -> None:
        self._api, self._verb, self._name = api, verb, name

    async def __aenter__(self) -> str:
        self._api.calls.append((self._verb, self._name))
        self._api.in_flight += 1
        self._api.most_in_flight = max(self._api.most_in_flight, self._api.in_flight)
        await asyncio.sleep(self._api.delay_seconds)
        if error := self._api.refuse.get(self._verb):
            raise error
        return self._name

    async def __aexit__(self, *_: object) -> None:
        self._api.in_flight -= 1


def _name(path: str) -> str:
    start, name = path.rsplit("/", 1)
    assert start == "/api/v1/namespaces/shop/configmaps"
    return name
