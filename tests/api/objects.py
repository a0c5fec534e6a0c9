"""Our custom resources in the API server, for tests of the parts that read and write them."""

from typing import Any

from rollcall.kube import NotFound
from rollcall.kube.client import KubeClient
from rollcall.model import API_VERSION, Key
from rollcall.status.kinds import Kind, ObjectRef

Json = dict[str, Any]

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
