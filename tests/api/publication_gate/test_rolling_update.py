"""Rolling updates by the real Deployment controller, with a client that never rests."""

import pytest

from api.publication_gate.client import DiscoveryClient
from api.publication_gate.rollout import Rollout
from api.publication_gate.sides import clients
from api.publication_gate.stage import LOOKS, PODS, Stage
from nameservers import data
from waiting import eventually

SIDE = 4


@pytest.mark.parametrize(
    ("max_surge", "at"), [(1, "rollcall"), (4, "rollcall"), ("100%", "rollcall"), (1, "bind")]
)
def test_a_rolling_update_never_outruns_discovery(
    rollout: Rollout, stage: Stage, max_surge: int | str, at: str
) -> None:
    rollout.deploy("web", stage.rollcall, replicas=PODS, max_surge=max_surge)
    before = rollout.now()
    port = stage.rollcall.ports["dns"] if at == "rollcall" else stage.bind.port
    with DiscoveryClient(port, stage.name, rollout.port) as client:
        eventually(lambda: client.looks, "it has begun")
        rollout.restart("web")
        rollout.wait_complete("web")
        new = set(rollout.kubelet.serving)
        eventually(lambda: new <= client.reached, "all new pods are found")
    assert client.failures == []
    assert len(new) == PODS
    assert not new & set(before.pods)
    assert rollout.fewest_published(before) >= PODS


def test_a_crash_of_rollcall_holds_a_roll_out_up_and_does_no_harm(rollout: Rollout, stage: Stage) -> None:
    """The client asks the other server, as nobody else is there meanwhile."""
    rollout.deploy("web", stage.rollcall, replicas=PODS)
    before = rollout.now()
    with DiscoveryClient(stage.bind.port, stage.name, rollout.port) as client:
        rollout.restart("web")
        eventually(lambda: client.reached - set(before.pods), "a new pod is found")
        stage.rollcall.crash()
        eventually(lambda: len(rollout.waiting()) == 1, "a new pod waits")
        looks = client.looks
        eventually(lambda: client.looks > looks + LOOKS, "the client has looked around")
        assert set(before.pods) & set(rollout.kubelet.serving)
        with stage.start(f"--http-listen=127.0.0.1:{stage.rollcall.ports['http']}"):  # hooks know this port
            rollout.wait_complete("web")
            new = set(rollout.kubelet.serving)
            eventually(lambda: new <= client.reached, "all new pods are found")
    assert client.failures == []
    assert not new & set(before.pods)
    assert rollout.fewest_published(before) >= PODS


def test_a_roll_out_goes_on_under_another_leader(rollout: Rollout, stage: Stage) -> None:
    """The hooks of the pods ask the replica that follows, which leads in the end."""
    with stage.replicas() as (first, second):
        rollout.deploy("web", second, replicas=PODS)
        before = rollout.now()
        with clients(rollout, stage, second) as both:
            rollout.restart("web")
            eventually(lambda: both.bind.reached - set(before.pods), "a new pod is found")
            first.stop()
            rollout.wait_complete("web")
            new = set(rollout.kubelet.serving)
            both.wait_found(new)
    assert both.bind.failures == both.rollcall.failures == []
    assert not new & set(before.pods)
    assert rollout.fewest_published(before) >= PODS


def test_a_version_gets_ready_while_only_the_other_one_is_answered(rollout: Rollout, stage: Stage) -> None:
    rollout.release(blueGreen={"active": "blue"})
    rollout.deploy("web-blue", stage.rollcall, replicas=SIDE, version="blue")
    blue = dict(rollout.kubelet.serving)
    with DiscoveryClient(stage.rollcall.ports["dns"], stage.name, rollout.port) as client:
        eventually(lambda: client.reached == set(blue), "the client finds all of blue")
        rollout.deploy("web-green", stage.rollcall, replicas=SIDE, version="green")
        green = {name: at for name, at in rollout.kubelet.serving.items() if name not in blue}
        assert len(green) == SIDE
        assert not rollout.waiting()
        assert stage.rollcall.answers(f"green.versions.{stage.name}") == set(green.values())
        assert data(stage.bind, f"green.versions.{stage.name}", "A") == set(green.values())
        looks = client.looks
        eventually(lambda: client.looks > looks + LOOKS, "the client has looked around")
        assert client.reached == set(blue)
        rollout.release(blueGreen={"active": "green"})
        eventually(lambda: set(green) <= client.reached, "the client finds all of green")
        rollout.restart("web-green")
        rollout.wait_complete("web-green")
        new = set(rollout.kubelet.serving) - set(blue)
        eventually(lambda: new <= client.reached, "it finds the new pods of green, too")
    assert client.failures == []
    assert not new & set(green)
