"""What is not a list removes nothing, whatever the kind; and the next real one is taken."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.kube import Gone
from rollcall.watch import (
    DISCOVERY_FILES,
    DISCOVERY_ZONES,
    PODS,
    SERVICE_INSTANCES,
    SERVICES,
    Batch,
    Reflector,
    Resource,
)
from rollcall.watch.config_map import CONFIG_MAPS
from rollcall.watch.endpoints import ENDPOINT_SLICES
from rollcall.watch.secret import SECRETS
from rollcall.watch.workloads import DEPLOYMENTS, FLAGGER_CANARIES, REPLICA_SETS, ROLLOUTS
from thorough import examples
from unit.api_objects import kind_of, listed
from unit.running import running
from unit.spoiled import Spoil, spoils

pytestmark = pytest.mark.looptime

EVERY: list[Resource[Any]] = [
    PODS,
    SERVICES,
    SERVICE_INSTANCES,
    DISCOVERY_ZONES,
    DISCOVERY_FILES,
    ENDPOINT_SLICES,
    SECRETS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    REPLICA_SETS,
    ROLLOUTS,
    FLAGGER_CANARIES,
]
SPECS: dict[Resource[Any], dict[str, Any]] = {
    DISCOVERY_ZONES: {"domain": "example.com"},
    DISCOVERY_FILES: {"format": "json", "configMap": {"name": "a", "key": "a"}},
}


class Server:
    """Lists in pages of two, the page of a number spoilt, and has never the history that a watch asks for."""

    def __init__(self, resource: Resource[Any], names: str) -> None:
        self.resource = resource
        self.names = names
        self.version = 100
        self.spoil: Spoil | None = None
        self.spoiled_page = 0

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        await asyncio.sleep(0.1)
        token = params.get("continue", "0")
        if not token.isdecimal():
            raise Gone(f"GET {path}", 410, "Expired", "a continue token that is none")
        start = int(token)
        self.version += not start
        rest = len(self.names) - start - 2
        more: dict[str, Any] = {"continue": str(start + 2), "remainingItemCount": rest} if rest > 0 else {}
        objects = [self._object(name) for name in self.names[start : start + 2]]
        page = listed(self.resource, objects, self.version, **more)
        return self.spoil(page) if self.spoil and start == 2 * self.spoiled_page else page

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        await asyncio.sleep(5)
        raise Gone(f"GET {path}", 410, "Expired", "too old resource version")
        yield []

    def _object(self, name: str) -> dict[str, Any]:
        metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "7"}
        if self.resource.namespaced:
            metadata["namespace"] = "shop"
        return kind_of(self.resource) | {"metadata": metadata, "spec": SPECS.get(self.resource, {})}


@settings(max_examples=examples(150))
@given(resource=st.sampled_from(EVERY), spoil=spoils, page=st.integers(0, 1))
async def test_no_spoilt_list_ever_removes_an_object(
    resource: Resource[Any], spoil: Spoil, page: int
) -> None:
    server = Server(resource, "abcd")
    batches: list[Batch[Any]] = []
    reflector = Reflector(server, resource, batches.append, draw=max)
    async with running(reflector.run()):
        await reflector.synced.wait()
        before = dict(reflector.view.objects)
        assert len(before) == 4
        server.spoil, server.spoiled_page = spoil, page
        await asyncio.sleep(60)
        assert not [change for change in itertools.chain(*(b.changes for b in batches)) if change.new is None]
        assert reflector.view.objects == before
        server.spoil = None
        server.names = "abd"
        await asyncio.sleep(20)
        assert {key.name for key in reflector.view.objects} == {"a", "b", "d"}, "it goes on"
        assert reflector.trouble is None
