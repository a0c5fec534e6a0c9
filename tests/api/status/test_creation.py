"""ServiceInstances that Rollcall makes, on a real API server."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from api.objects import Objects
from controlplane import ControlPlane
from rollcall.directory import Directory
from rollcall.kube import AlreadyExists, Conflict
from rollcall.kube.client import KubeClient
from rollcall.model import FIELD_MANAGER, Key, Service
from rollcall.status.creation import AS_OPERATOR, InstanceCreator
from rollcall.status.keeping import InstanceKeeper
from rollcall.status.kinds import Kind
from rollcall.status.ownership import generated
from rollcall.watch import SERVICE_INSTANCES
from unit.running import running
from waiting import News


class Creating:
    """A client that tells when it was answered, also that something exists already."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self.outcomes: list[str] = []
        self.news = News()

    async def get(self, path: str) -> Any:
        return await self._client.get(path)

    async def patch(self, path: str, body: object, *, params: Mapping[str, str]) -> Any:
        return await self._client.patch(path, body, params=params)

    async def delete(self, path: str, options: object) -> Any:
        return await self._client.delete(path, options)

    async def create(self, path: str, body: object, params: Mapping[str, str]) -> Any:
        try:
            made = await self._client.create(path, body, params)
            self.outcomes.append("created")
            return made
        except AlreadyExists:
            self.outcomes.append("exists")
            raise
        finally:
            self.news.tell()


async def test_one_is_made_and_then_left_to_its_user(
    cluster: ControlPlane, objects: Objects, client: KubeClient
) -> None:
    made = cluster.workloads.make_service(objects.namespace, "web", selector={"app": "web"})
    key = Key(objects.namespace, "web")
    services = {key: Service(key, made["metadata"]["uid"])}
    creating = Creating(client)
    creator = InstanceCreator(creating, services.get)
    ref = objects.ref(Kind.SERVICE_INSTANCE, "web")
    async with running(creator.run()):
        creator.mark(key)
        await creating.news.until(lambda: creating.outcomes == ["created"])
        stored = await objects.get(ref)
        assert stored["spec"] == {}
        assert "labels" not in stored["metadata"]
        assert [each["manager"] for each in stored["metadata"]["managedFields"]] == [FIELD_MANAGER]
        assert "ownerReferences" not in stored["metadata"]
        await objects.set_spec(ref, {"ttlSeconds": 30})
        creator.mark(key)
        await creating.news.until(lambda: creating.outcomes == ["created", "exists"])
        assert (await objects.get(ref))["spec"] == stored["spec"] | {"ttlSeconds": 30}


class Overtaken(Creating):
    """A client that is overtaken by a user, who writes before each of its deletions arrives."""

    def __init__(self, client: KubeClient, write: Callable[[], Awaitable[object]]) -> None:
        super().__init__(client)
        self._write = write

    async def delete(self, path: str, options: object) -> Any:
        await self._write()
        try:
            return await super().delete(path, options)
        except Conflict:
            self.outcomes.append("conflict")
            raise
        finally:
            self.news.tell()


async def test_one_that_is_written_before_its_deletion_arrives_stays(
    cluster: ControlPlane, objects: Objects, client: KubeClient
) -> None:
    key, ref = Key(objects.namespace, "web"), objects.ref(Kind.SERVICE_INSTANCE, "web")
    made = await client.create(
        SERVICE_INSTANCES.path(key.namespace), generated(Service(key, "gone")), AS_OPERATOR
    )
    directory = Directory()
    read = SERVICE_INSTANCES.read_item(msgspec.Raw(msgspec.json.encode(made)))
    assert read.object is not None
    directory.apply_resource(read.object)
    overtaken = Overtaken(client, lambda: objects.set_spec(ref, {"ttlSeconds": 30}))
    keeper = InstanceKeeper(overtaken, directory.get)
    async with running(keeper.run()):
        keeper.mark(key)
        await overtaken.news.until(lambda: overtaken.outcomes == ["conflict"])
    assert (await objects.get(ref))["spec"] == {"ttlSeconds": 30}
