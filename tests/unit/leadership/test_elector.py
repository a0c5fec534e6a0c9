"""Elections in virtual time: one leads at a time, whatever happens to the API server or to a candidate."""

import asyncio
import logging
from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import waiting
from rollcall.kube import Forbidden, KubeError, ServerError, TooManyRequests, Unreachable
from rollcall.leadership.elector import NotLeading, holder_identity
from rollcall.leadership.lease import MAX_TRANSITIONS, lease_name
from rollcall.leadership.no_election import NoElection
from thorough import examples
from unit.leadership.candidates import Candidate, candidates
from unit.leadership.lease_server import LeaseServer, Line
from unit.running import running

pytestmark = pytest.mark.looptime

BAD_LINES: list[Line] = ["down", "hangs", "loses answers"]
NOTHING_HELD = {"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 4}


def now() -> float:
    return asyncio.get_running_loop().time()


async def until(condition: Callable[[], bool]) -> float:
    """Wait until something holds; return the seconds that it took."""
    began = now()
    await waiting.until(condition, seconds=100)
    return now() - began


async def leads(candidate: Candidate) -> float:
    return await until(lambda: candidate.leads)


async def lost(candidate: Candidate) -> float:
    return await until(lambda: not candidate.elector.leading)


async def test_the_first_one_makes_the_lease_and_renews_it() -> None:
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, b)):
        await asyncio.sleep(60)
        assert (a.elector.leading, b.elector.leading) == (True, False)
        assert (a.elector.epoch, a.elector.holder, b.elector.holder) == (1, "a", "a")
        assert (
            server.spec.items()
            >= {
                "holderIdentity": "a",
                "leaseDurationSeconds": 15,
                "leaseTransitions": 1,
            }.items()
        )
        renewed = [at for at, _ in server.history]
        assert all(1.5 < late - early < 2.6 for early, late in pairwise(renewed))
        assert len({spec["renewTime"] for _, spec in server.history}) == len(server.history)
        assert len({spec["acquireTime"] for _, spec in server.history}) == 1
    assert witness.terms == [("a", 1)]


async def test_a_clean_exit_lets_the_next_one_in_at_once() -> None:
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, b)):
        await asyncio.sleep(10)
        a.ending_seconds = 3.0
        began = now()
        await a.stop()
        assert not witness.at_work
        assert now() - began >= 3.0, "it ends when what it does has ended"
        assert await leads(b) < 2.6
        assert [spec["holderIdentity"] for at, spec in server.history if at < began + 3] == ["a"] * len(
            [at for at, _ in server.history if at < began + 3]
        ), "the Lease is let go of after the work has ended"
    assert witness.terms == [("a", 1), ("b", 2)]
    assert server.spec["holderIdentity"] == ""


async def test_a_renewal_under_way_at_exit_does_not_keep_the_lease() -> None:
    """Its answer is lost, but it had effect: the resourceVersion that we know is an old one."""
    server = LeaseServer()
    async with candidates(server, "a") as (_, (a,)):
        await asyncio.sleep(5)
        a.client.line = "loses answers"
        stored = len(server.history)
        await until(lambda: len(server.history) > stored)
        a.client.line = "good"
        await a.stop()
        assert server.spec["holderIdentity"] == ""


async def test_a_crash_costs_the_duration_of_the_lease() -> None:
    """Nobody lets go of the Lease: it has to run out, by the clock of the one who waits."""
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, b)):
        await asyncio.sleep(10)
        a.client.line = "down"  # its end reaches nobody
        await a.stop()
        assert 12.0 < await leads(b) < 20.0
    assert witness.terms == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("line", BAD_LINES)
async def test_an_outage_longer_than_the_deadline_costs_leadership(line: Line) -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (witness, (a,)):
        await asyncio.sleep(10)
        a.client.line = line
        a.ending_seconds = 1.0
        assert 7.0 < await lost(a) < 12.5
        assert witness.at_work == {"a"}
        await asyncio.sleep(20)
        assert not witness.at_work
        assert isinstance(a.elector.trouble, Unreachable)
        a.client.line = "good"
        assert await leads(a) < 10
        assert a.elector.trouble is None
        assert a.elector.epoch > 1, "a new term has a new epoch, though nobody else led"


async def test_a_short_outage_costs_nothing() -> None:
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, b)):
        for line in BAD_LINES:
            await asyncio.sleep(10)
            a.client.line, b.client.line = line, line
            await asyncio.sleep(5)
            a.client.line = b.client.line = "good"
        await asyncio.sleep(10)
        assert a.elector.leading
    assert witness.terms == [("a", 1)]


async def test_one_that_stood_still_knows_before_anything_else_happens() -> None:
    """Its timers have not run yet: only the clock tells."""
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, _)):
        await asyncio.sleep(10)
        assert a.elector.leading
        a.slept_seconds += 20.0
        assert not a.elector.leading
        assert not await a.elector.confirm()
        assert await until(lambda: len(witness.terms) == 2) < 20
        assert witness.terms[1] in (("a", 2), ("b", 2))


async def test_a_late_answer_does_not_bring_a_term_back() -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (_, (a,)):
        await asyncio.sleep(10)
        a.ending_seconds = 3.0
        stopping = asyncio.ensure_future(a.stop())
        confirming = asyncio.ensure_future(a.elector.confirm())
        await asyncio.sleep(1)
        assert not await confirming
        assert not a.elector.leading
        await stopping


async def test_one_that_was_deposed_stops_at_its_next_renewal() -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (witness, (a,)):
        await asyncio.sleep(10)
        server.store({**server.spec, "holderIdentity": "c", "leaseTransitions": 9, "renewTime": "t"})
        assert await lost(a) < 2.6
        assert a.elector.epoch == 1, "the epoch of another is not ours"
        assert 13 < await leads(a) < 20
        assert witness.terms == [("a", 1), ("a", 10)]


async def test_a_lease_that_was_released_by_hand_is_lost() -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (witness, (a,)):
        await asyncio.sleep(10)
        server.store({**server.spec, "holderIdentity": None})
        await lost(a)
        await leads(a)
        assert witness.terms == [("a", 1), ("a", 2)]


async def test_a_lease_that_was_deleted_is_made_again_by_who_holds_it() -> None:
    """Others who have seen it wait for as long as its holder may believe that it leads."""
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, _)):
        for _ in range(20):
            await asyncio.sleep(3.3)
            server.delete()
        await asyncio.sleep(3)
        assert a.elector.leading
        assert server.spec["leaseTransitions"] == 1
    assert witness.terms == [("a", 1)]


async def test_a_deleted_lease_of_one_that_is_gone_runs_out() -> None:
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, b)):
        await asyncio.sleep(10)
        a.client.line = "down"
        server.delete()
        assert 10 < await leads(b) < 20
        await asyncio.sleep(1)
    assert witness.terms == [("a", 1), ("b", 2)], "the epoch goes on, though the Lease was forgotten"


@pytest.mark.parametrize("spec", [None, {}, NOTHING_HELD, {"holderIdentity": None, "renewTime": None}])
async def test_a_lease_that_nobody_holds(spec: dict[str, object] | None) -> None:
    server = LeaseServer()
    server.store(spec)
    async with candidates(server, "a") as (witness, (a,)):
        await asyncio.sleep(1)
        assert a.elector.leading
    assert witness.terms == [("a", (spec or {}).get("leaseTransitions", 0) + 1)]  # type: ignore[operator]  # ints


async def test_another_promise_than_ours_is_kept() -> None:
    server = LeaseServer()
    server.store({"holderIdentity": "c", "leaseDurationSeconds": 40})
    async with candidates(server, "a") as (_, (a,)):
        assert 39 < await leads(a) < 43


async def test_what_others_wrote_into_the_lease_stays_and_costs_nothing() -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (witness, _):
        await asyncio.sleep(10)
        server.store({**server.spec, "strategy": "OldestEmulationVersion"}, labels={"team": "dns"})
        await asyncio.sleep(10)
        assert server.spec["strategy"] == "OldestEmulationVersion"
        assert server.lease is not None
        assert server.lease["metadata"]["labels"] == {"team": "dns"}
    assert witness.terms == [("a", 1)]


async def test_a_lease_that_can_not_be_read_is_nobodys_to_take() -> None:
    server = LeaseServer()
    server.store({"holderIdentity": 7})
    async with candidates(server, "a") as (witness, (a,)):
        await asyncio.sleep(60)
        assert not witness.terms
        assert "can't be read" in str(a.elector.trouble)
        server.store({"holderIdentity": ""})
        await leads(a)


def refusals() -> list[KubeError]:
    return [
        Forbidden("PATCH /x", 403, "Forbidden", "leases is forbidden: rollcall cannot patch leases"),
        ServerError("PATCH /x", 500, "InternalError", "etcdserver: request timed out"),
        TooManyRequests("PATCH /x", 429, "TooManyRequests", "slow down", 3.0),
    ]


@pytest.mark.parametrize("error", refusals(), ids=lambda error: type(error).__name__)
async def test_refusals_are_survived_for_a_while_and_said_once(
    error: KubeError, caplog: pytest.LogCaptureFixture
) -> None:
    server = LeaseServer()
    # At even times no request begins so late in the term that its time is over before the answer can come.
    async with candidates(server, "a", draw=lambda low, high: (low + high) / 2) as (witness, (a,)):
        await asyncio.sleep(10)
        a.client.failures.extend([error] * 2)
        await until(lambda: not a.client.failures)
        await until(lambda: a.elector.trouble is None)
        assert a.elector.leading
        assert len(witness.terms) == 1
        a.client.failures.extend([error] * 100)
        assert await lost(a) < 12.5
        await asyncio.sleep(60)
        a.client.failures.clear()
        await leads(a)
    assert len(witness.terms) == 2
    said = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(said) == 2
    assert all(str(error) in each.getMessage() for each in said)


async def test_it_waits_as_long_as_it_was_asked_to() -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (_, (a,)):
        await asyncio.sleep(10)
        asked = refusals()[2]
        a.client.failures.append(asked)
        await until(lambda: not a.client.failures)
        before = len(a.client.requests)
        assert await until(lambda: len(a.client.requests) > before) >= 3.0 * 0.8


async def test_work_that_breaks_gives_the_lease_to_another(caplog: pytest.LogCaptureFixture) -> None:
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, _)):
        await asyncio.sleep(10)
        a.breaks.set()
        await asyncio.sleep(10)
        assert len(witness.terms) == 2
    assert "what the leader does broke" in caplog.text
    assert "a defect" in caplog.text


async def test_work_that_does_not_end_in_time_is_said(caplog: pytest.LogCaptureFixture) -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (_, (a,)):
        await asyncio.sleep(10)
        a.ending_seconds = 8.0
        a.client.line = "down"
        await asyncio.sleep(30)
        a.client.line = "good"
    assert "others may have led before what we did had ended" in caplog.text


async def test_confirm_asks_now_and_once_for_all_who_ask() -> None:
    server = LeaseServer()
    async with candidates(server, "a", "b") as (_, (a, b)):
        await asyncio.sleep(10)
        before = len(a.client.requests)
        await until(lambda: len(a.client.requests) > before)
        await asyncio.sleep(0.5)  # that was a renewal: it is over, and the next one more than a second away
        before = len(a.client.requests)
        assert await asyncio.gather(*(a.elector.confirm() for _ in range(50))) == [True] * 50
        assert len(a.client.requests) == before + 2, "one for the first, one for those who came while it ran"
        first = asyncio.ensure_future(a.elector.confirm())
        await asyncio.sleep(0.005)
        assert await a.elector.confirm(), "what was sent before the question answers another one"
        assert await first
        assert len(a.client.requests) == before + 4
        assert not await b.elector.confirm()


async def test_confirm_finds_out_that_another_leads() -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (_, (a,)):
        await asyncio.sleep(10)
        server.store({**server.spec, "holderIdentity": "c"})
        assert not await a.elector.confirm()
        assert not a.elector.leading


async def test_confirm_without_an_answer_is_no() -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (_, (a,)):
        await asyncio.sleep(10)
        a.client.line = "hangs"
        began = now()
        assert not await a.elector.confirm()
        assert now() - began < 4.1
        assert a.elector.leading, "it still holds what it was given"
        a.client.line = "good"


async def test_the_epoch_is_raised_above_one_that_was_seen() -> None:
    server = LeaseServer()
    async with candidates(server, "a", "b") as (witness, (a, b)):
        await asyncio.sleep(10)
        assert await a.elector.raise_epoch(41) == 42
        assert server.spec["leaseTransitions"] == 42
        assert await a.elector.raise_epoch(7) == 42
        await asyncio.sleep(10)
        assert server.spec["leaseTransitions"] == 42
        with pytest.raises(NotLeading):
            await b.elector.raise_epoch(50)
        await a.stop()
        await leads(b)
    assert witness.terms == [("a", 1), ("b", 43)]


async def test_an_epoch_that_could_not_be_raised() -> None:
    server = LeaseServer()
    async with candidates(server, "a") as (_, (a,)):
        await asyncio.sleep(10)
        with pytest.raises(NotLeading, match="no epoch is above"):
            await a.elector.raise_epoch(MAX_TRANSITIONS)
        a.client.line = "down"
        with pytest.raises(NotLeading, match="connection refused"):
            await a.elector.raise_epoch(41)
        assert a.elector.epoch == 1
        a.client.line = "loses answers"
        with pytest.raises(NotLeading, match="no answer"):
            await a.elector.raise_epoch(41)
        a.client.line = "good"
        await asyncio.sleep(5)
        assert a.elector.epoch == server.spec["leaseTransitions"] == 42, "it had effect after all"
        server.store({**server.spec, "holderIdentity": "c"})
        with pytest.raises(NotLeading, match="c holds it now"):
            await a.elector.raise_epoch(50)


async def test_a_lease_that_has_counted_to_its_end() -> None:
    server = LeaseServer()
    server.store({"holderIdentity": "", "leaseTransitions": MAX_TRANSITIONS})
    async with candidates(server, "a") as (_, (a,)):
        await asyncio.sleep(1)
        assert a.elector.leading
        assert a.elector.epoch == MAX_TRANSITIONS


def test_no_two_processes_are_one_holder() -> None:
    assert holder_identity() != holder_identity()


@pytest.mark.parametrize(
    ("identity", "name"), [("rollcall", "rollcall"), ("Prod.eu_1", "prod-eu-1"), ("a.-b", "a--b")]
)
def test_the_lease_is_named_after_the_installation(identity: str, name: str) -> None:
    assert lease_name(identity) == name


async def test_the_sole_writer() -> None:
    began: list[int] = []

    async def lead(epoch: int) -> None:
        began.append(epoch)
        if len(began) == 1:
            raise RuntimeError("a defect")
        await asyncio.Event().wait()

    writer = NoElection(lead)
    async with running(writer.run()):
        await asyncio.sleep(10)
        assert began == [0, 0]
        assert writer.leading
        assert await writer.confirm()
        assert writer.epoch == 0
        assert await writer.raise_epoch(6) == writer.epoch == 7
        assert await writer.raise_epoch(3) == 7


# --- any story -----------------------------------------------------------------------------------------

NAMES = "abc"
Step = Callable[[LeaseServer, Candidate], None]


def put_line(line: Line) -> Step:
    def step(_: LeaseServer, candidate: Candidate) -> None:
        candidate.client.line = line

    return step


def fail(error: KubeError) -> Step:
    return lambda _, candidate: candidate.client.failures.append(error)


def breaks(_: LeaseServer, candidate: Candidate) -> None:
    candidate.breaks.set()


def ends_in(seconds: float) -> Step:
    def step(_: LeaseServer, candidate: Candidate) -> None:
        candidate.ending_seconds = seconds

    return step


def touched(server: LeaseServer, _: Candidate) -> None:
    if server.lease is not None:
        server.store(server.spec, annotations={"touched": "yes"})


steps = st.one_of(
    st.sampled_from(["good", *BAD_LINES]).map(put_line),
    st.sampled_from(refusals()).map(fail),
    st.sampled_from([0.0, 2.0, 4.0]).map(ends_in),
    st.just(breaks),
    st.just(touched),
)
stories = st.lists(
    st.tuples(steps, st.sampled_from(NAMES), st.sampled_from([0.0, 0.013, 0.5, 3.0, 9.0, 16.0])), max_size=30
)


@settings(max_examples=examples(100))
@given(story=stories, seed=st.integers(0, 2**32))
async def test_whatever_happens_one_leads_at_a_time(story: list[tuple[Step, str, float]], seed: int) -> None:
    server = LeaseServer()
    async with candidates(server, *NAMES, draw=Random(seed).uniform) as (_, started):
        by_name = {each.name: each for each in started}
        for step, name, seconds in story:
            step(server, by_name[name])
            await asyncio.sleep(seconds)
        for each in started:
            each.client.line = "good"
            each.client.failures.clear()
        await asyncio.sleep(60)
        assert sum(each.elector.leading for each in started) == 1, "in the end there is a leader"
    counted = [spec["leaseTransitions"] for _, spec in server.history]
    assert counted == sorted(counted), "the epoch never goes back"
