"""Services that follow a roll-out: what they answer, also when what they follow is not to be found."""

import msgspec
import pytest

from rollcall.directory import Directory
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
    Rollout,
    Strategy,
    Workload,
)
from unit.directory.rolling import (
    WEB,
    answered,
    deployment,
    entry,
    flagger_canary,
    known,
    of,
    replica_set,
    rollout,
)
from unit.world import resource, service

FOLLOWED = Release(follow=Follow.DEPLOYMENT)
BLUE_GREEN = Release(follow=Follow.DEPLOYMENT, blue_green=BlueGreen(min_ready=2))
CANARY = Release(follow=Follow.DEPLOYMENT, canary=Canary(weight=10))
ROLLOUT = Release(follow=Follow.ROLLOUT)


def reason(made: Directory) -> str | None:
    problem = entry(made).release_problem
    return problem.reason if problem else None


def follows(release: Release, *workloads: Workload) -> Directory:
    """Make a directory with a service that follows these workloads."""
    assert release.follow is not None
    made = known(release.follow)
    made.apply_resource(resource(release=release))
    for workload in workloads:
        made.apply_workload(workload)
    return made


def test_without_a_strategy_all_versions_are_answered_and_named_by_their_hash() -> None:
    made = follows(FOLLOWED, deployment(2))
    made.apply_pod(of("a"))
    made.apply_pod(of("b"))
    assert answered(made) == {"a": 50, "b": 50}
    assert entry(made).released == Released()
    assert reason(made) is None


def test_blue_green_switches_when_the_new_one_has_enough() -> None:
    made = follows(BLUE_GREEN, deployment(1), replica_set("a", 1))
    for number in range(3):
        made.apply_pod(of("a", number))
    assert answered(made) == {"a": 100}
    made.apply_workload(replica_set("b", 2, 0))
    assert (answered(made), reason(made)) == ({"a": 100}, "FollowTargetNotReady")
    made.apply_workload(deployment(2))
    made.apply_pod(of("b", 0))
    assert (answered(made), reason(made)) == ({"a": 100}, "TooFewReady")
    made.apply_pod(of("b", 1))
    assert (answered(made), reason(made)) == ({"b": 100}, None)
    assert entry(made).released == Released(Strategy.BLUE_GREEN, "b", "a", version_label="pod-template-hash")


def test_blue_green_waits_for_no_number_when_the_old_one_is_gone() -> None:
    made = follows(BLUE_GREEN, deployment(1), replica_set("a", 1))
    made.apply_pod(of("a"))
    assert answered(made) == {"a": 100}
    made.apply_workload(replica_set("b", 2))
    made.apply_workload(deployment(2))
    made.apply_pod(of("b"))
    assert answered(made) == {"a": 100}
    made.remove_pod(of("a").key)
    assert answered(made) == {"b": 100}


def test_a_canary_from_the_first_pod_to_the_last() -> None:
    made = follows(CANARY, deployment(1), replica_set("a", 1))
    for number in range(3):
        made.apply_pod(of("a", number))
    assert (answered(made), reason(made)) == ({"a": 100}, None)
    made.apply_workload(deployment(2))
    made.apply_workload(replica_set("b", 2, 1))
    assert (answered(made), reason(made)) == ({"a": 100}, "CanaryNotReady")
    made.apply_pod(of("b"))
    assert (answered(made), reason(made)) == ({"a": 90, "b": 10}, None)
    for number in range(3):
        made.remove_pod(of("a", number).key)
    assert answered(made) == {"b": 100}
    made.apply_workload(replica_set("a", 1, 0))
    assert (answered(made), reason(made)) == ({"b": 100}, None)
    assert entry(made).released == Released(Strategy.CANARY, "b", "a", version_label="pod-template-hash")


def test_an_undone_roll_out_gives_everything_back_to_the_stable_version() -> None:
    made = follows(CANARY, deployment(2), replica_set("a", 1), replica_set("b", 2))
    for version in "ab":
        made.apply_pod(of(version))
    assert answered(made) == {"a": 90, "b": 10}
    made.apply_workload(replica_set("a", 3))  # the controller writes here first
    assert answered(made) == {"a": 90, "b": 10}
    made.apply_workload(deployment(3))
    assert answered(made) == {"a": 100}


def test_the_stable_version_stays_so_where_one_roll_out_overtakes_another() -> None:
    made = follows(CANARY, deployment(2), replica_set("a", 1), replica_set("b", 2))
    for version in "abc":
        made.apply_pod(of(version))
    assert answered(made) == {"a": 90, "b": 10}
    made.apply_workload(replica_set("c", 3))
    made.apply_workload(deployment(3))
    assert answered(made) == {"a": 90, "c": 10}


def gone(made: Directory) -> None:
    made.remove_workload(Deployment, WEB)


def gone_sets(made: Directory) -> None:
    for version in "ab":
        made.remove_workload(ReplicaSet, Key("shop", f"web-{version}"))


def twice(made: Directory) -> None:
    made.apply_workload(deployment(1, "other"))


def relabelled(made: Directory) -> None:
    made.apply_workload(deployment(2, labels={"app": "else"}))


def unknown(made: Directory) -> None:
    made.set_follow_problem(Follow.DEPLOYMENT, Problem("FollowForbidden", "A right is missing."))


@pytest.mark.parametrize("release", [BLUE_GREEN, CANARY])
@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (gone, "FollowTargetNotFound"),
        (gone_sets, "FollowTargetNotReady"),
        (twice, "FollowAmbiguous"),
        (relabelled, "FollowTargetNotFound"),
        (unknown, "FollowForbidden"),
    ],
)
def test_what_is_answered_goes_on_when_the_target_vanishes(release, happens, told) -> None:
    made = follows(release, deployment(2), replica_set("a", 1), replica_set("b", 2))
    for version in "ab":
        for number in range(2):
            made.apply_pod(of(version, number))
    before = answered(made)
    released = entry(made).released
    happens(made)
    assert (answered(made), reason(made)) == (before, told)
    assert entry(made).released == released
    problem = entry(made).release_problem
    assert problem is not None
    assert "goes on being answered." in problem.message
    made.set_follow_problem(Follow.DEPLOYMENT, None)
    made.remove_workload(Deployment, Key("shop", "other"))
    for workload in (deployment(2), replica_set("a", 1), replica_set("b", 2)):
        made.apply_workload(workload)
    assert (answered(made), reason(made), entry(made).released) == (before, None, released)


def test_several_are_named() -> None:
    made = follows(BLUE_GREEN, *(deployment(1, name) for name in ("web", "api", "a", "b", "c", "d")))
    problem = entry(made).release_problem
    assert problem is not None
    assert "(a, api, b, c, d and 1 more)" in problem.message


def test_without_a_selector_there_is_nothing_to_follow() -> None:
    made = known()
    made.apply_service(service(selector=None))
    made.apply_resource(resource(release=FOLLOWED))
    made.apply_workload(deployment(1))
    assert reason(made) == "FollowTargetNotFound"
    made.apply_service(service())
    assert reason(made) is None


def test_with_nothing_in_force_all_versions_are_answered_until_it_is_known_what_to_follow() -> None:
    made = Directory()
    made.apply_resource(resource(release=BLUE_GREEN, selector={"app": "web"}))
    for version in "ab":
        made.apply_pod(of(version))
    assert (answered(made), reason(made)) == ({"a": 50, "b": 50}, "FollowPending")
    for workload in (deployment(2), replica_set("a", 1), replica_set("b", 2)):
        made.apply_workload(workload)
    assert answered(made) == {"a": 50, "b": 50}
    made.set_follow_problem(Follow.DEPLOYMENT, None)
    assert (answered(made), reason(made)) == ({"a": 50, "b": 50}, "TooFewReady")
    made.apply_pod(of("b", 1))
    assert answered(made) == {"b": 100}


@pytest.mark.parametrize(
    "told",
    [
        Released(Strategy.BLUE_GREEN, "a", version_label="pod-template-hash"),
        Released(Strategy.BLUE_GREEN, "v1"),
        Released(Strategy.CANARY, "web-primary", canary="web", weight=20, version_label="app"),
    ],
)
def test_after_a_restart_what_the_status_remembers_goes_on_by_the_label_that_it_has(told: Released) -> None:
    made = Directory()
    selector = {"team": "shop"} if told.version_label == "app" else {"app": "web"}
    asked = resource(release=FOLLOWED, selector=selector)
    made.apply_resource(msgspec.structs.replace(asked, released=told))
    label = told.version_label or "version"
    for number, version in enumerate((told.active, told.canary or "other", "third")):
        made.apply_pod(of(version, number, label=label) if label != "app" else _of_app(version, number))
    assert answered(made) == ({"web-primary": 80, "web": 20} if told.canary else {told.active: 100})
    assert entry(made).released == told
    assert reason(made) == "FollowPending"


def _of_app(version: str, number: int):
    made = of(version, number)
    return msgspec.structs.replace(made, labels={"app": version, "team": "shop"})


def test_all_versions_go_on_where_the_label_changes_and_the_new_version_is_not_ready() -> None:
    made = known()
    made.apply_resource(resource(release=Release(blue_green=BlueGreen("blue"))))
    blue = of("a")
    made.apply_pod(msgspec.structs.replace(blue, labels={**blue.labels, "version": "blue"}))
    made.apply_pod(of("b", ready=False))
    assert answered(made) == {"blue": 100}
    for workload in (deployment(2), replica_set("a", 1), replica_set("b", 2)):
        made.apply_workload(workload)
    made.apply_resource(resource(generation=2, release=BLUE_GREEN))
    assert (answered(made), reason(made)) == ({"a": 100}, "VersionNotReady")
    assert entry(made).released == Released()


def test_a_replica_that_has_let_it_through_is_followed() -> None:
    made = follows(BLUE_GREEN, deployment(1), replica_set("a", 1))
    for version in "ab":
        made.apply_pod(of(version))
    assert answered(made) == {"a": 100}
    made.apply_workload(replica_set("b", 2))
    made.apply_workload(deployment(2))
    assert (answered(made), reason(made)) == ({"a": 100}, "TooFewReady")
    theirs = Released(Strategy.BLUE_GREEN, "b", "a", version_label="pod-template-hash")
    made.apply_resource(msgspec.structs.replace(resource(release=BLUE_GREEN), released=theirs))
    assert (answered(made), reason(made)) == ({"b": 100}, None)


def test_another_replica_is_followed_also_in_its_label_while_nothing_is_known_here() -> None:
    made = Directory()
    mine = resource(release=FOLLOWED, selector={"team": "shop"})
    made.apply_resource(mine)
    for number, version in enumerate(("web-primary", "web")):
        made.apply_pod(_of_app(version, number))
    assert reason(made) == "FollowPending"
    theirs = Released(Strategy.CANARY, "web-primary", canary="web", weight=20, version_label="app")
    made.apply_resource(msgspec.structs.replace(mine, released=theirs))
    assert answered(made) == {"web-primary": 80, "web": 20}


# --- Flagger: the target has app=web, the primary app=web-primary, both have team=shop


def steered(release: Release = FOLLOWED, weight: int = 30, *, selector: dict[str, str] | None = None):
    made = known()
    made.apply_resource(resource(release=release, selector=selector or {"team": "shop"}))
    for workload in (
        deployment(1, labels={"app": "web", "team": "shop"}),
        deployment(
            1,
            "web-primary",
            owner="uid-canary",
            labels={"app": "web-primary", "team": "shop"},
            selector={"app": "web-primary"},
        ),
        flagger_canary(weight),
    ):
        made.apply_workload(workload)
    made.apply_pod(_of_app("web", 0))
    made.apply_pod(_of_app("web-primary", 1))
    return made


def test_flagger_is_followed_where_it_steers_the_deployment() -> None:
    made = steered()
    assert answered(made) == {"web-primary": 70, "web": 30}
    made.apply_workload(flagger_canary(0))
    assert answered(made) == {"web-primary": 100}
    made.apply_workload(flagger_canary(50))
    assert answered(made) == {"web-primary": 50, "web": 50}


def test_without_its_canary_a_primary_is_a_deployment_like_any_other() -> None:
    made = steered()
    before = answered(made)
    made.remove_workload(FlaggerCanary, WEB)
    assert (answered(made), reason(made)) == (before, "FollowAmbiguous")
    made.remove_workload(Deployment, Key("shop", "web-primary"))
    assert (len(entry(made).instances), reason(made)) == (2, None)
    assert entry(made).released == Released(previous="")


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (steered(CANARY), "FollowConflict"),
        (steered(selector={"app": "web"}), "FollowSelector"),
        (steered(selector={"app": "web-primary"}), None),
    ],
)
def test_what_of_flagger_can_not_be_followed(made: Directory, told: str | None) -> None:
    assert reason(made) == told


def test_it_is_waited_for_the_primary() -> None:
    made = steered()
    made.remove_workload(Deployment, Key("shop", "web-primary"))
    assert reason(made) == "FollowTargetNotReady"


# --- Argo Rollouts

HASH = "rollouts-pod-template-hash"


def test_a_rollout_is_followed_step_by_step() -> None:
    made = follows(ROLLOUT, rollout(stable="", current="a", steps=(20, None), step=0))
    for number in range(4):
        made.apply_pod(of("a", number, label=HASH))
    assert answered(made) == {"a": 100}
    made.apply_workload(rollout(steps=(20, None), step=0))
    assert answered(made) == {"a": 100}
    made.apply_pod(of("b", label=HASH))
    assert answered(made) == {"a": 80, "b": 20}
    made.apply_workload(rollout(steps=(20, None), step=1))
    for number in range(2):
        made.remove_pod(of("a", number, label=HASH).key)
    assert answered(made) == {"a": 80, "b": 20}
    made.apply_workload(rollout(steps=(20, None), step=2))
    made.apply_pod(of("b", 1, label=HASH))
    assert answered(made) == {"a": 50, "b": 50}
    made.remove_pod(of("a", 2, label=HASH).key)
    assert answered(made) == {"a": 33, "b": 67}
    made.apply_workload(rollout(stable="b", steps=(20, None), step=2))
    assert (answered(made), reason(made)) == ({"b": 100}, None)


def test_an_aborted_rollout_leaves_nothing_to_the_canary() -> None:
    made = follows(ROLLOUT, rollout(steps=(20, None), step=1))
    for version in "ab":
        made.apply_pod(of(version, label=HASH))
    assert answered(made) == {"a": 80, "b": 20}
    made.apply_workload(rollout(steps=(20, None), step=0, aborted=True))
    assert answered(made) == {"a": 100}


def test_blue_green_of_a_rollout() -> None:
    made = follows(ROLLOUT, rollout(strategy=Strategy.BLUE_GREEN, active="a"))
    for version in "ab":
        made.apply_pod(of(version, label=HASH))
    assert answered(made) == {"a": 100}
    made.apply_workload(rollout(strategy=Strategy.BLUE_GREEN, active="b"))
    assert answered(made) == {"b": 100}
    made.remove_workload(Rollout, WEB)
    assert (answered(made), reason(made)) == ({"b": 100}, "FollowTargetNotFound")


# --- what it costs


def test_a_workload_touches_only_those_who_follow_it() -> None:
    made = follows(BLUE_GREEN, deployment(1), replica_set("a", 1))
    made.apply_resource(resource("api", selector={"app": "api"}, release=BLUE_GREEN))
    made.apply_resource(resource("plain", selector={"app": "web"}))
    made.apply_resource(resource("rolled", selector={"app": "web"}, release=ROLLOUT))
    made.take_changes()
    made.apply_workload(replica_set("a", 1))
    assert made.take_changes() == {}
    made.apply_workload(deployment(5))
    assert set(made.take_changes()) == {WEB}
    assert made.followed_kinds == {Follow.DEPLOYMENT, Follow.ROLLOUT}


def test_who_follows_nothing_any_more_is_not_looked_for() -> None:
    made = follows(ROLLOUT)
    made.apply_resource(resource(generation=2))
    assert made.followed_kinds == set()
    assert entry(made).followed is None
    made.apply_workload(rollout())
    assert made.take_changes() == {}
