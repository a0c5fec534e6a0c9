"""The leader is killed in the middle of a roll-out under the gate: another replica takes it to its end."""

from api.publication_gate.client import DiscoveryClient
from api.publication_gate.rollout import WARM, Rollout
from api.publication_gate.sides import clients
from api.publication_gate.stage import PODS, Stage
from rollcall_process import eventually


def test_the_other_replica_takes_a_roll_out_to_its_end(rollout: Rollout, stage: Stage) -> None:
    """Nobody leads until the Lease has run out: a pod that is deleted meanwhile serves on until then."""
    stage.rollcall.stop()
    with stage.start("--leader-elect", state="first") as first:
        eventually(lambda: first.metric("rollcall_leader") == 1, "it leads")
        with stage.start("--leader-elect", state="second") as second:
            second.wait_ready()
            rollout.deploy("web", second, replicas=PODS)
            before = rollout.now()
            with (
                DiscoveryClient(stage.bind.port, stage.name, rollout.port) as client,
                DiscoveryClient(second.ports["dns"], stage.name, rollout.port) as other,
            ):
                rollout.restart("web")
                eventually(lambda: client.reached - set(before.pods), "a new pod is found")
                first.crash()
                rollout.end(min(rollout.staying() & set(before.pods)))
                rollout.wait_complete("web")
                new = set(rollout.kubelet.serving)
                eventually(lambda: new <= client.reached & other.reached, "all new pods are found")
            assert second.metric("rollcall_leader") == 1
        assert "Traceback" not in second.text, second.text
    assert client.failures == other.failures == []
    assert len(new) == PODS
    assert not new & set(before.pods)
    assert rollout.fewest_published(before) >= PODS - 1


def test_the_other_replica_makes_the_switch_that_pods_wait_for(rollout: Rollout, stage: Stage) -> None:
    stage.rollcall.stop()
    with stage.start("--leader-elect", state="first") as first:
        eventually(lambda: first.metric("rollcall_leader") == 1, "it leads")
        with stage.start("--leader-elect", state="second") as second:
            second.wait_ready()
            rollout.release(follow="Deployment", blueGreen={"minReady": PODS})
            rollout.deploy("web", second, replicas=PODS, max_surge="100%")
            before = rollout.now()
            with clients(rollout, stage, second) as both:
                rollout.add_gate("web", WARM)
                eventually(lambda: len(rollout.kubelet.serving) == 2 * PODS, "all new pods have started")
                *soon, late = sorted(set(rollout.kubelet.serving) - set(before.pods))
                for name in soon:
                    rollout.open_gate(name, WARM)
                first.crash()
                rollout.open_gate(late, WARM)
                rollout.wait_complete("web")
                new = dict(rollout.kubelet.serving)
                eventually(lambda: set(new) <= both.bind.reached & both.rollcall.reached, "all are found")
            assert second.metric("rollcall_leader") == 1
        assert "Traceback" not in second.text, second.text
    both.check(new)
    assert set(new) == {*soon, late}
    assert rollout.fewest_published(before) >= PODS
