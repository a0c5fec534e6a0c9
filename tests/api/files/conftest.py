"""A publisher that runs against the API server beside a test, and a look at what it wrote."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from controlplane import ApiError, ControlPlane
from rollcall.kube.client import KubeClient, MetadataClient
from rollcall.model import DiscoveryFile, Key, Members
from rollcall.publish.config_maps import ConfigMapWatch, FilePublisher, FileReport
from rollcall.publish.file_store import FileStore
from waiting import News

Json = dict[str, Any]


@dataclass
class Publishing:
    """A store whose files are published, and the namespace that they are in; `watched` is "" for all."""

    cluster: ControlPlane
    namespace: str
    client: KubeClient
    watched: str = ""
    store: FileStore = field(default_factory=FileStore)
    reports: list[tuple[Key, FileReport]] = field(default_factory=list)
    news: News = field(default_factory=News)

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
        self.news.tell()

    async def report(self, file: DiscoveryFile, good: Callable[[FileReport], bool]) -> FileReport:
        """Wait for a report on a file."""

        def last() -> FileReport | None:
            return next((report for key, report in reversed(self.reports) if key == file.key), None)

        await self.news.until(lambda: (report := last()) and good(report), last)
        found = last()
        assert found is not None
        return found

    async def published(self, file: DiscoveryFile, *services: Members) -> FileReport:
        """Have a file published; wait until it is."""
        self.store.put_file(file, services)
        digest = (await self.store.current(file.key)).rendering.sha256
        return await self.report(file, lambda report: report.digest == digest and report.problem is None)


@contextlib.asynccontextmanager
async def running(publishing: Publishing) -> AsyncIterator[Publishing]:
    """Run a publisher for the length of the block, and its watch in the namespaces that it has."""
    publisher = FilePublisher(publishing.client, publishing.store, publishing.on_report)
    watch = ConfigMapWatch(MetadataClient(publishing.client), publishing.watched, publisher.on_config_map)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(publisher.run()), group.create_task(watch.run())]
        yield publishing
        for task in tasks:
            task.cancel()


@pytest.fixture
async def publishing(cluster: ControlPlane, namespace: str, client: KubeClient) -> AsyncIterator[Publishing]:
    async with running(Publishing(cluster, namespace, client)) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the publisher read everything back each second."""
    monkeypatch.setattr("rollcall.publish.config_maps.publisher.READ_BACK_SECONDS", 1.0)
