"""The leader is killed in the middle of a roll-out under the gate: another replica takes it to its end."""

from api.publication_gate.rollout import WARM, Rollout
from api.publication_gate.sides import clients, switching
from api.publication_gate.stage import PODS, Stage
from waiting import eventually


def test_the_other_replica_takes_a_roll_out_to_its_end(rollout: Rollout, stage: Stage) -> None:
    """Nobody leads until the Lease has run out: a pod that is deleted meanwhile serves on until then."""
    with stage.replicas() as (first, second):
        rollout.deploy("web", second, replicas=PODS)
        before = rollout.now()
        with clients(rollout, stage, second) as both:
            rollout.restart("web")
            eventually(lambda: both.bind.reached - set(before.pods), "a new pod is found")
            first.crash()
            rollout.end(min(rollout.staying() & set(before.pods)))
            rollout.wait_complete("web")
            new = set(rollout.kubelet.serving)
            both.wait_found(new)
    assert both.bind.failures == both.rollcall.failures == []
    assert len(new) == PODS
    assert not new & set(before.pods)
    assert rollout.fewest_published(before) >= PODS - 1


def test_the_other_replica_makes_the_switch_that_pods_wait_for(rollout: Rollout, stage: Stage) -> None:
    with stage.replicas() as (first, second):
        rollout.release(follow="Deployment", blueGreen={"minReady": PODS})
        rollout.deploy("web", second, replicas=PODS, max_surge="100%")
        before = rollout.now()
        with switching(rollout, stage, second) as both:
            rollout.add_gate("web", WARM)
            eventually(lambda: len(rollout.kubelet.serving) == 2 * PODS, "all new pods have started")
            *soon, late = sorted(set(rollout.kubelet.serving) - set(before.pods))
            for name in soon:
                rollout.open_gate(name, WARM)
            first.crash()
            rollout.open_gate(late, WARM)
            rollout.wait_complete("web")
            new = dict(rollout.kubelet.serving)
            both.wait_found(set(new))
    both.check(new)
    assert set(new) == {*soon, late}
    assert rollout.fewest_published(before) >= PODS
