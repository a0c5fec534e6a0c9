"""A publisher that runs against the API server beside a test, and a look at what it wrote."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from controlplane import ApiError, ControlPlane
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials
from rollcall.model import DiscoveryFile, Key, Members
from rollcall.publish.config_maps import FilePublisher, FileReport
from rollcall.publish.file_store import FileStore

Json = dict[str, Any]

SOON = 20.0


@dataclass
class Publishing:
    """A store whose files are published, and the namespace that they are in."""

    cluster: ControlPlane
    namespace: str
    client: KubeClient
    store: FileStore = field(default_factory=FileStore)
    reports: list[tuple[Key, FileReport]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def make(self, file: DiscoveryFile) -> DiscoveryFile:
        """Create the DiscoveryFile in the cluster; give it with its uid and its generation there."""
        spec = msgspec.to_builtins(file.spec)
        spec["services"] = {key: value for key, value in spec["services"].items() if value and key == "names"}
        body = {
            "apiVersion": "rollcall.dev/v1alpha1",
            "kind": "DiscoveryFile",
            "metadata": {"name": file.key.name},
            "spec": {key: value for key, value in spec.items() if value and key != "ttlSeconds"},
        }
        made = self.cluster.client.create(self.files_path(), body)
        return msgspec.structs.replace(
            file,
            key=Key(self.namespace, file.key.name),
            uid=made["metadata"]["uid"],
            generation=made["metadata"]["generation"],
        )

    def files_path(self, name: str = "") -> str:
        tail = f"/{name}" if name else ""
        return f"/apis/rollcall.dev/v1alpha1/namespaces/{self.namespace}/discoveryfiles{tail}"

    def path(self, name: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps{f'/{name}' if name else ''}"

    def read(self, name: str = "web") -> Json:
        return self.cluster.client.get(self.path(name))

    def exists(self, name: str) -> bool:
        try:
            self.read(name)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    def version(self, name: str = "web") -> str:
        return str(self.read(name)["metadata"]["resourceVersion"])

    def on_report(self, key: Key, report: FileReport) -> None:
        self.reports.append((key, report))
        self.news.set()

    async def report(self, file: DiscoveryFile, good: Callable[[FileReport], bool]) -> FileReport:
        """Wait for a report on a file."""
        async with asyncio.timeout(SOON):
            while True:
                last = [report for key, report in self.reports if key == file.key][-1:]
                if last and good(last[0]):
                    return last[0]
                self.news.clear()
                await self.news.wait()

    async def published(self, file: DiscoveryFile, *services: Members) -> FileReport:
        """Have a file published; wait until it is."""
        self.store.put_file(file, services)
        digest = (await self.store.current(file.key)).rendering.sha256
        return await self.report(file, lambda report: report.digest == digest and report.problem is None)


@contextlib.asynccontextmanager
async def running(publishing: Publishing) -> AsyncIterator[Publishing]:
    """Run a publisher for the length of the block."""
    publisher = FilePublisher(publishing.client, publishing.store, publishing.on_report)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(publisher.run())
        yield publishing
        task.cancel()


@pytest.fixture
async def client(cluster: ControlPlane) -> AsyncIterator[KubeClient]:
    async with KubeClient(Credentials(str(cluster.kubeconfig))) as made:
        yield made


@pytest.fixture
async def publishing(cluster: ControlPlane, namespace: str, client: KubeClient) -> AsyncIterator[Publishing]:
    async with running(Publishing(cluster, namespace, client)) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the publisher read everything back each second."""
    monkeypatch.setattr("rollcall.publish.config_maps.publisher.READ_BACK_SECONDS", 1.0)


async def eventually(ask: Callable[[], bool], timeout_seconds: float = SOON) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(timeout_seconds):
        while True:
            if await asyncio.to_thread(ask):
                return
            await asyncio.sleep(0.05)
