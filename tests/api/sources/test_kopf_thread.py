"""kopf in its thread, against a real API server: what it sees, and that it writes nothing."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from api.access import Right, wait_granted
from api.faultproxy import Answer, FaultProxy, status
from api.objects import FILE_SPEC, Objects
from controlplane import ControlPlane
from rollcall.kube.credentials import Credentials
from rollcall.sources.kopf_thread import KopfThread
from rollcall.status.kinds import Kind, ObjectRef
from rollcall.watch import Resource
from rollcall.watch.resource import Item
from waiting import SECONDS, News

if TYPE_CHECKING:
    from rollcall.model import Key


class Seen:
    """What kopf told, in order; a namesake in the namespace of another test is not taken for ours."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Key, int, bool]] = []
        self.news = News()

    def take(self, resource: Resource[Any], item: Item[Any], is_deleted: bool) -> None:
        assert item.object is not None, item.problem
        self.told.append((resource.plural, item.key, item.object.generation, is_deleted))
        self.news.tell()

    async def until(self, ref: ObjectRef, generation: int, is_deleted: bool = False) -> None:
        told = (ref.kind.resource.plural, ref.key, generation, is_deleted)
        await self.news.until(lambda: told in self.told)


@contextlib.asynccontextmanager
async def kopf_running(
    credentials: Credentials, namespace: str | None = None
) -> AsyncIterator[tuple[Seen, "asyncio.Task[BaseException | None]"]]:
    seen = Seen()
    control = KopfThread(credentials, seen.take, namespace=namespace)
    task = asyncio.create_task(control.run())
    try:
        yield seen, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_it_tells_of_both_kinds_and_writes_nothing(
    objects: Objects, proxy: FaultProxy, proxied: Credentials, zone_name: str
) -> None:
    zone = objects.ref(Kind.DISCOVERY_ZONE, zone_name)
    file = objects.ref(Kind.DISCOVERY_FILE, "hosts")
    await objects.create(zone.kind, zone_name, {"domain": f"{zone_name}.test"})
    async with kopf_running(proxied) as (seen, _):
        await seen.until(zone, 1)
        await objects.create(file.kind, "hosts", FILE_SPEC)
        await seen.until(file, 1)
        changed = [
            await objects.set_spec(zone, {"ttlSeconds": 30}),
            await objects.set_spec(file, {"domain": "x.test"}),
        ]
        await seen.until(zone, 2)
        await seen.until(file, 2)
        # Its turn to write would be right after its handler; the next event of the same object comes after.
        again = [await objects.get(zone), await objects.get(file)]
        assert again == changed
        await objects.delete(zone)
        await objects.delete(file)
        await seen.until(zone, 2, True)
        await seen.until(file, 2, True)
    assert {line.split()[0] for line in proxy.requests} == {"GET"}
    asked = {line.split()[1].partition("?")[0] for line in proxy.requests}
    assert not any("peering" in path or "events" in path for path in asked)
    assert not any("namespaces" in path or "customresourcedefinitions" in path for path in asked)


async def test_it_stops_in_a_moment(
    objects: Objects, proxied: Credentials, zone_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await objects.create(Kind.DISCOVERY_ZONE, zone_name, {"domain": f"{zone_name}.test"})
    async with kopf_running(proxied) as (seen, task):
        await seen.until(objects.ref(Kind.DISCOVERY_ZONE, zone_name), 1)
        task.cancel()
        await asyncio.wait([task], timeout=SECONDS)
        assert task.cancelled()
    assert [
        record.getMessage() for record in caplog.records if record.name.startswith(("rollcall", "kopf"))
    ] == []


async def test_it_stops_before_it_has_begun(proxied: Credentials, proxy: FaultProxy) -> None:
    proxy.go_down()
    async with kopf_running(proxied) as (_, task):
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=SECONDS)
        assert task.cancelled()


async def test_it_ends_on_an_error_in_the_stream_and_says_which(
    objects: Objects, proxy: FaultProxy, proxied: Credentials, zone_name: str
) -> None:
    await objects.create(Kind.DISCOVERY_ZONE, zone_name, {"domain": f"{zone_name}.test"})
    line = b'{"type":"ERROR","object":' + status(500, "InternalError", "etcd is gone") + b"}\n"
    proxy.inject(Answer(200, line), "discoveryzones", "watch=true")
    async with kopf_running(proxied) as (_, task), asyncio.timeout(SECONDS):
        error = await task
    assert "etcd is gone" in repr(error)


async def test_after_a_401_it_logs_in_again(
    objects: Objects, proxy: FaultProxy, proxied: Credentials, zone_name: str
) -> None:
    refused = Answer(401, status(401, "Unauthorized", "Unauthorized"))
    proxy.inject(refused, "discoveryzones", "watch=true")
    async with kopf_running(proxied) as (seen, task):
        await proxy.asked(lambda lines: sum(_is_watch(line) for line in lines) >= 2)
        await objects.create(Kind.DISCOVERY_ZONE, zone_name, {"domain": f"{zone_name}.test"})
        await seen.until(objects.ref(Kind.DISCOVERY_ZONE, zone_name), 1)
        assert not task.done()


async def test_over_a_connection_that_breaks_it_goes_on(
    objects: Objects, proxy: FaultProxy, proxied: Credentials, zone_name: str
) -> None:
    async with kopf_running(proxied) as (seen, _):
        await proxy.asked(lambda lines: any(_is_watch(line) for line in lines))
        proxy.cut_all()
        await objects.create(Kind.DISCOVERY_ZONE, zone_name, {"domain": f"{zone_name}.test"})
        await seen.until(objects.ref(Kind.DISCOVERY_ZONE, zone_name), 1)


async def test_limited_to_a_namespace_it_needs_rights_for_no_other(
    cluster: ControlPlane, objects: Objects, zone_name: str
) -> None:
    namespace = objects.namespace
    read = {"apiGroups": ["rollcall.dev"], "verbs": ["list", "watch"]}
    account = {"kind": "ServiceAccount", "name": "limited", "namespace": namespace}
    group = "rbac.authorization.k8s.io"
    everything = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "limited"}},
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": {"name": "files"},
            "rules": [read | {"resources": ["discoveryfiles"]}],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "files"},
            "subjects": [account],
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "files"},
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": f"zones-{namespace}"},
            "rules": [read | {"resources": ["discoveryzones"]}],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"zones-{namespace}"},
            "subjects": [account],
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": f"zones-{namespace}"},
        },
    ]
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": everything})
    await asyncio.to_thread(cluster.kubectl, "apply", "-n", namespace, "-f", "-", input=body)
    kubeconfig = await asyncio.to_thread(cluster.account_kubeconfig, namespace, "limited")
    reading = [Right("watch", "rollcall.dev", kind) for kind in ("discoveryfiles", "discoveryzones")]
    account_name = f"system:serviceaccount:{namespace}:limited"
    await asyncio.to_thread(wait_granted, cluster, account_name, reading, namespace)
    await objects.create(Kind.DISCOVERY_ZONE, zone_name, {"domain": f"{zone_name}.test"})
    async with kopf_running(Credentials(str(kubeconfig)), namespace) as (seen, task):
        await objects.create(Kind.DISCOVERY_FILE, "hosts", FILE_SPEC)
        await seen.until(objects.ref(Kind.DISCOVERY_FILE, "hosts"), 1)
        await seen.until(objects.ref(Kind.DISCOVERY_ZONE, zone_name), 1)
        assert not task.done()


@pytest.fixture
async def elsewhere(cluster: ControlPlane) -> AsyncIterator[str]:
    """Give a URL that leads to the API server, at an address that is not in its certificate."""
    if not cluster.ours:
        pytest.skip("the names in its certificate are known of our own API server only")
    parts = urlsplit(cluster.url)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async with await asyncio.start_server(serve, "127.0.0.2", 0) as server:
        yield f"https://127.0.0.2:{server.sockets[0].getsockname()[1]}"


async def test_a_server_that_goes_by_another_name(
    cluster: ControlPlane, objects: Objects, zone_name: str, elsewhere: str, tmp_path: Path
) -> None:
    """The kubeconfig's tls-server-name is the name in the certificate."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": elsewhere,
                    "certificate-authority": str(cluster.ca),
                    "tls-server-name": "kubernetes.default.svc",
                },
            }
        ],
        "users": [{"name": "c", "user": {"token": cluster.token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    await objects.create(Kind.DISCOVERY_ZONE, zone_name, {"domain": f"{zone_name}.test"})
    async with kopf_running(Credentials(str(file))) as (seen, _):
        await seen.until(objects.ref(Kind.DISCOVERY_ZONE, zone_name), 1)


def _is_watch(line: str) -> bool:
    return "discoveryzones" in line and "watch=true" in line
