"""The client against a real API server, and through a proxy that breaks what the server says."""

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.faultproxy import Answer, Cut, FaultProxy, Stall, status
from controlplane import ControlPlane
from rollcall.kube import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from rollcall.kube import client as client_module
from rollcall.kube.client import MERGE_PATCH, STRATEGIC_MERGE_PATCH, KubeClient
from rollcall.kube.credentials import Credentials
from rollcall.kube.paths import api_path
from waiting import SECONDS


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def path_of(namespace: str, name: str | None = None) -> str:
    return api_path("v1", "configmaps", namespace=namespace, name=name)


class Data(msgspec.Struct):
    """A part of a ConfigMap."""

    data: dict[str, str]


async def test_an_object_from_its_creation_to_its_end(client: KubeClient, namespace: str) -> None:
    path = path_of(namespace, "a")
    made = await client.create(path_of(namespace), config_map("a", x="1"))
    with pytest.raises(AlreadyExists, match=f'POST {path_of(namespace)}: 409 AlreadyExists: .*"a"'):
        await client.create(path_of(namespace), config_map("a"))

    await client.patch(path, {"data": {"y": "2"}})
    await client.patch(path, {"data": {"z": "3"}}, STRATEGIC_MERGE_PATCH)
    await client.patch(path, {"data": {"x": None, "w": "0"}}, params={"fieldManager": "rollcall"})
    read = await client.get(path, decoder=msgspec.json.Decoder(Data))
    assert read == Data({"w": "0", "y": "2", "z": "3"})

    with pytest.raises(Conflict, match="the object has been modified"):
        await client.replace(path, made)
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"y": None}}
    with pytest.raises(Conflict):
        await client.patch(path, stale, MERGE_PATCH)
    now = await client.get(path)
    now["data"] = {"only": "this"}
    replaced = await client.replace(path, now)
    assert replaced["data"] == {"only": "this"}

    await client.delete(path)
    with pytest.raises(NotFound, match=f'GET {path}: 404 NotFound: configmaps "a" not found'):
        await client.get(path)


async def test_an_invalid_object_is_refused_with_the_reason(client: KubeClient, namespace: str) -> None:
    with pytest.raises(Invalid, match=r"422 Invalid: .*metadata\.name"):
        await client.create(path_of(namespace), config_map("Not A Name"))


async def test_a_missing_right_names_verb_and_resource(cluster: ControlPlane, namespace: str) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}}
    cluster.client.create(api_path("v1", "serviceaccounts", namespace=namespace), account)
    async with KubeClient(Credentials(str(cluster.account_kubeconfig(namespace, "nobody")))) as client:
        with pytest.raises(Forbidden) as caught:
            await client.list_page("/api/v1/pods", {})
        with pytest.raises(Forbidden, match='cannot watch resource "pods"'):
            await all_of(client.watch("/api/v1/pods", {}))
    assert str(caught.value) == (
        'GET /api/v1/pods: 403 Forbidden: pods is forbidden: User "system:serviceaccount:'
        f'{namespace}:nobody" cannot list resource "pods" in API group "" at the cluster scope'
    )


async def test_a_refused_token_is_read_again_once(cluster: ControlPlane, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    good = cluster.kubeconfig.read_text()
    file.write_text(good.replace(f"token: {cluster.token}", "token: old"))
    async with KubeClient(Credentials(str(file))) as client:
        with pytest.raises(Unauthorized):
            await client.get("/api/v1/namespaces/default")
        await asyncio.to_thread(file.write_text, good)
        assert (await client.get("/api/v1/namespaces/default"))["metadata"]["name"] == "default"


async def test_an_authority_that_we_do_not_know(
    cluster: ControlPlane, client_ca: Path, tmp_path: Path
) -> None:
    file = tmp_path / "kubeconfig"
    other = base64.b64encode((client_ca / "ca.crt").read_bytes()).decode()
    right = base64.b64encode(cluster.ca.read_bytes()).decode()
    text = cluster.kubeconfig.read_text()
    file.write_text(text.replace(right, other))
    async with KubeClient(Credentials(str(file))) as client:
        with pytest.raises(Unreachable, match=r"can't connect to .*certificate verify failed"):
            await client.get("/api/v1/namespaces/default")
        unchecked = text.replace(f"certificate-authority-data: {right}", "insecure-skip-tls-verify: true")
        await asyncio.to_thread(file.write_text, unchecked)
        await client.get("/api/v1/namespaces/default")


async def test_a_client_certificate(cluster: ControlPlane, client_ca: Path, tmp_path: Path) -> None:
    if not cluster.ours:
        pytest.skip("this cluster has an authority of its own")
    file = tmp_path / "kubeconfig"
    user = (
        f"{{client-certificate: {client_ca / 'admin.crt'}, "
        f"client-key-data: {base64.b64encode((client_ca / 'admin.key').read_bytes()).decode()}}}"
    )
    file.write_text(cluster.kubeconfig.read_text().replace(f"{{token: {cluster.token}}}", user))
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    async with KubeClient(Credentials(str(file))) as client:
        answer = await client.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    assert answer["status"]["userInfo"]["username"] == "cert-admin"


async def test_nobody_there(tmp_path: Path, cluster: ControlPlane) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(cluster.kubeconfig.read_text().replace(cluster.url, "https://127.0.0.1:1"))
    async with KubeClient(Credentials(str(file))) as client:
        with pytest.raises(
            Unreachable, match=r"GET /api: can't connect to 127\.0\.0\.1 port 1: Connection refused$"
        ):
            await client.get("/api")


async def test_a_host_that_has_no_address(tmp_path: Path, cluster: ControlPlane) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(cluster.kubeconfig.read_text().replace(cluster.url, "https://nowhere.invalid"))
    async with KubeClient(Credentials(str(file))) as client:
        with pytest.raises(Unreachable, match=r"can't connect to nowhere\.invalid port 443: .*[a-z]"):
            await client.get("/api")


async def accepted(watch: AsyncGenerator[list[bytes], None]) -> None:
    assert await anext(watch) == []


async def all_of(watch: AsyncGenerator[list[bytes], None]) -> list[list[bytes]]:
    async with asyncio.timeout(SECONDS), aclosing(watch):
        return [batch async for batch in watch]


async def test_an_event_larger_than_any_buffer(client: KubeClient, namespace: str) -> None:
    params = {"fieldSelector": "metadata.name=large", "resourceVersion": "0"}
    async with asyncio.timeout(SECONDS), aclosing(client.watch(path_of(namespace), params)) as batches:
        await accepted(batches)
        await client.create(path_of(namespace), config_map("large", x="y" * 900_000))
        lines = await anext(batches)
    event = json.loads(lines[0])
    assert event["type"] == "ADDED"
    assert len(event["object"]["data"]["x"]) == 900_000


async def test_a_watch_ends_when_the_server_says_so(client: KubeClient, namespace: str) -> None:
    params = {"timeoutSeconds": "1", "resourceVersion": "0", "fieldSelector": "metadata.name=none"}
    assert await all_of(client.watch(path_of(namespace), params)) == [[]]


async def test_watches_do_not_keep_writes_waiting(client: KubeClient, namespace: str) -> None:
    params = {"fieldSelector": "metadata.name=a", "resourceVersion": "0"}
    async with asyncio.timeout(SECONDS), AsyncExitStack() as stack:
        watches = [client.watch(path_of(namespace), params) for _ in range(50)]
        for watch in watches:
            await stack.enter_async_context(aclosing(watch))
            await accepted(watch)
        await client.create(path_of(namespace), config_map("a"))
        for watch in watches:
            assert b'"ADDED"' in (await anext(watch))[0][:20]


REFUSALS = [
    (Answer(429, status(429, "TooManyRequests", "slow down"), (("Retry-After", "3"),)), TooManyRequests),
    (Answer(500, status(500, "InternalError", "oops")), ServerError),
    (Answer(502, b"<html>Bad Gateway</html>"), ServerError),
    (Answer(410, status(410, "Expired", "too old")), Gone),
    (Answer(401, status(401, "Unauthorized", "who?")), Unauthorized),
    (Answer(301, b"", (("Location", "http://127.0.0.1:1/"),)), ApiError),
    (Cut(0), Unreachable),
    (Cut(50), Unreachable),
    (Cut(400), Unreachable),
]


@pytest.mark.parametrize(("fault", "error"), REFUSALS)
async def test_what_goes_wrong_has_one_name(
    proxy: FaultProxy, proxied_client: KubeClient, fault: Answer | Cut, error: type[Exception]
) -> None:
    proxy.inject(fault, "GET /api/v1/namespaces/default", times=100)
    with pytest.raises(error) as caught:
        await proxied_client.get("/api/v1/namespaces/default")
    assert str(caught.value).startswith("GET /api/v1/namespaces/default: ")
    with pytest.raises(error):
        await all_of(proxied_client.watch("/api/v1/namespaces/default", {"resourceVersion": "0"}))
    if isinstance(caught.value, TooManyRequests):
        assert caught.value.retry_after_seconds == 3


async def test_no_answer_in_time(
    proxy: FaultProxy, proxied_client: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that no time goes into loading the credentials:
    await proxied_client.get("/api/v1/namespaces/default")
    monkeypatch.setattr(client_module, "LIST_SECONDS", 0.2)
    monkeypatch.setattr(client_module, "OPEN_SECONDS", 0.2)
    proxy.inject(Stall(100), "GET /api/v1/pods", times=2)
    with pytest.raises(Unreachable, match="no answer in time"):
        await proxied_client.list_page("/api/v1/pods", {})
    proxy.heal()
    proxy.inject(Stall(0), "GET /api/v1/pods")
    with pytest.raises(Unreachable, match="no answer in time"):
        await all_of(proxied_client.watch("/api/v1/pods", {}))


async def test_an_answer_that_is_no_json(proxy: FaultProxy, proxied_client: KubeClient) -> None:
    proxy.inject(Answer(200, b"<html>log in here</html>"), "GET /api/v1/pods")
    with pytest.raises(Unreachable, match="an answer that can't be read"):
        await proxied_client.get("/api/v1/pods")


async def test_a_stream_that_breaks_inside_an_event(proxy: FaultProxy, proxied_client: KubeClient) -> None:
    proxy.inject(Answer(200, b'{"type":"ADDED","object":{}}\n{"type":"AD'), "watch=true")
    async with aclosing(proxied_client.watch("/api/v1/pods", {})) as watch:
        await accepted(watch)
        assert await anext(watch) == [b'{"type":"ADDED","object":{}}']
        with pytest.raises(Unreachable, match="ended inside an event"):
            await anext(watch)


async def test_only_what_is_needed_is_sent(proxy: FaultProxy, proxied_client: KubeClient) -> None:
    await proxied_client.list_page("/api/v1/pods", {"limit": "1", "continue": ""})
    async with aclosing(proxied_client.watch("/api/v1/pods", {"resourceVersion": "0"})) as watch:
        await accepted(watch)
    assert proxy.requests == [
        "GET /api/v1/pods?limit=1&continue= HTTP/1.1",
        "GET /api/v1/pods?resourceVersion=0&watch=true HTTP/1.1",
    ]


async def test_cancelled_requests_leave_no_connection_behind(
    cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is stopped in the middle of a request must not leave its socket to the garbage collector."""
    monkeypatch.setattr(client_module, "CLOSE_SECONDS", SECONDS)  # the API server may be slow to close its
    before = sockets()
    for _ in range(20):
        async with KubeClient(Credentials(str(cluster.kubeconfig))) as client:
            await client.get("/api/v1/namespaces")
            asking = asyncio.create_task(client.get("/api/v1/pods"))
            for _ in range(5):  # turns of the loop: it is sent by then, and can't have been answered
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
    assert sockets() - before == set()


def sockets() -> set[str]:
    """Return the open sockets of this process, by their inodes."""
    found = set()
    for each in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the folder itself
            found.add(os.readlink(f"/proc/self/fd/{each}"))
    return {each for each in found if each.startswith("socket:")}
