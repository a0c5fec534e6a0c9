"""An API server in memory, as far as the commands ask one: objects by path, pages, reviews of rights."""

import json
from collections.abc import AsyncGenerator, Mapping
from copy import deepcopy
from types import TracebackType
from typing import Any, Self

import msgspec

from rollcall.kube import KubeError, NotFound
from rollcall.model import API_VERSION
from unit.cli.shop import OBJECTS, PLURALS, Json

PAGE = 2
GROUP = "/apis/rollcall.dev/v1alpha1"


class CannedApi:
    """Stands in for KubeClient.

    `objects` are those of the collections; `answers` whole answers by path, an error among them is raised.
    `denied` are rights, written as "verb resource", that nobody has. `reviews` keeps what was asked.
    """

    def __init__(self, objects: list[Json] | None = None) -> None:
        self.objects = deepcopy(OBJECTS if objects is None else objects)
        self.answers: dict[str, Any] = {"/version": {"gitVersion": "v1.37.2"}}
        self.denied: set[str] = set()
        self.reviews: list[tuple[str, Json]] = []
        self.lines: list[list[bytes]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        decoder: "msgspec.json.Decoder[Any] | None" = None,
    ) -> Any:
        body = json.dumps(self._find(path)).encode()
        return (decoder or msgspec.json.Decoder()).decode(body)

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        """Answer in pages of two, whatever was asked for."""
        self._raise_canned(path)
        items = [obj for obj in self.objects if self._collections(obj)[0] == path or self._is_all(obj, path)]
        start = int(params.get("continue", 0))
        end = start + PAGE
        metadata = {"resourceVersion": "7", **({"continue": str(end)} if end < len(items) else {})}
        kind = next(kind for kind, plural in PLURALS.items() if path.endswith(plural)) + "List"
        head = {"kind": kind, "apiVersion": API_VERSION, "metadata": metadata}
        return json.dumps(head | {"items": items[start:end]}).encode()

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        """Tell of the canned lines, then be silent for ever."""
        yield []
        for batch in self.lines:
            yield batch
        self.lines = []
        await _for_ever()

    async def create(self, path: str, body: Json) -> Json:
        """Review a right."""
        self._raise_canned(path)
        self.reviews.append((path, body))
        asked = body["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (asked["resource"], asked["subresource"])))
        return {"status": {"allowed": f"{asked['verb']} {resource}" not in self.denied}}

    def _find(self, path: str) -> Any:
        self._raise_canned(path)
        if path in self.answers:
            return self.answers[path]
        for obj in self.objects:
            if f"{self._collections(obj)[0]}/{obj['metadata']['name']}" == path:
                return obj
        name = path.rpartition("/")[2]
        raise NotFound(f"GET {path}", 404, "NotFound", f'serviceinstances.rollcall.dev "{name}" not found')

    def _raise_canned(self, path: str) -> None:
        if isinstance(answer := self.answers.get(path), KubeError):
            raise answer

    def _collections(self, obj: Json) -> tuple[str, str]:
        plural = PLURALS[obj["kind"]]
        namespace = obj["metadata"].get("namespace")
        everywhere = f"{GROUP}/{plural}"
        return (f"{GROUP}/namespaces/{namespace}/{plural}" if namespace else everywhere), everywhere

    def _is_all(self, obj: Json, path: str) -> bool:
        return path == self._collections(obj)[1]


async def _for_ever() -> None:
    import asyncio

    await asyncio.Event().wait()
