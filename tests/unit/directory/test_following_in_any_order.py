"""Whatever the order of events, the last state says what is followed; and what is lost stays answered."""

from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory import Directory
from rollcall.model import (
    BlueGreen,
    Canary,
    Deployment,
    FlaggerCanary,
    Follow,
    Pod,
    Problem,
    Release,
    Released,
    ReplicaSet,
    Rollout,
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
from unit.world import pod, resource, service

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


def apply(made: Directory, event: object) -> None:
    match event:
        case "look":
            made.take_changes()
        case ("gone", ServiceInstance(key=key)):
            made.remove_resource(key)
        case ("gone", Deployment() | ReplicaSet() | FlaggerCanary() | Rollout() as gone):
            made.remove_workload(type(gone), gone.key)
        case ServiceInstance():
            made.apply_resource(event)
        case Pod():
            made.apply_pod(event)
        case _:
            made.apply_workload(event)  # type: ignore[arg-type]  # what is left of the events


def fresh(*, unknown: bool = False) -> Directory:
    made = Directory()
    made.apply_service(service())
    if not unknown:
        for follow in Follow:
            made.set_follow_problem(follow, None)
    return made


def state(history: Iterable[object]) -> list[object]:
    """Return what is there after events: the last of each object that isn't gone."""
    there: dict[tuple[type, object], object] = {}
    for event in history:
        if isinstance(event, tuple):
            there.pop((type(event[1]), event[1].key), None)
        elif event != "look":
            there[type(event), event.key] = event  # type: ignore[attr-defined]  # all others have one
    return list(there.values())


@given(events, st.randoms(use_true_random=False))
def test_what_is_followed_is_a_matter_of_the_last_state(history: list[object], shuffle) -> None:
    story = fresh()
    for event in history:
        apply(story, event)
    again = state(history)
    shuffle.shuffle(again)
    anew = fresh(unknown=True)
    for event in again:
        apply(anew, event)
    for follow in Follow:
        anew.set_follow_problem(follow, None)
    one, other = entry(story), entry(anew)
    assert one.followed == other.followed
    assert story.followed_kinds == anew.followed_kinds


@given(events)
def test_a_restart_goes_on_from_what_was_in_force(history: list[object]) -> None:
    story = fresh()
    for event in history:
        apply(story, event)
    before = entry(story)
    if before.resource is None:
        return
    remembered = msgspec.structs.replace(before.resource, released=before.released)
    anew = fresh(unknown=True)
    again = [each for each in state(history) if not isinstance(each, ServiceInstance)]
    for event in again:
        apply(anew, event)
    anew.apply_resource(remembered)
    if before.released and before.released.strategy is not Strategy.NONE and remembered.spec.release.follow:
        assert entry(anew).released == before.released, "while nothing is known"
        assert eligible(anew) == eligible(story)
    for follow in Follow:
        anew.set_follow_problem(follow, None)
    assert entry(anew).released == before.released
    assert eligible(anew) == eligible(story)
    assert entry(anew).release_problem == before.release_problem


def eligible(made: Directory) -> dict[object, int]:
    return {key: each.weight for key, each in entry(made).instances.items() if each.eligible}


@given(events, st.sampled_from(RELEASES[1:]), st.lists(workloads, max_size=6))
def test_no_answer_is_lost_when_the_target_is(
    history: list[object], release: Release, lost: list[Workload]
) -> None:
    story = fresh()
    for event in [*history, resource(release=release)]:
        apply(story, event)
    before, answered = entry(story).released, eligible(story)
    for workload in lost:
        story.remove_workload(type(workload), workload.key)
    if isinstance(entry(story).followed, Problem):
        assert entry(story).released == (before or Released())
        assert eligible(story) == answered
