"""A Lease in memory, with the API server's rules for writes; each client has a line of its own to it."""

import asyncio
import copy
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from rollcall.kube import AlreadyExists, Conflict, KubeError, NotFound, Unreachable

PATH = "/apis/coordination.k8s.io/v1/namespaces/rollcall-system/leases"
DELAY_SECONDS = 0.01

Line = Literal["good", "down", "hangs", "loses answers"]


@dataclass
class LeaseServer:
    """`history` are the specs that were stored, with the time; `writers` who sent each of them."""

    lease: dict[str, Any] | None = None
    version: int = 0
    history: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        spec: dict[str, Any] = self.lease["spec"]
        return spec

    def store(self, spec: dict[str, Any] | None, **metadata: Any) -> None:
        """Put a Lease there, as a write would or as somebody did by hand."""
        self.version += 1
        kept = self.lease["metadata"] if self.lease else {}
        self.lease = {"metadata": {**kept, **metadata, "resourceVersion": str(self.version)}}
        if spec is not None:
            self.lease["spec"] = spec
            self.history.append((asyncio.get_running_loop().time(), dict(spec)))

    def delete(self) -> None:
        self.version += 1
        self.lease = None


@dataclass
class LeaseClient:
    """One client's way to the server. `failures` are raised by the next requests, one each."""

    server: LeaseServer
    line: Line = "good"
    failures: deque[KubeError] = field(default_factory=deque)
    requests: list[tuple[float, str]] = field(default_factory=list)

    async def get(self, path: str) -> Any:
        await self._arrive("get")
        return await self._answer(self._stored(path))

    async def create(self, path: str, body: Any) -> Any:
        await self._arrive("create")
        assert path == PATH
        if self.server.lease is not None:
            raise AlreadyExists(f"POST {path}", 409, "AlreadyExists", "there is one")
        self.server.store(body["spec"], **body["metadata"])
        return await self._answer(self.server.lease)

    async def patch(self, path: str, body: Any) -> Any:
        await self._arrive("patch")
        stored = self._stored(path)
        if body["metadata"]["resourceVersion"] != stored["metadata"]["resourceVersion"]:
            raise Conflict(f"PATCH {path}", 409, "Conflict", "it has changed")
        self.server.store({**(stored.get("spec") or {}), **body["spec"]})
        return await self._answer(self.server.lease)

    def _stored(self, path: str) -> dict[str, Any]:
        assert path == f"{PATH}/rollcall"
        if self.server.lease is None:
            raise NotFound(f"GET {path}", 404, "NotFound", "no such Lease")
        return self.server.lease

    async def _arrive(self, verb: str) -> None:
        self.requests.append((asyncio.get_running_loop().time(), verb))
        await asyncio.sleep(DELAY_SECONDS)
        if self.failures:
            raise self.failures.popleft()
        if self.line == "down":
            raise Unreachable(f"{verb}: connection refused")
        if self.line == "hangs":
            await asyncio.Event().wait()

    async def _answer(self, stored: Any) -> Any:
        answer = copy.deepcopy(stored)
        await asyncio.sleep(DELAY_SECONDS)
        if self.line == "loses answers":
            await asyncio.Event().wait()
        return answer
