"""Pods that are held back only until others of their version come: the publication gate waits with them."""

import pytest

from rollcall.directory import Directory
from rollcall.model import BlueGreen, Deployment, Follow, Key, Pod, Release
from unit.directory.rolling import WEB, answered, deployment, known, of, replica_set
from unit.world import resource

NEW = of("b").key
SLOW = of("b", 1, ready=False, node="node")


@pytest.fixture
def world() -> Directory:
    """Return a service that goes from `a` to `b`, once three of that are ready; one is, and one is slow."""
    made = known()
    made.apply_workload(deployment(1))
    made.apply_workload(replica_set("a", 1))
    made.apply_pod(of("a"))
    made.apply_resource(resource(release=follow(3)))
    made.take_changes()
    made.apply_resource(resource(release=follow(1)))
    assert answered(made) == {"a": 100}
    made.apply_resource(resource(release=follow(3)))
    made.apply_workload(replica_set("b", 2))
    made.apply_workload(deployment(2))
    made.apply_pod(of("b"))
    made.apply_pod(SLOW)
    assert answered(made) == {"a": 100}
    return made


def follow(min_ready: int) -> Release:
    return Release(follow=Follow.DEPLOYMENT, blue_green=BlueGreen(min_ready=min_ready))


def test_a_pod_awaits_the_switch_while_another_one_is_on_its_way(world: Directory) -> None:
    assert world.awaits_switch(NEW)
    assert not world.awaits_switch(of("a").key)
    assert not world.awaits_switch(Key("shop", "nobody"))


@pytest.mark.parametrize(
    "slow",
    [
        of("b", 1, ready=True, node="node"),
        of("b", 1, ready=False, node="node", deleting=True),
        of("b", 1, ready=None, phase="Pending", node="", addresses=()),
        of("b", 1, ready=False, phase="Failed", node="node"),
        of("b", 1, ready=True, node="node", drain="true"),
    ],
    ids=["ready", "deleting", "without a node", "failed", "drained"],
)
def test_it_waits_for_none_that_will_not_come(world: Directory, slow: Pod) -> None:
    """The number can be too high for the surge: then the roll-out must go on before there are more."""
    world.apply_pod(slow)
    assert answered(world) == {"a": 100}
    assert not world.awaits_switch(NEW)


def test_it_waits_for_none_that_is_gone(world: Directory) -> None:
    world.remove_pod(SLOW.key)
    assert answered(world) == {"a": 100}
    assert not world.awaits_switch(NEW)


def test_nobody_awaits_a_switch_that_has_happened(world: Directory) -> None:
    world.apply_resource(resource(release=follow(1)))
    assert answered(world) == {"b": 100}
    assert not world.awaits_switch(NEW)


def test_nobody_awaits_a_switch_that_has_been_called_off(world: Directory) -> None:
    world.apply_workload(replica_set("a", 3))
    world.apply_workload(deployment(3))
    assert answered(world) == {"a": 100}
    assert not world.awaits_switch(NEW)


def test_nobody_awaits_anything_of_a_deployment_that_is_gone(world: Directory) -> None:
    world.remove_workload(Deployment, WEB)
    assert answered(world) == {"a": 100}
    assert not world.awaits_switch(NEW)


def test_it_is_waited_until_it_is_known_what_to_follow() -> None:
    made = known(Follow.ROLLOUT)
    made.apply_pod(of("a"))
    made.apply_pod(of("b"))
    made.apply_resource(resource(release=Release("pod-template-hash", blue_green=BlueGreen("a"))))
    assert answered(made) == {"a": 100}
    assert not made.awaits_switch(NEW)
    made.apply_resource(resource(release=follow(1)))
    assert answered(made) == {"a": 100}
    assert made.awaits_switch(NEW)
    made.set_follow_problem(Follow.DEPLOYMENT, None)
    assert answered(made) == {"a": 100}
    assert not made.awaits_switch(NEW)
