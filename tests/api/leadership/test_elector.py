"""Elections on the real API server: its Lease, its refusals, and processes that are stopped and killed."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.faultproxy import Answer, FaultProxy, Stall, status
from api.leadership import leader
from controlplane import ControlPlane
from rollcall.kube import Conflict, Forbidden
from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials
from rollcall.leadership.elector import Elector, NotLeading
from rollcall.model.lease_times import LeaseTimes
from waiting import SECONDS, until

ROOT = Path(__file__).parents[3]


class Replica:
    """Takes part in an election; a `hasty` one soon takes itself for deposed, and is soon taken for dead."""

    def __init__(self, client: KubeClient, namespace: str, identity: str, *, hasty: bool = False) -> None:
        self.epochs: list[int] = []
        self.at_work = False
        self.elector = Elector(
            client,
            namespace,
            "rollcall",
            identity,
            self._lead,
            LeaseTimes(6.0, 5.0, 0.2) if hasty else LeaseTimes(retry_period_seconds=0.2),
        )
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "Replica":
        await self._stack.enter_async_context(self._running())
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._stack.aclose()

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.elector.run())
            yield
            task.cancel()

    async def leads(self) -> None:
        await until(lambda: self.elector.leading and self.at_work)

    async def _lead(self, epoch: int) -> None:
        self.epochs.append(epoch)
        self.at_work = True
        try:
            await asyncio.Event().wait()
        finally:
            self.at_work = False


def lease(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/rollcall"


async def spec_of(client: KubeClient, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(lease(namespace)))["spec"]
    return found


async def test_one_leads_and_the_other_takes_over(client: KubeClient, namespace: str) -> None:
    async with Replica(client, namespace, "b") as b:
        await b.leads()
        async with Replica(client, namespace, "a") as a:
            spec = await spec_of(client, namespace)
            assert spec.items() >= {"holderIdentity": "b", "leaseDurationSeconds": 15}.items()
            assert spec["leaseTransitions"] == b.elector.epoch == 1
            assert await b.elector.confirm()
            assert (await spec_of(client, namespace))["renewTime"] > spec["renewTime"]
            assert not await a.elector.confirm()
            assert await b.elector.raise_epoch(70) == 71
            await b.__aexit__()
            assert not b.at_work
            await a.leads()
            assert a.epochs == [72]
            assert b.epochs == [1]
            with pytest.raises(NotLeading):
                await b.elector.raise_epoch(80)
    spec = await spec_of(client, namespace)
    assert not spec.get("holderIdentity")
    assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (1, 72)


async def test_the_api_server_refuses_a_write_that_is_based_on_an_old_one(
    client: KubeClient, namespace: str
) -> None:
    async with Replica(client, namespace, "a") as a:
        await a.leads()
        old = await client.get(lease(namespace))
        assert await a.elector.confirm()
        stale = {
            "metadata": {"resourceVersion": old["metadata"]["resourceVersion"]},
            "spec": {"holderIdentity": "z"},
        }
        with pytest.raises(Conflict):
            await client.patch(lease(namespace), stale)
        assert await a.elector.confirm()


async def test_a_deleted_lease_is_made_again(client: KubeClient, namespace: str) -> None:
    async with Replica(client, namespace, "a") as a:
        await a.leads()
        for _ in range(3):
            await client.delete(lease(namespace))
            assert await a.elector.confirm()
        assert (await spec_of(client, namespace))["holderIdentity"] == "a"
        assert a.epochs == [1]


async def test_taken_over_by_hand(client: KubeClient, namespace: str) -> None:
    async with Replica(client, namespace, "a") as a:
        await a.leads()
        await client.patch(lease(namespace), {"spec": {"holderIdentity": "z", "leaseTransitions": 8}})
        assert not await a.elector.confirm()
        assert not a.elector.leading
        await until(lambda: a.epochs == [1, 9])


@pytest.mark.parametrize("kind", ["down", "silent", "busy", "forbidden"])
async def test_an_api_server_that_does_not_answer_costs_leadership_and_gives_it_back(
    kind: str, proxy: FaultProxy, proxied: Credentials, client: KubeClient, namespace: str
) -> None:
    async with KubeClient(proxied) as own, Replica(own, namespace, "a", hasty=True) as a:
        await a.leads()
        match kind:
            case "down":
                proxy.go_down()
            case "silent":
                proxy.inject(Stall(0), "/leases/rollcall", times=-1)
            case "busy":
                body = status(429, "TooManyRequests", "slow down", retryAfterSeconds=1)
                proxy.inject(Answer(429, body), "/leases/rollcall", times=-1)
            case "forbidden":
                body = status(403, "Forbidden", "leases is forbidden")
                proxy.inject(Answer(403, body), "/leases/rollcall", times=-1)
        await until(lambda: not a.elector.leading)
        await until(lambda: not a.at_work)
        await until(lambda: a.elector.trouble is not None)
        async with Replica(client, namespace, "b") as b:
            await b.leads()
            assert not a.at_work
            proxy.heal()
            await until(lambda: a.elector.trouble is None)
            assert (a.elector.leading, b.elector.leading) == (False, True)
        await a.leads()
        assert a.epochs[-1] > b.epochs[0] > a.epochs[0]


async def test_without_the_right_it_says_which(
    cluster: ControlPlane, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    credentials = Credentials(str(cluster.account_kubeconfig(namespace, "nobody")))
    async with KubeClient(credentials) as own, Replica(own, namespace, "a") as a:
        await until(lambda: isinstance(a.elector.trouble, Forbidden))
    assert 'cannot get resource "leases"' in caplog.text


async def test_a_namespace_that_is_not_there(client: KubeClient) -> None:
    async with Replica(client, "no-such-namespace", "a") as a:
        await until(lambda: a.elector.trouble is not None)
        assert 'namespaces "no-such-namespace" not found' in str(a.elector.trouble)


# --- other processes -----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def process(cluster: ControlPlane, namespace: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a replica that tells what it would write, line by line."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'operator'}"}
    command = [sys.executable, str(leader.__file__), str(cluster.kubeconfig), namespace, "other"]
    started = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=environment)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        assert started.stdout is not None
        await started.stdout.read()
        await started.wait()


async def line(started: asyncio.subprocess.Process) -> str:
    assert started.stdout is not None
    async with asyncio.timeout(SECONDS):
        return (await started.stdout.readline()).decode().strip()


async def test_a_process_that_was_stopped_does_nothing_more_as_a_leader(
    cluster: ControlPlane, client: KubeClient, namespace: str
) -> None:
    """Nothing that it said before is left to read, so that the first line is the first thing that it did."""
    async with process(cluster, namespace) as other:
        assert await line(other) == "write 1"
        other.send_signal(leader.STAND_STILL)
        async with Replica(client, namespace, "here") as here:
            await here.leads()
            with contextlib.suppress(TimeoutError):
                while True:  # until it has been silent for a while
                    async with asyncio.timeout(0.5):
                        assert other.stdout is not None
                        assert (await other.stdout.readline()) == b"write 1\n"
            other.send_signal(signal.SIGCONT)
            assert await line(other) == "not leading"
            assert here.elector.leading
        assert await line(other) == "write 3"


async def test_a_process_that_is_killed_is_waited_for(
    cluster: ControlPlane, client: KubeClient, namespace: str
) -> None:
    async with process(cluster, namespace) as other:
        assert await line(other) == "write 1"
        other.kill()
        async with Replica(client, namespace, "here") as here:
            await here.leads()
            assert here.epochs == [2]


async def test_a_process_that_ends_lets_go(cluster: ControlPlane, client: KubeClient, namespace: str) -> None:
    async with process(cluster, namespace) as other:
        assert await line(other) == "write 1"
        other.terminate()
        async with asyncio.timeout(SECONDS):
            assert other.stdout is not None
            await other.stdout.read()
            assert await other.wait() == 0
        assert not (await spec_of(client, namespace)).get("holderIdentity")
