"""When a worker runs octoDNS, and what it says; in virtual time."""

import asyncio

import pytest

from rollcall.propagation.report import TargetReport
from rollcall.publish.octodns.exchange import Failure, Outcome, SyncRequest
from rollcall.publish.octodns.worker import LAST_RETRY_SECONDS, REPAIR_SECONDS
from rollcall.zone.names import from_text
from unit.publish.octodns.publishing import Publishing
from unit.publish.octodns.zones import Domain, web

pytestmark = pytest.mark.looptime

SECRET = {"provider.yaml": b"class: a.B"}


class Runs:
    """Does the runs: notes when each began, takes some seconds, gives the outcomes one after another."""

    def __init__(self, *outcomes: Outcome | Exception, seconds: float = 0.5) -> None:
        self.begun: list[float] = []
        self.requests: list[SyncRequest] = []
        self.running = 0
        self.meanwhile: Publishing | None = None  # the zone changes there during each run
        self._outcomes = list(outcomes)
        self._seconds = seconds

    async def __call__(self, request: SyncRequest, limit_seconds: float) -> Outcome:
        assert self.running == 0
        self.running += 1
        self.begun.append(asyncio.get_running_loop().time())
        self.requests.append(request)
        if self.meanwhile:
            self.meanwhile.hold()
        await asyncio.sleep(self._seconds)
        self.running -= 1
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def publishing(self) -> Publishing:
        return Publishing(Domain(), SECRET, perform=self, unix_time=lambda: 42.0)

    def gaps(self) -> list[float]:
        return [after - before for before, after in zip(self.begun, self.begun[1:], strict=False)]


async def test_changes_during_a_run_are_one_run_after_a_second() -> None:
    runs = Runs(Outcome(created=3))
    publishing = runs.publishing()
    async with publishing.running():
        await asyncio.sleep(0.1)
        publishing.hold(*web("10.0.0.1"))
        publishing.hold(*web("10.0.0.2"))
        await asyncio.sleep(10)
    assert runs.gaps() == [pytest.approx(1.5)]
    assert [len(request.rrsets) for request in runs.requests] == [1, 4]
    assert [(report.reason, report.serial) for report in publishing.reports] == [
        ("Behind", 1),
        ("Current", 3),
    ]
    assert publishing.reports[-1] == TargetReport(
        "zone",
        publishing.domain.published.apex,
        "provider",
        3,
        42.0,
        "Current",
        "RRsets created: 3, changed: 0, deleted: 0.",
        healthy=True,
    )


async def test_a_change_after_a_rest_is_behind_until_it_is_published() -> None:
    runs = Runs(Outcome())
    publishing = runs.publishing()
    async with publishing.running():
        await asyncio.sleep(10)
        publishing.hold(*web("10.0.0.1"))
        await asyncio.sleep(0.1)
        assert publishing.reports[-1].reason == "Behind"
        await asyncio.sleep(1)
    assert publishing.reports[-1].reason == "Current"


async def test_the_zone_is_repaired_from_time_to_time() -> None:
    runs = Runs(Outcome())
    async with runs.publishing().running():
        await asyncio.sleep(3 * REPAIR_SECONDS)
    assert all(0.9 * REPAIR_SECONDS < gap <= REPAIR_SECONDS + 2 for gap in runs.gaps())
    assert len(runs.begun) >= 3


async def test_failures_are_tried_again_ever_more_seldom_whatever_changes() -> None:
    runs = Runs(Outcome(failure=Failure.PROVIDER, message="down"))
    publishing = runs.publishing()
    runs.meanwhile = publishing
    async with publishing.running():
        await asyncio.sleep(3600)
    gaps = runs.gaps()
    assert gaps[0] < 3
    assert all(LAST_RETRY_SECONDS / 2 <= gap <= LAST_RETRY_SECONDS + 1 for gap in gaps[10:])
    last = publishing.reports[-1]
    assert (last.reason, last.message, last.serial, last.healthy) == ("ProviderFailed", "down", 0, False)


async def test_a_new_secret_is_tried_at_once_and_only_ours_counts() -> None:
    runs = Runs(*[Outcome(failure=Failure.ACCESS)] * 50)
    publishing = runs.publishing()
    async with publishing.running():
        await asyncio.sleep(1200)
        before = len(runs.begun)
        # A wait that has just begun is over minutes later, and not by chance while the test looks.
        while len(runs.begun) == before:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(1)
        tried = len(runs.begun)
        publishing.give(dict(SECRET))
        await asyncio.sleep(10)
        assert len(runs.begun) == tried
        publishing.give({"provider.yaml": b"class: a.C"})
        await asyncio.sleep(1)
        assert len(runs.begun) == tried + 1
    assert runs.requests[-1].settings == {"provider.yaml": b"class: a.C"}


async def test_without_a_secret_nothing_runs_until_there_is_one() -> None:
    runs = Runs(Outcome())
    publishing = runs.publishing()
    publishing.secret = None
    async with publishing.running():
        await asyncio.sleep(1000)
        assert publishing.reports[-1].reason == "SecretNotFound"
        assert runs.begun == []
        publishing.give(SECRET)
        await asyncio.sleep(0.1)
        assert len(runs.begun) == 1


async def test_a_failure_keeps_what_was_published_last() -> None:
    runs = Runs(Outcome(), Outcome(failure=Failure.UNSAFE, message="no"), Outcome())
    publishing = runs.publishing()
    async with publishing.running():
        await asyncio.sleep(2)
        publishing.hold(*web("10.0.0.1"))
        await asyncio.sleep(1)
        assert (publishing.reports[-1].reason, publishing.reports[-1].serial) == ("UnsafePlan", 1)
        await asyncio.sleep(10)
    assert (publishing.reports[-1].reason, publishing.reports[-1].serial) == ("Current", 2)


async def test_names_that_are_taken_need_somebody() -> None:
    name = "web.shop.k8s.example.com."
    runs = Runs(Outcome(taken=name, taken_names=(from_text(name),), left_out="x (SRV)"))
    publishing = runs.publishing()
    async with publishing.running():
        await asyncio.sleep(1)
    last = publishing.reports[-1]
    assert (last.reason, last.healthy, last.serial) == ("NamesTaken", False, 1)
    assert "web.shop.k8s.example.com." in last.message
    assert "x (SRV)" in last.message
    assert [each.names for each in last.partial] == [{from_text(name)}], "all others are there"


async def test_a_process_that_cannot_be_started_is_tried_again() -> None:
    runs = Runs(OSError("no memory"), Outcome())
    publishing = runs.publishing()
    async with publishing.running():
        await asyncio.sleep(5)
    assert [report.reason for report in publishing.reports] == ["RunFailed", "Current"]
