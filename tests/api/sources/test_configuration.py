"""The configuration of a real API server, followed through the ends of kopf and of the server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from api.faultproxy import Answer, FaultProxy, status
from api.objects import FILE_SPEC, Objects
from controlplane import ControlPlane
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials
from rollcall.model import DiscoveryFile, DiscoveryZone, Key
from rollcall.sources import configuration
from rollcall.sources.configuration import Configuration
from rollcall.status.kinds import Kind
from unit.running import running
from waiting import SECONDS, News, until


class Following:
    """A configuration that runs beside the test, and the state that its changes add up to."""

    def __init__(self, client: KubeClient, credentials: Credentials, namespace: str | None = None) -> None:
        self.zones: dict[str, DiscoveryZone] = {}
        self.files: dict[Key, DiscoveryFile] = {}
        self.news = News()
        self.configuration = Configuration(
            client, credentials, self._on_zone, self._on_file, namespace=namespace
        )

    def _on_zone(self, key: Key, now: DiscoveryZone | None) -> None:
        if now is None:
            del self.zones[key.name]
        else:
            self.zones[key.name] = now
        self.news.tell()

    def _on_file(self, key: Key, now: DiscoveryFile | None) -> None:
        if now is None:
            del self.files[key]
        else:
            self.files[key] = now
        self.news.tell()

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator["Following"]:
        async with running(self.configuration.run()):
            async with asyncio.timeout(SECONDS):
                await self.configuration.synced.wait()
            yield self


async def test_what_is_there_at_the_start_is_told_before_it_has_synced(
    cluster: ControlPlane, objects: Objects, client: KubeClient, zone_name: str
) -> None:
    await objects.create(Kind.DISCOVERY_ZONE, zone_name, {"domain": f"{zone_name}.test"})
    await objects.create(Kind.DISCOVERY_FILE, "hosts", FILE_SPEC)
    following = Following(client, Credentials(str(cluster.kubeconfig)))
    async with following.run():
        assert following.zones[zone_name].spec.domain == f"{zone_name}.test"
        assert Key(objects.namespace, "hosts") in following.files


async def test_changes_are_followed_and_nothing_is_written(
    objects: Objects, client: KubeClient, proxy: FaultProxy, proxied: Credentials, zone_name: str
) -> None:
    zone = objects.ref(Kind.DISCOVERY_ZONE, zone_name)
    file = objects.ref(Kind.DISCOVERY_FILE, "hosts")
    following = Following(client, proxied)
    async with following.run():
        await proxy.asked(lambda lines: sum("watch=true" in line for line in lines) >= 2)
        await objects.create(zone.kind, zone_name, {"domain": f"{zone_name}.test"})
        await objects.create(file.kind, "hosts", FILE_SPEC)
        await following.news.until(lambda: zone_name in following.zones and file.key in following.files)
        changed = await objects.set_spec(zone, {"ttlSeconds": 30})
        await following.news.until(lambda: following.zones[zone_name].spec.ttl_seconds == 30)
        assert await objects.get(zone) == changed
        await objects.delete(zone)
        await objects.delete(file)
        await following.news.until(lambda: zone_name not in following.zones)
        await following.news.until(lambda: file.key not in following.files)
    assert {line.split()[0] for line in proxy.requests} == {"GET"}


async def test_what_changed_while_kopf_was_dead_is_found(
    objects: Objects, client: KubeClient, proxy: FaultProxy, proxied: Credentials, zone_name: str
) -> None:
    other = f"{zone_name}-other"
    zone = objects.ref(Kind.DISCOVERY_ZONE, zone_name)
    await objects.create(zone.kind, zone_name, {"domain": f"{zone_name}.test"})
    following = Following(client, proxied)
    async with following.run():
        await proxy.asked(lambda lines: sum("watch=true" in line for line in lines) >= 2)
        line = b'{"type":"ERROR","object":' + status(500, "InternalError", "etcd is gone") + b"}\n"
        proxy.inject(Answer(200, line), "discoveryzones", "watch=true")
        proxy.cut_all()
        await until(lambda: following.configuration.restarts)  # it tells the log only
        await objects.delete(zone)
        await objects.create(zone.kind, other, {"domain": f"{other}.test"})
        await following.news.until(lambda: zone_name not in following.zones and other in following.zones)


async def test_what_changes_while_kopf_is_deaf_is_found(
    objects: Objects,
    client: KubeClient,
    proxy: FaultProxy,
    proxied: Credentials,
    zone_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its connections are gone and don't come back; the list has one of its own."""
    # It is to be deaf before it is trusted, however long the machine takes to get there.
    monkeypatch.setattr(configuration, "SETTLED_SECONDS", 3600.0)
    zone = objects.ref(Kind.DISCOVERY_ZONE, zone_name)
    await objects.create(zone.kind, zone_name, {"domain": f"{zone_name}.test"})
    following = Following(client, proxied)
    async with following.run():
        await proxy.asked(lambda lines: sum("watch=true" in line for line in lines) >= 2)
        proxy.go_down()
        await objects.delete(zone)
        await following.news.until(lambda: zone_name not in following.zones)


async def test_a_namesake_is_told_of_as_gone_and_come(
    cluster: ControlPlane, objects: Objects, client: KubeClient, zone_name: str
) -> None:
    zone = objects.ref(Kind.DISCOVERY_ZONE, zone_name)
    await objects.create(zone.kind, zone_name, {"domain": f"{zone_name}.test"})
    following = Following(client, Credentials(str(cluster.kubeconfig)))
    async with following.run():
        first = following.zones[zone_name].uid
        await objects.delete(zone)
        await objects.create(zone.kind, zone_name, {"domain": f"{zone_name}.test"})
        await following.news.until(
            lambda: zone_name in following.zones and following.zones[zone_name].uid != first
        )


@pytest.fixture
def stopping(cluster: ControlPlane) -> Iterator[ControlPlane]:
    """Lend the API server to a test that stops it."""
    if not cluster.ours:
        pytest.skip("an API server is stopped here: unset KUBECONFIG_FOR_TESTS")
    yield cluster
    cluster.start_apiserver()


async def test_an_api_server_that_restarts_loses_nothing(
    stopping: ControlPlane, objects: Objects, client: KubeClient, zone_name: str
) -> None:
    other = f"{zone_name}-other"
    zone = objects.ref(Kind.DISCOVERY_ZONE, zone_name)
    await objects.create(zone.kind, zone_name, {"domain": f"{zone_name}.test"})
    following = Following(client, Credentials(str(stopping.kubeconfig)))
    async with following.run():
        before = set(following.zones)
        assert zone_name in before
        await asyncio.to_thread(stopping.stop_apiserver, graceful=False)
        assert following.zones.keys() == before
        await asyncio.to_thread(stopping.start_apiserver)
        assert following.zones.keys() == before
        await objects.delete(zone)
        await objects.create(zone.kind, other, {"domain": f"{other}.test"})
        await following.news.until(lambda: following.zones.keys() == before - {zone_name} | {other})
