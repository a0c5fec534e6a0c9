"""Objects in memory with the rules of the API server that matter here: versions, merge patches, refusals."""

import asyncio
import copy
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from rollcall.kube import AlreadyExists, Conflict, Forbidden, KubeError, NotFound, ServerError, Unreachable

Object = dict[str, Any]


class Call(NamedTuple):
    """A request: when it arrived (loop time), its verb, its path, its body."""

    at: float
    verb: str
    path: str
    body: Any


class FakeApi:
    """Keeps objects by path.

    `delay_seconds` is how long an answer takes. `failures` are raised by the next requests, one each;
    `refuse` gives an error for a call, or None. `before_patch` runs between the arrival of a patch, or of a
    delete, and its being looked at. `writers` is how many clients may ask for one object at the same time.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.calls: list[Call] = []
        self.delay_seconds = 0.01
        self.failures: deque[KubeError] = deque()
        self.refuse: Callable[[Call], KubeError | None] = lambda _: None
        self.before_patch: Callable[[str], None] = lambda _: None
        self.writers = 1
        self.in_flight: Counter[str] = Counter()
        self.most_in_flight = 0
        self._version = 0

    def add(self, path: str, status: Object | None = None) -> None:
        """Put an object there, as somebody made it."""
        self._version += 1
        meta = {"uid": f"uid-{path}-{self._version}", "resourceVersion": str(self._version)}
        self.objects[path] = {"metadata": meta, "spec": {"theirs": 1}}
        if status is not None:
            self.objects[path]["status"] = status

    def touch(self, path: str) -> None:
        """Change something of an object that isn't ours."""
        self._version += 1
        self.objects[path]["metadata"]["resourceVersion"] = str(self._version)

    def status(self, path: str) -> Any:
        return self.objects[path].get("status")

    def made(self, verb: str, path: str = "") -> list[Call]:
        """Return the calls of one verb, of one path or of all."""
        return [call for call in self.calls if call.verb == verb and path in ("", call.path)]

    async def get(self, path: str) -> Any:
        async with self._call("get", path, None):
            return copy.deepcopy(self._object(path.removesuffix("/status")))

    async def patch(self, path: str, body: object, *, params: Mapping[str, str] | None = None) -> Any:
        assert isinstance(body, dict)
        assert path.endswith("/status"), "only the status subresource is ours"
        assert body.keys() == {"metadata", "status"}
        assert body["metadata"].keys() == {"resourceVersion"}
        async with self._call("patch", path, body):
            owner = path.removesuffix("/status")
            self.before_patch(owner)
            stored = self._object(owner)
            if stored["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
                raise Conflict(f"PATCH {path}", 409, "Conflict", "the object has been modified")
            stored["status"] = merged(stored.get("status"), body["status"])
            self.touch(owner)
            return copy.deepcopy(stored)

    async def create(self, path: str, body: object, params: Mapping[str, str] | None = None) -> Any:
        assert isinstance(body, dict)
        async with self._call("create", path, body):
            place = f"{path}/{body['metadata']['name']}"
            if place in self.objects:
                raise AlreadyExists(f"POST {path}", 409, "AlreadyExists", f"{place} already exists")
            self._version += 1
            self.objects[place] = copy.deepcopy(body)
            return copy.deepcopy(body)

    async def delete(self, path: str, options: object) -> Any:
        assert isinstance(options, dict)
        async with self._call("delete", path, options):
            self.before_patch(path)
            metadata = self._object(path)["metadata"]
            if any(metadata[field] != value for field, value in options["preconditions"].items()):
                raise Conflict(f"DELETE {path}", 409, "Conflict", "the precondition failed")
            return self.objects.pop(path)

    def _object(self, path: str) -> Object:
        if path not in self.objects:
            raise NotFound(f"GET {path}", 404, "NotFound", "not found")
        return self.objects[path]

    @asynccontextmanager
    async def _call(self, verb: str, path: str, body: Any) -> AsyncIterator[None]:
        call = Call(asyncio.get_running_loop().time(), verb, path, body)
        self.calls.append(call)
        self.in_flight[path] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight.total())
        assert verb == "create" or self.in_flight[path] <= self.writers, f"more requests in flight for {path}"
        try:
            await asyncio.sleep(self.delay_seconds)
            if self.failures:
                raise self.failures.popleft()
            if error := self.refuse(call):
                raise error
            yield
        finally:
            self.in_flight[path] -= 1


def merged(target: Any, patch: Any) -> Any:
    """MergePatch of RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def unreachable() -> Unreachable:
    return Unreachable("PATCH: connection refused")


def broken() -> ServerError:
    return ServerError("PATCH", 500, "InternalError", "etcdserver: request timed out")


def forbidden(name: str = "web") -> Forbidden:
    message = (
        f'serviceinstances.rollcall.dev "{name}" is forbidden: User "rollcall" cannot patch resource'
        ' "serviceinstances/status" in API group "rollcall.dev" in the namespace "shop"'
    )
    return Forbidden(f"PATCH {name}", 403, "Forbidden", message)
