"""Whatever the order of events, the last state says what is followed; and what is lost stays answered."""

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from rollcall.model import (
    BlueGreen,
    Canary,
    Deployment,
    FlaggerCanary,
    Follow,
    Key,
    Problem,
    Release,
    Released,
    ReplicaSet,
    ServiceInstance,
    Strategy,
    Workload,
)
from unit.directory.rolling import (
    deployment,
    entry,
    flagger_canary,
    replica_set,
    rollout,
)
from unit.world import World, pod, resource, service

RELEASES = [
    Release(),
    Release(follow=Follow.DEPLOYMENT),
    Release(follow=Follow.DEPLOYMENT, blue_green=BlueGreen(min_ready=2)),
    Release(follow=Follow.DEPLOYMENT, canary=Canary(weight=10)),
    Release(follow=Follow.ROLLOUT),
]
LABELS = [{"app": "web"}, {"app": "web-primary"}, {"app": "web", "team": "shop"}]

workloads = st.one_of(
    st.builds(deployment, st.integers(0, 3), labels=st.sampled_from(LABELS)),
    st.builds(
        lambda revision, owner: deployment(
            revision,
            "web-primary",
            owner=owner,
            labels={"app": "web-primary", "team": "shop"},
            selector={"app": "web-primary"},
        ),
        st.integers(0, 3),
        st.sampled_from(("", "uid-canary")),
    ),
    st.builds(
        replica_set,
        st.sampled_from("abc"),
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from(("web", "web-primary")),
    ),
    st.builds(flagger_canary, st.integers(0, 100), st.sampled_from(("web", "api"))),
    st.builds(
        rollout,
        labels=st.sampled_from(LABELS),
        strategy=st.sampled_from(Strategy),
        active=st.sampled_from(("", "a", "b")),
        stable=st.sampled_from(("", "a", "b")),
        current=st.sampled_from(("", "a", "b")),
        steps=st.just((20, None)),
        step=st.integers(0, 3),
    ),
)
resources = st.builds(
    lambda release, selector: resource(release=release, selector=selector),
    st.sampled_from(RELEASES),
    st.sampled_from((None, {"team": "shop"})),
)
pods = st.builds(
    lambda number, version, ready: pod(
        f"web-{number}",
        f"10.0.0.{number}",
        labels={
            "app": ("web", "web-primary")[number % 2],
            "team": "shop",
            "pod-template-hash": version,
            "rollouts-pod-template-hash": version,
        },
        ready=ready,
    ),
    st.integers(1, 6),
    st.sampled_from("abc"),
    st.booleans(),
)
removals = st.one_of(workloads, resources).map(lambda gone: ("gone", gone))
events = st.lists(st.one_of(workloads, resources, pods, removals, st.just("look")), max_size=30)


def tell(world: World, event: Any) -> None:
    """Let something happen, as it can happen now: what is owned belongs to the owner that there is."""
    match event:
        case "look":
            world.directory.take_changes()
        case ("gone", gone):
            world.drop(type(gone), gone.key)
        case ReplicaSet(key=key, version=version):
            owner = world.history.get(Deployment, Key(key.namespace, key.name.removesuffix(f"-{version}")))
            world.apply(world.history.possible(_owned(event, owner)))
        case Deployment(owner=str(uid)) if uid:
            canary = world.history.get(FlaggerCanary, Key("shop", "web"))
            world.apply(world.history.possible(_owned(event, canary)))
        case _:
            world.apply(world.history.possible(event))


def _owned(it: Any, owner: Any) -> Any:
    return it if owner is None else msgspec.structs.replace(it, owner=owner.uid)


def told(*events: object) -> World:
    """Return what there is after events."""
    world = fresh()
    for event in events:
        tell(world, event)
    return world


def fresh(*, unknown: bool = False) -> World:
    world = World()
    world.apply(service())  # decided on with all the rest, as after a start
    if not unknown:
        know(world)
    return world


def know(world: World) -> None:
    for follow in Follow:
        world.directory.set_follow_problem(follow, None)


@given(events, st.randoms(use_true_random=False))
def test_what_is_followed_is_a_matter_of_the_last_state(history: list[object], shuffle) -> None:
    story = told(*history)
    again = story.history.present()
    shuffle.shuffle(again)
    anew = fresh(unknown=True)
    anew.apply(*again)
    know(anew)
    one, other = entry(story.directory), entry(anew.directory)
    assert one.followed == other.followed
    assert story.directory.followed_kinds == anew.directory.followed_kinds


@given(events)
@example(
    [
        resource(release=Release(follow=Follow.ROLLOUT)),
        pod("web-2", labels={"app": "web", "rollouts-pod-template-hash": "a"}),
        rollout(labels={"app": "web"}, strategy=Strategy.BLUE_GREEN, active="a"),
    ]
)
def test_a_restart_goes_on_from_what_was_in_force(history: list[object]) -> None:
    story = told(*history)
    before = entry(story.directory)
    if before.resource is None:
        return
    remembered = msgspec.structs.replace(before.resource, released=before.released)
    anew = fresh(unknown=True)
    anew.apply(*(each for each in story.history.present() if not isinstance(each, ServiceInstance)))
    anew.apply(remembered)
    if before.released and before.released.strategy is not Strategy.NONE and remembered.spec.release.follow:
        assert entry(anew.directory).released == before.released, "while nothing is known"
        assert eligible(anew) == eligible(story)
    know(anew)
    assert entry(anew.directory).released == before.released
    assert eligible(anew) == eligible(story)
    assert entry(anew.directory).release_problem == before.release_problem


def eligible(world: World) -> dict[object, int]:
    return {key: each.weight for key, each in entry(world.directory).instances.items() if each.eligible}


@given(events, st.sampled_from(RELEASES[1:]), st.lists(workloads, max_size=6))
def test_no_answer_is_lost_when_the_target_is(
    history: list[object], release: Release, lost: list[Workload]
) -> None:
    story = told(*history, resource(release=release))
    before, answered = entry(story.directory).released, eligible(story)
    for workload in lost:
        story.drop(type(workload), workload.key)
    if isinstance(entry(story.directory).followed, Problem):
        assert entry(story.directory).released == (before or Released())
        assert eligible(story) == answered
