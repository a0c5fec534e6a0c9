"""The status of a service that follows a roll-out: what is answered, why, and what is remembered of it."""

import msgspec
import pytest

from rollcall.model import BlueGreen, Canary, Deployment, Follow, Release, ReleaseStatus, Step, Workload
from rollcall.status.release_status import steps_due_at
from unit.directory.rolling import WEB, deployment, flagger_canary, of, replica_set, rollout
from unit.status.cluster import KEY, World, condition, events, states
from unit.world import resource, service, zone

FOLLOWED = Release(follow=Follow.DEPLOYMENT)
ROLLED = (deployment(2), replica_set("a", 1), replica_set("b", 2))
STEPS = (Step(10, "1m"), Step(50, "1m"), Step(100))


def world(release: Release, *workloads: Workload) -> World:
    """Make a service that follows these workloads, with a pod of version a and one of version b."""
    made = World(zone(), service(), resource(release=release))
    assert release.follow is not None
    made.directory.set_follow_problem(release.follow, None)
    label = "rollouts-pod-template-hash" if release.follow is Follow.ROLLOUT else "pod-template-hash"
    made.put(of("a", label=label), of("b", label=label))
    return roll(made, *workloads)


def roll(made: World, *workloads: Workload) -> World:
    for workload in workloads:
        made.apply(workload)
    made.put()
    return made


@pytest.mark.parametrize(
    ("release", "workloads", "told"),
    [
        (FOLLOWED, ROLLED, "Answered as the Deployment web has it: all versions."),
        (
            msgspec.structs.replace(FOLLOWED, blue_green=BlueGreen()),
            ROLLED,
            "Answered as the Deployment web has it: b.",
        ),
        (
            msgspec.structs.replace(FOLLOWED, canary=Canary(weight=10)),
            ROLLED,
            "Answered as the Deployment web has it: a 90%, b 10%.",
        ),
        (
            msgspec.structs.replace(FOLLOWED, canary=Canary(weight=10)),
            (deployment(1), replica_set("a", 1)),
            "Answered as the Deployment web has it: a.",
        ),
        (
            Release(follow=Follow.ROLLOUT),
            (rollout(steps=(20, None), step=1),),
            "Answered as the Rollout web has it: a 80%, b 20%.",
        ),
    ],
)
def test_what_is_answered_and_whose_word_it_is(
    release: Release, workloads: tuple[Workload, ...], told: str
) -> None:
    status = world(release, *workloads).service()
    found = condition(status, "Released")
    assert found is not None
    assert (found["status"], found["reason"], found["message"]) == ("True", "Released", told)


def test_what_is_written_is_what_is_read_back() -> None:
    for release in (
        msgspec.structs.replace(FOLLOWED, blue_green=BlueGreen()),
        msgspec.structs.replace(FOLLOWED, canary=Canary(weight=10)),
    ):
        made = world(release, *ROLLED)
        entry = made.directory.get(KEY)
        assert entry is not None
        status = made.service()["release"]
        assert status["versionLabel"] == "pod-template-hash"
        assert msgspec.convert(status, ReleaseStatus).released == entry.released


def test_a_single_version_has_no_canary_and_its_name_alone() -> None:
    made = world(
        msgspec.structs.replace(FOLLOWED, canary=Canary(weight=10)), deployment(1), replica_set("a", 1)
    )
    status = made.service()["release"]
    assert status["summary"] == status["active"] == "a"
    assert not {"canary", "weight"} & status.keys()


def test_a_target_that_vanishes_is_told_and_changes_nothing_else() -> None:
    made = world(msgspec.structs.replace(FOLLOWED, blue_green=BlueGreen()), *ROLLED)
    before = made.service()
    made.directory.remove_workload(Deployment, WEB)
    made.put()
    after = made.service(before)
    assert states(after)["Released"] == ("False", "FollowTargetNotFound")
    assert states(after)["Ready"] == ("True", "Published")
    assert after["reason"] == "FollowTargetNotFound"
    assert {name: after[name] for name in ("release", "instances", "publications")} == {
        name: before[name] for name in ("release", "instances", "publications")
    }
    (event,) = events(before, after)
    assert (event.type, event.reason) == ("Warning", "FollowTargetNotFound")
    found = condition(after, "Released")
    assert found is not None
    assert found["message"] == (
        "There is no Deployment whose pods the selector app=web picks: create it, correct the selector, or"
        " remove spec.release.follow. b goes on being answered."
    )
    (event,) = events(after, roll(made, deployment(2)).service(after))
    assert (event.type, event.reason) == ("Normal", "Released")


def test_flagger_is_named() -> None:
    primary = deployment(
        1,
        "web-primary",
        owner="uid-canary",
        labels={"app": "web", "track": "primary"},
        selector={"track": "primary"},
    )
    target = deployment(1, labels={"app": "web", "track": "web"})
    made = world(FOLLOWED, target, primary, flagger_canary(30))
    made.put(*(of(version, label="track") for version in ("primary", "web")))
    found = condition(made.service(), "Released")
    assert found is not None
    assert found["message"] == "Answered as the Canary web of Flagger has it: primary 70%, web 30%."


class TestSteps:
    """The steps of a canary count from one roll-out to the next, and outlast a target that is gone."""

    RELEASE = msgspec.structs.replace(FOLLOWED, canary=Canary(steps=STEPS))

    def test_a_roll_out_starts_them_and_its_end_ends_them(self) -> None:
        made = world(self.RELEASE, deployment(1), replica_set("a", 1))
        first = made.service()
        assert "steps" not in first["release"]
        roll(made, replica_set("b", 2), deployment(2))
        rolling = made.service(first)
        assert rolling["release"]["steps"]["step"] == 1
        assert (rolling["release"]["steps"]["stable"], rolling["release"]["steps"]["canary"]) == ("a", "b")
        roll(made, replica_set("a", 1, 0))
        over = made.service(rolling)
        assert "steps" not in over["release"]
        assert states(over)["Released"] == ("True", "Released")
        assert over["release"]["summary"] == "b"

    def test_a_target_that_is_gone_for_a_while_starts_none_anew(self) -> None:
        made = world(self.RELEASE, *ROLLED)
        first = made.service()
        made.now += 61
        second = made.service(first)
        assert second["release"]["steps"]["step"] == 2
        made.directory.remove_workload(Deployment, WEB)
        made.put()
        made.now += 10
        gone = made.service(second)
        assert gone["release"]["steps"] == second["release"]["steps"]
        assert states(gone)["Released"] == ("False", "FollowTargetNotFound")
        back = roll(made, deployment(2)).service(gone)
        assert back["release"]["steps"] == second["release"]["steps"]
        entry = made.directory.get(KEY)
        assert entry is not None
        assert steps_due_at(entry, msgspec.convert(back["release"], ReleaseStatus)) is not None

    def test_what_to_do_at_the_end_of_the_steps_is_a_matter_of_the_roll_out(self) -> None:
        made = world(self.RELEASE, *ROLLED)
        status = made.service()
        for _ in STEPS:
            made.now += 61
            status = made.service(status)
        found = condition(status, "Released")
        assert found is not None
        assert found["reason"] == "StepsCompleted"
        assert "once the roll-out leaves no pods of a" in found["message"]
