"""Clients of the API server for the parts under test, and zones that are gone after each test."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest

from rollcall.kube import NotFound
from rollcall.kube.client import KubeClient
from rollcall.model import API_VERSION, Key
from rollcall.status.kinds import Kind, ObjectRef

Json = dict[str, Any]

_numbers = count(1)

FILE_SPEC: Json = {"format": "hosts", "configMap": {"name": "hosts", "key": "hosts"}}


class Objects:
    """Our custom resources, made and changed as a user would."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    async def create(self, kind: Kind, name: str, spec: Json) -> Json:
        namespace = "" if kind is Kind.DISCOVERY_ZONE else self.namespace
        metadata = {"name": name, "namespace": namespace}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
        made: Json = await self._client.create(kind.resource.path(namespace), body)
        return made

    async def get(self, ref: ObjectRef) -> Json:
        found: Json = await self._client.get(ref.path())
        return found

    async def set_spec(self, ref: ObjectRef, spec: Json) -> Json:
        changed: Json = await self._client.patch(ref.path(), {"spec": spec})
        return changed

    async def delete(self, ref: ObjectRef) -> None:
        await self._client.delete(ref.path())

    async def clear_zones(self) -> None:
        """Zones belong to no namespace that would take them along."""
        path = Kind.DISCOVERY_ZONE.resource.path()
        for each in (await self._client.get(path))["items"]:
            try:
                await self._client.delete(f"{path}/{each['metadata']['name']}")
            except NotFound:
                continue

    def ref(self, kind: Kind, name: str) -> ObjectRef:
        return ObjectRef(kind, Key("" if kind is Kind.DISCOVERY_ZONE else self.namespace, name))


@pytest.fixture
async def objects(client: KubeClient, namespace: str) -> AsyncIterator[Objects]:
    made = Objects(client, namespace)
    yield made
    await made.clear_zones()


@pytest.fixture
def zone_name() -> str:
    """Give a name that no other test has used, for a name and a domain."""
    return f"zone-{next(_numbers)}"
