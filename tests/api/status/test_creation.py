"""ServiceInstances that Rollcall makes, on a real API server."""

from collections.abc import Mapping
from typing import Any

from api.objects import Objects
from controlplane import ControlPlane
from rollcall.kube import AlreadyExists
from rollcall.kube.client import KubeClient
from rollcall.model import FIELD_MANAGER, Key, Service
from rollcall.status.creation import InstanceCreator
from rollcall.status.kinds import Kind
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
        (owner,) = stored["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Service", "web", made["metadata"]["uid"])
        assert not owner.get("controller")
        await objects.set_spec(ref, {"ttlSeconds": 30})
        creator.mark(key)
        await creating.news.until(lambda: creating.outcomes == ["created", "exists"])
        assert (await objects.get(ref))["spec"] == stored["spec"] | {"ttlSeconds": 30}
