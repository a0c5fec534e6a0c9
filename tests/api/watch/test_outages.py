"""What an API server, and the network before it, do wrong; and that nothing is lost or made up by it."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from api.conftest import CRDS
from api.faultproxy import Answer, Cut, FaultProxy, status
from api.watch.following import following, synced
from api.watch.test_reflector import do
from controlplane import ControlPlane, manifests
from controlplane.seed import seed, stored_pod
from rollcall.kube import NotFound, TooManyRequests
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials
from rollcall.watch import DISCOVERY_ZONES, PODS, audits, versions
from rollcall.watch import reflector as reflector_module
from thorough import THOROUGH
from waiting import until

EXPIRED = status(410, "Expired", "too old resource version")
FOUND_OUT_SECONDS = 180.0
"""Until an etcd that was restored is found out; half a minute of it are rests between questions."""

BEHIND_IS_SLOW = "servers start anew for it; unit/watch/test_audits.py has it too"


@pytest.fixture(scope="module")
def breakable() -> Iterator[ControlPlane]:
    """Start an API server that a test may stop, freeze and rob of its history."""
    with ControlPlane() as plane:
        if not plane.ours:
            pytest.skip("an API server is broken here on purpose: unset KUBECONFIG_FOR_TESTS")
        yield plane


@pytest.fixture
async def proxy(breakable: ControlPlane) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(breakable) as made:
        yield made


@pytest.fixture
async def client(proxy: FaultProxy, tmp_path: Path) -> AsyncIterator[KubeClient]:
    async with KubeClient(Credentials(proxy.kubeconfig(tmp_path))) as made:
        yield made


@pytest.fixture
def shop(breakable: ControlPlane, request: pytest.FixtureRequest) -> str:
    """Make a namespace with the pods a to e; it stays, as the cluster does not."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name)[:60].strip("-")
    breakable.workloads.make_namespace(name)
    for number, pod in enumerate("abcde"):
        breakable.workloads.make_pod(name, pod, ip=f"10.1.0.{number}")
    return name


async def test_a_broken_stream_goes_on_where_it_was(
    breakable: ControlPlane, proxy: FaultProxy, client: KubeClient, shop: str
) -> None:
    async with following(client, PODS, shop) as (reflector, consumer):
        await synced(reflector)
        await proxy.asked(lambda lines: "watch=true" in lines[-1])
        proxy.go_down()
        await until(lambda: reflector.restarts["Unreachable"] >= 2)
        await do(breakable.workloads.delete_pod, shop, "a")
        await do(breakable.workloads.set_ready, shop, "b", False)
        assert consumer.names() == set("abcde")
        proxy.heal()
        await consumer.until(lambda: consumer.names() == set("bcde"))
        await consumer.until(lambda: consumer.named("b").ready is False)
        assert reflector.lists == 1


async def test_the_api_server_is_killed_and_comes_back(
    breakable: ControlPlane, client: KubeClient, shop: str
) -> None:
    async with following(client, PODS, shop) as (reflector, consumer):
        await synced(reflector)
        await do(breakable.stop_apiserver, graceful=False)
        await until(lambda: reflector.trouble is not None)
        assert consumer.names() == set("abcde")
        await do(breakable.start_apiserver)
        await do(breakable.workloads.delete_pod, shop, "a")
        await do(breakable.workloads.make_pod, shop, "f", ip="10.1.0.9")
        await consumer.until(lambda: consumer.names() == set("bcdef"))
        gone = {change.key.name for batch in consumer.batches for change in batch.changes if not change.new}
        assert gone == {"a"}
        assert reflector.trouble is None


async def test_deletions_that_nobody_saw_are_made_good(
    breakable: ControlPlane, proxy: FaultProxy, client: KubeClient, shop: str
) -> None:
    work = breakable.workloads
    async with following(client, PODS, shop) as (reflector, consumer):
        await synced(reflector)
        first_c = consumer.named("c")
        proxy.go_down()
        for pod in "abc":
            await do(work.delete_pod, shop, pod)
        await do(work.make_pod, shop, "c", ip="10.1.0.8")
        await do(breakable.stop_apiserver, graceful=False)
        await do(breakable.compact_etcd)
        assert consumer.names() == set("abcde")
        proxy.heal()
        await consumer.until(lambda: consumer.names() == set("cde"))
        assert consumer.named("c").uid != first_c.uid
        assert reflector.lists == 2
        assert reflector.restarts["Expired"] == 1
        assert not any(batch.live for batch in consumer.batches)


async def test_a_list_that_breaks_at_its_second_page_removes_nothing(
    breakable: ControlPlane,
    proxy: FaultProxy,
    client: KubeClient,
    shop: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reflector_module, "PAGE_SIZE", 2)
    async with following(client, PODS, shop) as (reflector, consumer):
        await synced(reflector)
        assert len([line for line in proxy.requests if "limit=2" in line]) == 3
        await proxy.asked(lambda lines: "watch=true" in lines[-1])
        proxy.inject(Answer(410, EXPIRED), "watch=true", times=1)
        proxy.inject(Cut(1000), "continue=", times=2)
        proxy.inject(Answer(500, status(500, "InternalError", "oops")), "continue=", times=2)
        proxy.inject(Answer(410, EXPIRED), "continue=", times=1)
        proxy.cut_all()
        await do(breakable.workloads.delete_pod, shop, "a")
        # The first page, without the deleted pod, has come and is whole; no list is.
        await until(lambda: reflector.restarts["Unreachable"] >= 2)
        assert consumer.names() == set("abcde")
        await consumer.until(lambda: consumer.names() == set("bcde"))
        assert reflector.lists == 2
        assert reflector.restarts["InternalError"] == 2
        assert reflector.restarts["Expired"] == 2


async def test_an_answer_that_is_no_list_removes_nothing(
    breakable: ControlPlane, proxy: FaultProxy, client: KubeClient, shop: str
) -> None:
    async with following(client, PODS, shop) as (reflector, consumer):
        await synced(reflector)
        await proxy.asked(lambda lines: "watch=true" in lines[-1])
        proxy.inject(Answer(410, EXPIRED), "watch=true", times=1)
        for body in (
            EXPIRED,
            b'{"metadata":{}}',
            b'{"kind":"APIResourceList","apiVersion":"v1","resources":[]}',
        ):
            proxy.inject(Answer(200, body), "limit=", times=1)
        proxy.cut_all()
        await do(breakable.workloads.delete_pod, shop, "a")
        await consumer.until(lambda: consumer.names() == set("bcde"))
        gone = {change.key.name for batch in consumer.batches for change in batch.changes if not change.new}
        assert gone == {"a"}
        assert reflector.restarts["BadAnswer"] == 3
        assert reflector.trouble is None


async def test_an_error_inside_the_stream(
    breakable: ControlPlane, proxy: FaultProxy, client: KubeClient, shop: str
) -> None:
    async with following(client, PODS, shop) as (reflector, consumer):
        await synced(reflector)
        proxy.inject(Answer(200, b'{"type":"ERROR","object":' + EXPIRED + b"}\n"), "watch=true")
        proxy.cut_all()
        await until(lambda: reflector.lists == 2)
        await do(breakable.workloads.delete_pod, shop, "a")
        await consumer.until(lambda: consumer.names() == set("bcde"))
        assert reflector.events["ERROR"] == 1


async def test_an_overloaded_server_is_left_alone(proxy: FaultProxy, client: KubeClient, shop: str) -> None:
    full = status(429, "TooManyRequests", "slow down", retryAfterSeconds=1)
    proxy.inject(Answer(429, full, (("Retry-After", "1"),)), f"{shop}/pods", times=2)
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with following(client, PODS, shop) as (reflector, _):
        await until(lambda: isinstance(reflector.trouble, TooManyRequests))
        await synced(reflector)
    assert loop.time() - started >= 2
    assert reflector.restarts == {"TooManyRequests": 2}


async def test_a_frozen_api_server_is_noticed(
    breakable: ControlPlane, client: KubeClient, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector_module, "INACTIVITY_SECONDS", 1.0)
    monkeypatch.setattr(reflector_module, "PROBE_SECONDS", 1.0)
    async with following(client, PODS, shop) as (reflector, consumer):
        await synced(reflector)
        await do(breakable.pause_apiserver)
        try:
            before = reflector.restarts["Unreachable"]  # a busy machine may have been too slow for the probe
            await until(lambda: reflector.restarts["Unreachable"] > before)
            assert consumer.names() == set("abcde")
            assert reflector.age_seconds >= 2
        finally:
            await do(breakable.resume_apiserver)
        await do(breakable.workloads.delete_pod, shop, "a")
        await consumer.until(lambda: consumer.names() == set("bcde"))


async def test_a_kind_that_is_defined_later(breakable: ControlPlane, client: KubeClient) -> None:
    async with following(client, DISCOVERY_ZONES) as (reflector, consumer):
        await until(lambda: isinstance(reflector.trouble, NotFound))
        await do(breakable.kubectl, "apply", "--server-side", "-f", str(CRDS))
        await synced(reflector)
        assert consumer.state == {}


@pytest.mark.parametrize(
    "is_ahead",
    [
        pytest.param(True, id="ahead"),
        pytest.param(False, id="behind", marks=pytest.mark.skipif(not THOROUGH, reason=BEHIND_IS_SLOW)),
    ],
)
async def test_an_etcd_restored_from_a_backup_is_found_out(
    breakable: ControlPlane,
    proxy: FaultProxy,
    client: KubeClient,
    shop: str,
    monkeypatch: pytest.MonkeyPatch,
    is_ahead: bool,
) -> None:
    monkeypatch.setattr(audits, "SUSPICION_SECONDS", (0.1, 0.2))
    monkeypatch.setattr(audits, "RETRY_SECONDS", (1.0, 2.0))
    monkeypatch.setattr(versions, "BELIEF_SECONDS", 2.0)
    work, servers = breakable.workloads, breakable.faults
    copy = await do(servers.back_up_etcd)
    async with following(client, PODS, shop) as (reflector, consumer):
        await synced(reflector)
        await do(servers.etcd.advance, await do(servers.etcd.revision) + 1000)
        await do(work.delete_pod, shop, "a")
        await do(work.make_pod, shop, "f", ip="10.1.0.9")
        await consumer.until(lambda: consumer.names() == set("bcdef"))
        ours = await do(servers.etcd.revision)
        proxy.go_down()
        await do(servers.restore_etcd, copy)
        await do(work.delete_pod, shop, "b")
        assert await do(servers.etcd.revision) < ours
        if is_ahead:
            await do(servers.etcd.advance, ours + 10)
        proxy.heal()
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(written_now_and_then(breakable))
            await consumer.until(lambda: consumer.names() == set("acde"), seconds=FOUND_OUT_SECONDS)
            writing.cancel()
        assert reflector.restarts["Restored"] == 1
        assert reflector.lists == 2


async def written_now_and_then(plane: ControlPlane) -> None:
    """Be the cluster around it, which writes something every second."""
    while True:
        await do(plane.faults.etcd.advance, await do(plane.faults.etcd.revision) + 1)
        await asyncio.sleep(0.5)


async def test_two_thousand_pods_come_in_pages(breakable: ControlPlane, tmp_path: Path) -> None:
    await do(breakable.workloads.make_namespace, "crowd")
    pods = (
        stored_pod(
            manifests.pod("crowd", f"pod-{number:04}", labels={"app": "crowd"}),
            [f"10.2.{number >> 8}.{number & 255}"],
        )
        for number in range(2000)
    )
    assert await do(seed, breakable.faults.etcd, pods) == 2000
    async with (
        FaultProxy(breakable) as proxy,
        KubeClient(Credentials(proxy.kubeconfig(tmp_path))) as client,
        following(client, PODS, "crowd") as (reflector, consumer),
    ):
        await synced(reflector)
        assert len(consumer.state) == 2000
        assert max(len(batch.changes) for batch in consumer.batches) <= 50
        await proxy.asked(lambda lines: "watch=true" in lines[-1])
        assert [line.count("limit=250") for line in proxy.requests] == [1] * 8 + [0]
