"""Which release is in force: what is asked for, and what was there before where that can't be followed."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory import Directory
from rollcall.directory.release import decide, follows, shares
from rollcall.model import BlueGreen, Canary, Key, Release, Released, Strategy
from unit.world import pod, resource, service

BLUE = Released(Strategy.BLUE_GREEN, "blue")
GREEN_AFTER_BLUE = Released(Strategy.BLUE_GREEN, "green", "blue")
ALL = Released()
CANARY = Released(Strategy.CANARY, "blue", canary="green", weight=10)


def blue_green(active: str, min_ready: int = 1) -> Release:
    return Release(blue_green=BlueGreen(active, min_ready))


def canary(weight: int, stable: str = "blue", version: str = "green") -> Release:
    return Release(canary=Canary(stable, version, weight))


@pytest.mark.parametrize(
    ("ask", "before", "available", "released", "reason"),
    [
        (Release(), None, {}, ALL, None),
        (Release(), GREEN_AFTER_BLUE, {}, Released(previous="green"), None),
        # blue/green
        (blue_green("green"), BLUE, {"blue": 1, "green": 1}, GREEN_AFTER_BLUE, None),
        (blue_green("green", 3), BLUE, {"blue": 1, "green": 2}, BLUE, "TooFewReady"),
        (blue_green("gren"), BLUE, {"blue": 1, "green": 2}, BLUE, "VersionNotReady"),
        (blue_green("green", 3), GREEN_AFTER_BLUE, {"green": 1}, GREEN_AFTER_BLUE, None),
        (blue_green("green"), GREEN_AFTER_BLUE, {"blue": 1}, GREEN_AFTER_BLUE, "VersionNotReady"),
        (
            blue_green("blue"),
            GREEN_AFTER_BLUE,
            {"blue": 1},
            Released(Strategy.BLUE_GREEN, "blue", "green"),
            None,
        ),
        # all versions were answered before: they go on until the version is ready
        (blue_green("green"), ALL, {"blue": 1}, ALL, "VersionNotReady"),
        (blue_green("green"), ALL, {"green": 1}, Released(Strategy.BLUE_GREEN, "green"), None),
        # nothing was ever answered: what is asked for holds from the beginning
        (blue_green("blue"), None, {"green": 5}, BLUE, "VersionNotReady"),
        (blue_green("blue", 3), None, {"blue": 1}, BLUE, None),
        # canary
        (canary(10), BLUE, {"blue": 9, "green": 1}, CANARY, None),
        (canary(10), BLUE, {"blue": 9}, CANARY, "CanaryNotReady"),
        (canary(0), BLUE, {"blue": 9}, Released(Strategy.CANARY, "blue", canary="green"), None),
        (canary(10, stable="bleu"), BLUE, {"blue": 9, "green": 1}, BLUE, "VersionNotReady"),
        (canary(100), BLUE, {"blue": 9}, BLUE, "VersionNotReady"),
        (canary(10), CANARY, {"green": 1}, CANARY, "StableNotReady"),
        (canary(10), None, {}, CANARY, "CanaryNotReady"),
        (
            canary(0, "green", "red"),
            CANARY,
            {"green": 1},
            Released(Strategy.CANARY, "green", "blue", "red"),
            None,
        ),
    ],
)
def test_decisions(
    ask: Release, before: Released | None, available: dict[str, int], released: Released, reason: str | None
) -> None:
    decision = decide(ask, before, available)
    assert decision.released == released
    assert (decision.problem.reason if decision.problem else None) == reason
    assert decision.is_refused is not follows(released, ask)


def test_a_refusal_says_what_goes_on_and_what_there_is() -> None:
    problem = decide(blue_green("gren"), BLUE, {"blue": 3, "green": 2}).problem
    assert problem is not None
    for part in ("gren", "blue goes on", "blue (3), green (2)"):
        assert part in problem.message


@pytest.mark.parametrize(
    ("weight", "available", "expected"),
    [
        (10, {"blue": 1, "green": 1}, {"blue": 90, "green": 10}),
        (0, {"blue": 1, "green": 1}, {"blue": 100}),
        (100, {"blue": 1, "green": 1}, {"green": 100}),
        (10, {"blue": 1}, {"blue": 100}),
        (10, {"green": 1}, {"green": 100}),
        (0, {"green": 1}, {"blue": 100}),
        (100, {"blue": 1}, {"blue": 100}),
    ],
)
def test_the_whole_goes_to_the_side_that_is_there(
    weight: int, available: dict[str, int], expected: dict[str, int]
) -> None:
    released = Released(Strategy.CANARY, "blue", canary="green", weight=weight)
    assert shares(released, available) == expected


versions = st.sampled_from(("blue", "green", "red"))
asks = st.one_of(
    st.just(Release()),
    st.builds(lambda v, n: Release(blue_green=BlueGreen(v, n)), versions, st.integers(1, 3)),
    st.builds(
        lambda v, w: Release(canary=Canary(v[0], v[1], w)),
        st.permutations(("blue", "green", "red")),
        st.sampled_from((0, 1, 50, 100)),
    ),
)
counts = st.dictionaries(versions, st.integers(1, 4))
stories = st.lists(st.tuples(asks, counts), max_size=8)


@given(stories, asks, counts)
def test_deciding_again_changes_nothing_and_a_switch_never_leads_to_nothing(
    story: list[tuple[Release, dict[str, int]]], ask: Release, available: dict[str, int]
) -> None:
    before = Released()
    for asked, there in story:
        before = decide(asked, before, there).released
    decision = decide(ask, before, available)
    assert decide(ask, decision.released, available) == decision, "the same after a restart"
    assert decision.released.active != decision.released.previous or not decision.released.active

    def reached(released: Released) -> int:
        answered = shares(released, available)
        return sum(available.values()) if answered is None else sum(available.get(v, 0) for v in answered)

    before_sides = (before.strategy, before.active, before.canary)
    if reached(before) and not reached(decision.released):
        now = decision.released
        assert (now.strategy, now.active, now.canary) == before_sides, "only a weight of 0 may do that"
        assert now.weight == 0
    if decision.is_refused:
        assert decision.released == before
        assert decision.problem is not None


@pytest.mark.parametrize(
    ("ask", "read_from"),
    [
        (Release(), "the label app.kubernetes.io/version or version"),
        (Release(version_label="track"), "the label track"),
    ],
)
@pytest.mark.parametrize(
    "strategy",
    [{"blue_green": BlueGreen("green")}, {"canary": Canary("v1", "green", 10)}],
    ids=lambda strategy: next(iter(strategy)),
)
@pytest.mark.parametrize("available", [{}, {"blue": 2}])
def test_what_is_refused_or_has_nobody_says_which_label_was_read(ask, read_from, strategy, available) -> None:
    wanted = msgspec.structs.replace(ask, **strategy)
    for before in (None, Released(), Released(Strategy.BLUE_GREEN, "blue")):
        problem = decide(wanted, before, available).problem
        assert problem is not None
        assert read_from in problem.message
        assert ("spec.release.versionLabel" in problem.message) == (not available and not ask.version_label)


def test_a_pod_without_the_label_says_which_one_it_lacks() -> None:
    directory = Directory()
    directory.apply_service(service())
    directory.apply_resource(resource(release=Release("track", BlueGreen("blue"))))
    directory.apply_pod(pod("none", labels={"app": "web", "version": "blue"}))
    directory.apply_pod(pod("blue", labels={"app": "web", "track": "blue"}))
    directory.take_changes()
    directory.apply_pod(pod("late", labels={"app": "web"}))
    directory.take_changes()
    entry = directory.get(Key("shop", "web"))
    assert entry is not None
    told = {key.name: instance.message for key, instance in entry.instances.items()}
    assert told.pop("blue") == ""
    assert all(
        "A pod without the label track, which versions are read from, is not" in each
        for each in told.values()
    )
