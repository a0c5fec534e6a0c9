"""Reflectors on a real API server whose resources change as they do in a cluster."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import pytest

from api.watch.following import following, synced
from controlplane import ControlPlane, Workloads, manifests, path
from rollcall.kube import Forbidden
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials
from rollcall.kube.paging import MAX_PAGE
from rollcall.model import Key, Pod, ServicePort
from rollcall.watch import PODS, SERVICE_INSTANCES, SERVICES, Reflector
from waiting import until


async def do(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Do a write beside the loop, as another client would."""
    return await asyncio.to_thread(partial(work, *arguments, **options))


async def test_a_pod_from_its_creation_to_its_end(
    cluster: ControlPlane, client: KubeClient, namespace: str
) -> None:
    work = cluster.workloads
    async with following(client, PODS, namespace) as (reflector, consumer):
        await synced(reflector)
        await do(
            work.make_pod,
            namespace,
            "web-0",
            ip=["10.1.0.7", "fd00::7"],
            labels={"app": "web"},
            ports=[("http", 8080), ("dns/udp", 53)],
            hostname="web-0",
            ready=False,
        )
        await consumer.until(lambda: "web-0" in consumer.names() and consumer.named("web-0").addresses != ())
        pod = consumer.named("web-0")
        assert (pod.phase, pod.ready, pod.deleting) == ("Running", False, False)
        assert pod.addresses == ("10.1.0.7", "fd00::7")
        assert [(port.name, port.protocol, port.number) for port in pod.ports] == [
            ("http", "TCP", 8080),
            ("dns", "UDP", 53),
        ]
        await do(work.set_ready, namespace, "web-0", True)
        await consumer.until(lambda: consumer.named("web-0").ready is True)
        await do(work.terminate, namespace, "web-0")
        await consumer.until(lambda: consumer.named("web-0").deleting)
        await do(work.delete_pod, namespace, "web-0")
        await consumer.until(lambda: not consumer.state)
        assert reflector.lists == 1
        assert all(batch.live for batch in consumer.batches)


async def test_a_service(cluster: ControlPlane, client: KubeClient, namespace: str) -> None:
    await do(cluster.workloads.make_service, namespace, "web", selector={"app": "web"}, ports=[("http", 80)])
    async with following(client, SERVICES, namespace) as (reflector, consumer):
        await synced(reflector)
        service = consumer.named("web")
        assert service.selector == {"app": "web"}
        assert [(port.name, port.number) for port in service.ports] == [("http", 80)]
        assert isinstance(service.ports[0], ServicePort)
        assert service.created.startswith("20")


async def test_churn_ends_where_the_server_is(
    cluster: ControlPlane, client: KubeClient, namespace: str
) -> None:
    work = cluster.workloads
    async with following(client, PODS, namespace) as (reflector, consumer):
        await synced(reflector)

        def live(number: int) -> None:
            name = f"pod-{number % 20}"
            work.make_pod(namespace, name, ip=f"10.1.0.{number}")
            work.set_ready(namespace, name, False)
            if number < 40:
                work.delete_pod(namespace, name)

        for start in (0, 20, 40):  # three generations of the same names
            await do(work.many, live, range(start, start + 20))
        await consumer.until(lambda: len(consumer.state) == 20 and all_down(consumer.state))
        assert consumer.state == await listed(client, namespace)


def all_down(state: dict[Key, Pod]) -> bool:
    return all(pod.ready is False for pod in state.values())


async def listed(client: KubeClient, namespace: str) -> dict[Key, Pod]:
    page = PODS.read_page(await client.list_page(PODS.path(namespace), {}))
    items = [PODS.read_item(raw) for raw in page.items]
    return {item.key: item.object for item in items if item.object is not None}


class Asked:
    """A client of which each page is counted: as (limit, octets)."""

    def __init__(self, client: KubeClient) -> None:
        self.pages: list[tuple[int, int]] = []
        self.watch = client.watch
        self._client = client

    async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
        body = await self._client.list_page(path, params)
        self.pages.append((int(params["limit"]), len(body)))
        return body


async def test_pods_of_a_megabyte_come_in_pages_that_are_bounded(
    cluster: ControlPlane, client: KubeClient, namespace: str
) -> None:
    large = {"env": [{"name": "LARGE", "value": "x" * (1 << 20)}]}
    container = manifests.pod(namespace, "")["spec"]["containers"][0] | large

    def make(number: int) -> None:
        body = manifests.pod(namespace, f"web-{number}", spec={"containers": [container]})
        cluster.client.create(path("v1", "pods", namespace), body)

    for number in range(12):
        await do(make, number)
    asked = Asked(client)
    async with following(asked, PODS, namespace) as (reflector, consumer):
        await synced(reflector)
        assert consumer.names() == {f"web-{number}" for number in range(12)}
        assert [limit for limit, _ in asked.pages] == [7, 7]
        assert all(octets <= MAX_PAGE for _, octets in asked.pages)
        assert sum(octets for _, octets in asked.pages) > MAX_PAGE
        assert reflector.restarts == {}


async def test_our_own_status_writes_change_nothing(
    cluster: ControlPlane, client: KubeClient, namespace: str
) -> None:
    body = {
        "apiVersion": SERVICE_INSTANCES.group_version,
        "kind": "ServiceInstance",
        "metadata": {"name": "web"},
        "spec": {"ttlSeconds": 3},
    }
    async with following(client, SERVICE_INSTANCES, namespace) as (reflector, consumer):
        await synced(reflector)
        await client.create(SERVICE_INSTANCES.path(namespace), body)
        await consumer.until(lambda: "web" in consumer.names())
        status = SERVICE_INSTANCES.path(namespace, "web", "status")
        for generation in (1, 2, 3):
            await client.patch(status, {"status": {"observedGeneration": generation}})
        await until(lambda: reflector.events["MODIFIED"] == 3)
        assert len(consumer.batches) == 1
        await client.patch(SERVICE_INSTANCES.path(namespace, "web"), {"spec": {"ttlSeconds": 4}})
        await consumer.until(lambda: consumer.named("web").spec.ttl_seconds == 4)
        assert consumer.named("web").generation == 2


async def test_a_right_that_comes_late(
    cluster: ControlPlane, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "late"}}
    cluster.client.create(path("v1", "serviceaccounts", namespace), account)
    kubeconfig = str(cluster.account_kubeconfig(namespace, "late"))
    async with (
        KubeClient(Credentials(kubeconfig)) as client,
        following(client, PODS, namespace) as (reflector, _),
    ):
        await until(lambda: reflector.restarts["Forbidden"] >= 3)
        assert isinstance(reflector.trouble, Forbidden)
        assert not reflector.synced.is_set()
        await do(cluster.kubectl, "apply", "-f", "-", input=role(namespace, "late"))
        await synced(reflector)
        assert reflector.trouble is None
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert 'cannot list resource "pods" in API group ""' in told[0]


def role(namespace: str, account: str) -> str:
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    metadata = {"name": "follow-pods", "namespace": namespace}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "follow-pods"}
    made = rbac | {"kind": "Role", "metadata": metadata, "rules": rules}
    bound = rbac | {"kind": "RoleBinding", "metadata": metadata, "subjects": [subject], "roleRef": reference}
    return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": [made, bound]}).decode()


async def test_a_flip_is_delivered_on_its_own_and_in_order(
    cluster: ControlPlane, client: KubeClient, namespace: str
) -> None:
    work: Workloads = cluster.workloads
    await do(work.make_pod, namespace, "web-0", ip="10.1.0.7")
    async with following(client, PODS, namespace) as (reflector, consumer):
        await synced(reflector)
        for number in range(30):
            await do(work.set_ready, namespace, "web-0", number % 2 == 1)
        await consumer.until(lambda: sum(len(batch.changes) for batch in consumer.batches[1:]) == 30)
        states = [change.new for batch in consumer.batches[1:] for change in batch.changes]
        assert [pod is not None and pod.ready for pod in states] == [False, True] * 15
        received = [batch.received_ns for batch in consumer.batches]
        assert received == sorted(received)
        assert isinstance(reflector, Reflector)
