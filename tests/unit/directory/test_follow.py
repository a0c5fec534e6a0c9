"""What a roll-out asks for: Deployments, Rollouts of Argo Rollouts, Canaries of Flagger."""

import pytest

from rollcall.directory.follow import Followed, Scaling, settle
from rollcall.directory.follow_deployment import of_deployment, of_flagger
from rollcall.directory.follow_rollout import of_rollout
from rollcall.directory.release import follows
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
    RoutedWeight,
    Step,
    Strategy,
    UnweightedTargets,
)

BLUE_GREEN = Release(follow=Follow.DEPLOYMENT, blue_green=BlueGreen(min_ready=3))
CANARY = Release(follow=Follow.DEPLOYMENT, canary=Canary(weight=10))


def deployment(revision: int = 2, name: str = "web", **fields: object) -> Deployment:
    return Deployment(Key("shop", name), f"uid-{name}", revision=revision, **fields)  # type: ignore[arg-type]


def sets(*known: tuple[str, int, int]) -> list[ReplicaSet]:
    """Make ReplicaSets of (version, revision, replicas)."""
    return [
        ReplicaSet(Key("shop", f"web-{version}"), f"uid-{version}", "uid-web", version, revision, replicas)
        for version, revision, replicas in known
    ]


def test_without_a_strategy_only_the_label_comes_from_a_deployment() -> None:
    followed = of_deployment(Release(follow=Follow.DEPLOYMENT), deployment(revision=0), [])
    assert followed == Followed("Deployment web", "pod-template-hash", Release())


def test_the_replica_set_of_the_current_revision_is_active() -> None:
    followed = of_deployment(BLUE_GREEN, deployment(2), sets(("old", 1, 3), ("new", 2, 0)))
    assert isinstance(followed, Followed)
    assert followed.release == Release(blue_green=BlueGreen("new", 3))


@pytest.mark.parametrize(
    ("revision", "known", "before", "canary"),
    [
        pytest.param(2, [("a", 1, 3), ("b", 2, 1)], None, Canary("a", "b", 10), id="a roll-out"),
        pytest.param(1, [("a", 1, 3)], None, Canary("a"), id="the first one"),
        pytest.param(2, [("a", 1, 0), ("b", 2, 3)], "a", Canary("b"), id="it is over"),
        pytest.param(
            3, [("a", 1, 2), ("b", 2, 1), ("c", 3, 0)], "a", Canary("a", "c", 10), id="one after the other"
        ),
        pytest.param(
            3, [("a", 1, 2), ("b", 2, 1), ("c", 3, 0)], None, Canary("b", "c", 10), id="nothing remembered"
        ),
        pytest.param(
            3, [("a", 1, 0), ("b", 2, 1), ("c", 3, 0)], "a", Canary("b", "c", 10), id="stable has no pods"
        ),
        pytest.param(3, [("a", 3, 2), ("b", 2, 1)], "a", Canary("a"), id="undone half-way"),
        pytest.param(3, [("a", 3, 0), ("b", 2, 3)], "b", Canary("b", "a", 10), id="undone afterwards"),
    ],
)
def test_the_sides_of_a_canary(
    revision: int, known: list[tuple[str, int, int]], before: str | None, canary: Canary
) -> None:
    followed = of_deployment(CANARY, deployment(revision), sets(*known))
    assert isinstance(followed, Followed)
    in_force = Released(Strategy.CANARY, before) if before else None
    assert settle(followed, in_force, {}).canary == canary


def test_what_the_user_has_said_of_a_canary_stays() -> None:
    asked = Canary(unweighted_targets=UnweightedTargets.STABLE_ONLY, steps=(Step(5, "1m"), Step(100)))
    release = Release(follow=Follow.DEPLOYMENT, canary=asked)
    followed = of_deployment(release, deployment(2), sets(("a", 1, 3), ("b", 2, 1)))
    assert isinstance(followed, Followed)
    settled = settle(followed, None, {}).canary
    assert settled == Canary("a", "b", 0, UnweightedTargets.STABLE_ONLY, asked.steps)
    over = of_deployment(release, deployment(2), sets(("b", 2, 1)))
    assert isinstance(over, Followed)
    assert settle(over, None, {}).canary == Canary("b", "", 0, UnweightedTargets.STABLE_ONLY)


@pytest.mark.parametrize(
    ("revision", "known"),
    [
        pytest.param(0, [], id="nothing yet"),
        pytest.param(2, [("a", 1, 3)], id="the new one is not there yet"),
        pytest.param(1, [("a", 1, 3), ("b", 2, 0)], id="the new one is there already"),
        pytest.param(2, [("a", 3, 3), ("b", 2, 1)], id="the old one becomes the new one again"),
        pytest.param(2, [("", 2, 3)], id="no label"),
    ],
)
@pytest.mark.parametrize("ask", [BLUE_GREEN, CANARY])
def test_between_two_writes_of_the_deployment_controller_nothing_is_concluded(
    ask: Release, revision: int, known: list[tuple[str, int, int]]
) -> None:
    problem = of_deployment(ask, deployment(revision), sets(*known))
    assert isinstance(problem, Problem)
    assert problem.reason == "FollowTargetNotReady"
    assert "kubectl rollout status deployment web" in problem.message


CANARY_OF = Released(Strategy.CANARY, "a", canary="b", weight=10, version_label="pod-template-hash")


@pytest.mark.parametrize(
    ("ask", "released", "follows_it"),
    [
        (Release(follow=Follow.DEPLOYMENT), Released(), True),
        (Release(follow=Follow.DEPLOYMENT), CANARY_OF, True),
        (Release(follow=Follow.ROLLOUT), CANARY_OF, True),
        (BLUE_GREEN, Released(Strategy.BLUE_GREEN, "a"), True),
        (BLUE_GREEN, CANARY_OF, False),
        (BLUE_GREEN, Released(), False),
        (CANARY, CANARY_OF, True),
        (CANARY, Released(Strategy.CANARY, "b"), True),
        (Release(follow=Follow.DEPLOYMENT, canary=Canary(weight=20)), CANARY_OF, False),
        (Release(follow=Follow.DEPLOYMENT, canary=Canary(steps=(Step(100),))), CANARY_OF, True),
        (Release(canary=Canary("a", "b", 10)), CANARY_OF, True),
        (Release(canary=Canary("a", "c", 10)), CANARY_OF, False),
    ],
)
def test_of_what_a_roll_out_decides_nothing_is_asked(
    ask: Release, released: Released, follows_it: bool
) -> None:
    assert follows(released, ask) is follows_it


# --- Flagger

TARGET = deployment(labels={"app": "web", "team": "shop"}, selector={"app": "web"})
PRIMARY = deployment(
    name="web-primary",
    owner="uid-canary",
    labels={"app": "web-primary", "team": "shop"},
    selector={"app": "web-primary"},
)


def steered(weight: int = 0) -> FlaggerCanary:
    return FlaggerCanary(Key("shop", "web"), "uid-canary", "web", weight)


@pytest.mark.parametrize("weight", [0, 30, 100])
def test_flagger_says_the_weight_and_its_label_the_versions(weight: int) -> None:
    followed = of_flagger(Release(), steered(weight), TARGET, PRIMARY, covered=True)
    assert followed == Followed(
        "Canary web of Flagger", "app", Release(canary=Canary("web-primary", "web", weight))
    )


@pytest.mark.parametrize(
    ("ask", "primary", "covered", "reason", "told"),
    [
        (CANARY, PRIMARY, True, "FollowConflict", "remove blueGreen and canary"),
        (BLUE_GREEN, PRIMARY, True, "FollowConflict", "remove blueGreen and canary"),
        (Release(), None, False, "FollowTargetNotReady", "has not made its primary Deployment yet"),
        (Release(), PRIMARY, False, "FollowSelector", "labels that the pods of both have, so not to app"),
    ],
)
def test_what_flagger_can_not_be_followed_in(
    ask: Release, primary: Deployment | None, covered: bool, reason: str, told: str
) -> None:
    problem = of_flagger(ask, steered(), TARGET, primary, covered=covered)
    assert isinstance(problem, Problem)
    assert problem.reason == reason
    assert told in problem.message


# --- Argo Rollouts


def rollout(**fields: object) -> Rollout:
    usual = {"strategy": Strategy.CANARY, "stable": "a", "current": "b"}
    return Rollout(Key("shop", "web"), "uid-web", **(usual | fields))  # type: ignore[arg-type]


def test_the_active_selector_is_blue_green() -> None:
    followed = of_rollout(rollout(strategy=Strategy.BLUE_GREEN, active="a", stable="a"))
    assert followed == Followed(
        "Rollout web", "rollouts-pod-template-hash", Release(blue_green=BlueGreen("a"))
    )


@pytest.mark.parametrize(("stable", "current"), [("", "b"), ("b", "b")])
def test_a_rollout_that_is_over_has_one_version(stable: str, current: str) -> None:
    followed = of_rollout(rollout(stable=stable, current=current, steps=(20, None), step=1))
    assert isinstance(followed, Followed)
    assert followed.release == Release(canary=Canary("b"))


@pytest.mark.parametrize(
    "fields",
    [{"strategy": Strategy.NONE}, {"current": ""}, {"strategy": Strategy.BLUE_GREEN, "active": ""}],
)
def test_a_rollout_that_says_nothing_yet(fields: dict[str, object]) -> None:
    problem = of_rollout(rollout(**fields))
    assert isinstance(problem, Problem)
    assert problem.reason == "FollowTargetNotReady"


@pytest.mark.parametrize(
    ("fields", "scaling"),
    [
        ({"step": 0}, Scaling(0, 20)),
        ({"step": 1}, Scaling(20, 20)),
        ({"step": 2}, Scaling(20, 60)),
        ({"step": 3}, Scaling(60, 60)),
        ({"step": 4}, Scaling(60, 100)),
        ({"step": 9}, Scaling(60, 100)),
        ({"steps": ()}, Scaling(0, 100)),
        ({"steps": (None, 20), "step": 0}, Scaling(0, 0)),
        ({"steps": (60, 20), "step": 1}, Scaling(20, 60)),
        ({"step": 1, "promoted": True}, Scaling(20, 100)),
        ({"step": 3, "aborted": True}, Scaling(0, 0)),
    ],
)
def test_a_step_is_reached_when_it_is_passed(fields: dict[str, object], scaling: Scaling) -> None:
    followed = of_rollout(rollout(**({"steps": (20, None, 60, None)} | fields)))
    assert isinstance(followed, Followed)
    assert followed.scaling == scaling


@pytest.mark.parametrize(
    ("scaling", "available", "weight"),
    [
        (Scaling(20, 20), {"a": 4, "b": 1}, 20),
        (Scaling(1, 1), {"a": 1, "b": 1}, 1),
        (Scaling(0, 20), {"a": 5}, 0),
        (Scaling(0, 20), {"a": 9, "b": 1}, 10),
        (Scaling(0, 20), {"a": 1, "b": 1}, 20),
        (Scaling(60, 100), {"a": 1, "b": 9}, 90),
        (Scaling(60, 100), {"b": 9}, 100),
        (Scaling(0, 0), {"a": 1, "b": 9}, 0),
        (Scaling(0, 0), {"b": 9}, 100),
        (Scaling(0, 20), {}, 0),
    ],
)
def test_the_weight_moves_with_the_pods(scaling: Scaling, available: dict[str, int], weight: int) -> None:
    followed = Followed("", "", Release(canary=Canary("a", "b")), scaling=scaling)
    assert settle(followed, None, available).canary == Canary("a", "b", weight)


@pytest.mark.parametrize(
    ("routed", "weight"),
    [
        (RoutedWeight("b", 25), 25),
        (RoutedWeight("", 25), 25),
        (RoutedWeight("x", 25), 0),
        (RoutedWeight("b", 0), 0),
        (RoutedWeight("b", 100), 100),
        (RoutedWeight("b", 1, 1000), 1),
        (RoutedWeight("b", 999, 1000), 99),
        (RoutedWeight("b", 250, 1000), 25),
    ],
)
def test_a_traffic_router_has_the_weight_as_it_is(routed: RoutedWeight, weight: int) -> None:
    followed = of_rollout(rollout(steps=(20, 60), step=1, routed=routed))
    assert isinstance(followed, Followed)
    assert followed.release == Release(canary=Canary("a", "b", weight))
    assert followed.scaling is None
