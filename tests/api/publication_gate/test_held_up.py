"""Roll-outs while somebody does not learn of new pods: under the gate they wait, without it they do not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from api.publication_gate.client import DiscoveryClient
from api.publication_gate.rollout import Rollout
from api.publication_gate.stage import LOOKS, PODS, Stage
from nameservers import data
from waiting import eventually


@contextmanager
def control_process(stage: Stage) -> Iterator[int]:
    """Nobody tells the DNS workers, who go on answering what they know."""
    stage.rollcall.pause()
    try:
        yield stage.rollcall.ports["dns"]
    finally:
        stage.rollcall.resume()


@contextmanager
def dns_worker(stage: Stage) -> Iterator[int]:
    """One of two DNS workers doesn't get on."""
    stage.rollcall.pause("rollcall.serve.worker")
    try:
        yield stage.bind.port
    finally:
        stage.rollcall.resume("rollcall.serve.worker")


@contextmanager
def target(stage: Stage) -> Iterator[int]:
    """Another server is down."""
    stage.bind.stop()
    try:
        yield stage.rollcall.ports["dns"]
    finally:
        if not stage.bind.running:
            stage.bind.start()


Hold = Callable[[Stage], AbstractContextManager[int]]
"""Keeps somebody from learning of new pods; the value is the port of a DNS server that answers meanwhile."""

holds = pytest.mark.parametrize("hold", [control_process, dns_worker, target])


@holds
def test_a_roll_out_waits_for_who_is_behind_and_then_goes_on(
    rollout: Rollout, stage: Stage, hold: Hold
) -> None:
    rollout.deploy("web", stage.rollcall, replicas=PODS, grace_seconds=1)
    before = rollout.now()
    with hold(stage) as port, DiscoveryClient(port, stage.name, rollout.port) as client:
        rollout.restart("web")
        eventually(lambda: len(rollout.waiting()) == 1, "the first new pod is ready to be published")
        looks = client.looks
        eventually(lambda: client.looks > looks + LOOKS, "the client has looked around")
        pods = rollout.pods()
        assert len(pods) == PODS + 1
        assert set(rollout.kubelet.serving) == set(pods) > set(before.pods)
        assert not any("deletionTimestamp" in pod["metadata"] for pod in pods.values())
        assert client.failures == []
        if hold is not control_process:  # that serves the metrics
            waiting = "rollcall_publication_gate_waiting"
            eventually(lambda: stage.rollcall.metric(waiting) == 1, "Rollcall counts it")
    rollout.wait_complete("web")
    assert not set(before.pods) & set(rollout.kubelet.serving)
    assert rollout.fewest_published(before) >= PODS


@holds
def test_without_the_gate_it_goes_on_although_somebody_is_behind(
    rollout: Rollout, stage: Stage, hold: Hold
) -> None:
    rollout.deploy("web", stage.rollcall, replicas=PODS, gate=False, grace_seconds=1)
    old = dict(rollout.kubelet.serving)
    eventually(lambda: data(stage.bind, stage.name, "A") == set(old.values()), "every pod is published")
    with hold(stage) as port, DiscoveryClient(port, stage.name, rollout.port) as client:
        rollout.restart("web")
        rollout.wait_complete("web")
        assert not set(old) & set(rollout.kubelet.serving)
        if hold is control_process:
            eventually(lambda: client.failures, "it is sent to pods that are no more")
        if hold is target:
            stage.rollcall.pause()  # so that the server shows what it has
            stage.bind.start()
            assert data(stage.bind, stage.name, "A") == set(old.values())
            stage.rollcall.resume()
