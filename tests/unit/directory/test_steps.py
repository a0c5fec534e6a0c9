"""A canary with steps: when it goes on, when it is held, when it goes back; the time is an argument."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory.eligibility import Criteria, judge
from rollcall.directory.steps import PodCounts, advance, count_pods, in_step, next_advance
from rollcall.model import Canary, Instance, Progress, Release, Step, duration_seconds, unix_seconds
from unit.world import pod

START = 1_800_000_000.0
STEPS = (Step(5, "10s"), Step(25, "1m"), Step(100, "30s"))
ASK = Canary("v1", "v2", steps=STEPS, rollback_after="2m")
WELL = PodCounts(4, 4, 0)
ILL = PodCounts(4, 2, 0)


class Story:
    """A canary that is looked at again and again, by whoever leads: all that is kept is the status."""

    def __init__(self, ask: Canary = ASK) -> None:
        self.ask = ask
        self.progress: Progress | None = None

    def at(self, after: float, now: PodCounts = WELL) -> str:
        """Look so many seconds after the start; return step and state."""
        self.progress = advance(self.ask, self.progress, now, START + after)
        return f"{self.progress.step} {self.progress.state}"

    @property
    def weight(self) -> int:
        canary = in_step(Release(canary=self.ask), self.progress).canary
        assert canary is not None
        assert not canary.steps
        return canary.weight


def test_a_canary_that_does_well_takes_each_step_after_its_pause() -> None:
    story = Story()
    assert story.weight == 5, "the first step is in force before anybody has written it down"
    assert story.at(0) == "1 Progressing"
    assert story.at(9.9) == "1 Progressing"
    assert (story.at(10), story.weight) == ("2 Progressing", 25)
    assert story.at(69) == "2 Progressing"
    assert (story.at(70), story.weight) == ("3 Progressing", 100)
    assert (story.at(100), story.weight) == ("3 Completed", 100)
    assert story.at(1000, ILL) == "3 Completed", "it is over"


def test_who_comes_back_late_takes_one_step_and_gives_it_its_whole_pause() -> None:
    story = Story()
    story.at(0)
    assert story.at(5000) == "2 Progressing"
    assert story.at(5059) == "2 Progressing"
    assert story.at(5060) == "3 Progressing"


def test_a_clock_that_is_behind_the_one_before_makes_no_pause_shorter() -> None:
    story = Story()
    story.at(100.2)
    assert story.at(50) == "1 Progressing"
    assert story.at(110.9) == "1 Progressing", "whole seconds are kept, rounded up"
    assert story.at(111) == "2 Progressing"


def test_too_few_ready_pods_hold_a_step_and_its_pause_begins_anew_after_that() -> None:
    story = Story()
    story.at(0)
    assert story.at(8, ILL) == "1 Holding"
    assert story.progress is not None
    assert "2 of 4 instances of v2 are ready" in story.progress.message
    assert story.weight == 5
    assert story.at(60, ILL) == "1 Holding"
    assert story.at(61) == "1 Progressing"
    assert story.progress.message == ""
    assert story.at(70) == "1 Progressing"
    assert story.at(71) == "2 Progressing"


def test_three_of_four_are_enough_by_default() -> None:
    story = Story()
    assert story.at(0, PodCounts(4, 3, 0)) == "1 Progressing"
    assert story.at(10, PodCounts(4, 3, 0)) == "2 Progressing"


def test_too_few_for_too_long_takes_the_canary_out_for_good() -> None:
    story = Story()
    story.at(0)
    story.at(10)
    assert story.at(20, ILL) == "2 Holding"
    assert story.at(139, ILL) == "2 Holding"
    assert (story.at(140, ILL), story.weight) == ("2 RolledBack", 0)
    assert (story.at(1000), story.weight) == ("2 RolledBack", 0), "it stays out when it recovers"


def test_readiness_that_comes_and_goes_holds_it_and_does_not_take_it_out() -> None:
    story = Story()
    story.at(0)
    for after in range(8, 400, 8):
        assert story.at(after, ILL if after % 16 else WELL) in ("1 Holding", "1 Progressing")


def test_one_restart_holds_a_step_until_it_has_been_quiet_for_long_enough() -> None:
    story = Story()
    story.at(0, PodCounts(4, 4, 7))
    assert story.at(5, PodCounts(4, 4, 8)) == "1 Holding"
    assert story.at(124, PodCounts(4, 4, 8)) == "1 Holding"
    assert story.at(125, PodCounts(4, 4, 8)) == "1 Progressing"
    assert story.at(135, PodCounts(4, 4, 8)) == "2 Progressing"


def test_a_restart_that_makes_a_pod_unready_for_a_moment_is_one_restart() -> None:
    story = Story()
    story.at(0, PodCounts(2, 2, 0))
    assert story.at(5, PodCounts(2, 1, 0)) == "1 Holding"
    assert story.at(15, PodCounts(2, 1, 1)) == "1 Holding"
    assert story.at(20, PodCounts(2, 2, 1)) == "1 Holding"
    assert story.at(134, PodCounts(2, 2, 1)) == "1 Holding"
    assert story.at(135, PodCounts(2, 2, 1)) == "1 Progressing"


def test_restarts_that_go_on_take_it_out_though_enough_pods_are_ready() -> None:
    story = Story()
    story.at(0)
    for number, after in enumerate((5, 15, 35, 75), start=1):
        assert story.at(after, PodCounts(4, 4, number)) == "1 Holding"
    assert story.at(124, PodCounts(4, 4, 4)) == "1 Holding"
    assert story.at(130, PodCounts(4, 3, 5)) == "1 RolledBack"
    assert story.progress is not None
    assert "restarting since 2027-01-15T08:00:05Z" in story.progress.message


def test_restarts_that_are_far_apart_are_not_one_spell() -> None:
    story = Story()
    story.at(0)
    for number, after in enumerate(range(5, 2000, 121), start=1):
        assert story.at(after, PodCounts(4, 4, number)) == "1 Holding"


def test_restarts_of_pods_that_are_gone_are_forgotten_and_those_of_old_count_for_nothing() -> None:
    story = Story()
    story.at(0, PodCounts(4, 4, 50))
    assert story.at(5, PodCounts(4, 4, 3)) == "1 Progressing"
    assert story.at(10, PodCounts(4, 4, 3)) == "2 Progressing"
    assert story.at(11, PodCounts(4, 4, 4)) == "2 Holding"


def test_a_canary_without_pods_is_waited_for() -> None:
    story = Story()
    none = PodCounts(0, 0, 0)
    assert story.at(0, none) == "1 Holding"
    assert story.progress is not None
    assert next_advance(ASK, story.progress) is None
    assert story.at(5000, none) == "1 Holding"
    assert story.at(5001) == "1 Progressing"


def test_another_version_begins_at_the_first_step() -> None:
    story = Story()
    story.at(0)
    story.at(20, ILL)
    assert story.at(140, ILL) == "1 RolledBack"
    story.ask = Canary("v1", "v3", steps=STEPS)
    assert story.weight == 5
    assert story.at(150) == "1 Progressing"


def test_steps_that_are_rewritten_on_the_way_count_from_where_it_is() -> None:
    story = Story()
    story.at(0)
    story.at(10)
    story.ask = Canary("v1", "v2", steps=(Step(10, "10s"), Step(30, "5m"), Step(100)))
    assert (story.at(70), story.weight) == ("2 Progressing", 30)
    story.ask = Canary("v1", "v2", steps=(Step(100),))
    assert (story.at(71), story.weight) == ("1 Completed", 100)


def instance(name: str, version: str = "v2", **fields: Any) -> Instance:
    labels = {"app": "web", "version": version}
    return judge(pod(name, labels=labels, **fields), Criteria("web", (), ("version",)))


def test_which_pods_count() -> None:
    instances = [
        instance("a", restarts=2),
        instance("b", ready=False, restarts=1),
        instance("c", phase="Pending", ready=None, address=""),
        instance("d", deleting=True, restarts=5),
        instance("f", drain="true", restarts=5),
        instance("g", version="v1", restarts=5),
    ]
    assert count_pods(instances, "v2") == PodCounts(3, 1, 3)


looks = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.builds(PodCounts, st.integers(0, 4), st.integers(0, 4), st.integers(0, 9)),
    ),
    max_size=60,
)


@given(looks)
def test_no_step_is_repeated_or_left_out_whatever_happens(story: list[tuple[int, PodCounts]]) -> None:
    told = Story()
    after, seen, times = 0.0, [0], [0.0]
    for wait, now in story:
        after += wait
        told.at(after, now)
        assert told.progress is not None
        again = advance(ASK, told.progress, now, START + after)
        assert again == told.progress, "looking again at the same time changes nothing"
        if told.progress.step != seen[-1]:
            seen.append(told.progress.step)
            times.append(after)
        if (due := next_advance(ASK, told.progress)) is not None:
            assert advance(ASK, told.progress, now, due) != told.progress, "an alarm has a cause"
    assert all(b - a == 1 for a, b in pairwise(seen))
    for number, (a, b) in enumerate(pairwise(times)):
        if number:
            assert b - a >= duration_seconds(STEPS[number - 1].pause)


@given(looks)
def test_between_two_alarms_nothing_happens_by_itself(story: list[tuple[int, PodCounts]]) -> None:
    told = Story()
    after = 0.0
    for wait, now in story:
        after += wait
        told.at(after, now)
        assert told.progress is not None
        due = next_advance(ASK, told.progress)
        until = START + after + 500 if due is None else due - 0.001
        if until > START + after:
            assert advance(ASK, told.progress, now, until) == told.progress
        assert unix_seconds(told.progress.since) <= START + after + 1
