"""A release that follows the Deployment which is rolled out under the gate."""

import pytest

from api.publication_gate.rollout import WARM, Rollout
from api.publication_gate.sides import Clients, switching
from api.publication_gate.stage import LOOKS, PODS, Stage
from waiting import eventually


def look_around(clients: Clients) -> None:
    """Wait until they have."""
    looks = clients.bind.looks, clients.rollcall.looks
    eventually(
        lambda: clients.bind.looks > looks[0] + LOOKS and clients.rollcall.looks > looks[1] + LOOKS,
        "the clients have looked around",
    )


@pytest.mark.parametrize(("max_surge", "min_ready"), [(1, 1), (1, 3), (4, 3), ("100%", PODS), (1, PODS + 1)])
def test_blue_green_switches_once_and_the_roll_out_ends(
    rollout: Rollout, stage: Stage, max_surge: int | str, min_ready: int
) -> None:
    rollout.release(follow="Deployment", blueGreen={})
    rollout.deploy("web", stage.rollcall, replicas=PODS, max_surge=max_surge)
    before = rollout.now()
    rollout.wait_released()  # a first ask is let through only once it has enough
    rollout.release(follow="Deployment", blueGreen={"minReady": min_ready})
    with switching(rollout, stage, stage.rollcall) as both:
        rollout.restart("web")
        rollout.wait_complete("web")
        new = dict(rollout.kubelet.serving)
        both.wait_found(set(new))
    both.check(new)
    assert rollout.fewest_published(before) >= PODS


def test_no_old_pod_goes_while_the_switch_waits_for_a_slow_one(rollout: Rollout, stage: Stage) -> None:
    rollout.release(follow="Deployment", blueGreen={"minReady": PODS})
    rollout.deploy("web", stage.rollcall, replicas=PODS, max_surge="100%")
    before = rollout.now()
    with switching(rollout, stage, stage.rollcall) as both:
        rollout.add_gate("web", WARM)
        eventually(lambda: len(rollout.kubelet.serving) == 2 * PODS, "all new pods have started")
        *soon, late = sorted(set(rollout.kubelet.serving) - set(before.pods))
        for name in soon:
            rollout.open_gate(name, WARM)
        look_around(both)
        assert set(before.pods) < set(rollout.kubelet.serving)
        assert not any("deletionTimestamp" in pod["metadata"] for pod in rollout.pods().values())
        assert {len(answer) for answer in both.bind.answers} == {PODS}
        rollout.open_gate(late, WARM)
        rollout.wait_complete("web")
        new = dict(rollout.kubelet.serving)
        both.wait_found(set(new))
    both.check(new)
    assert set(new) == {*soon, late}
    assert {len(answer) for answer in both.bind.answers} == {PODS}


def test_a_canary_without_a_share_keeps_nobody_waiting(rollout: Rollout, stage: Stage) -> None:
    """Nothing is said of the moment in which the last old pod goes: that comes on two watches."""
    rollout.release(follow="Deployment", canary={"weight": 0})
    rollout.deploy("web", stage.rollcall, replicas=PODS)
    with switching(rollout, stage, stage.rollcall) as both:
        rollout.restart("web")
        rollout.wait_complete("web")
        new = dict(rollout.kubelet.serving)
        both.wait_found(set(new))
    assert both.answered == ["old", "new"]
    assert {*both.bind.failures, *both.rollcall.failures} <= {"no address"}


def test_a_pod_of_weight_0_is_published(rollout: Rollout, stage: Stage) -> None:
    rollout.deploy("web", stage.rollcall, replicas=1)
    old = dict(rollout.kubelet.serving)
    rollout.annotate("web", {"rollcall.dev/weight": "0"})
    rollout.wait_complete("web")
    assert not set(old) & set(rollout.kubelet.serving)
