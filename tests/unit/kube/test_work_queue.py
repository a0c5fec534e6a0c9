"""The queue under the status writer: how often, in which order, and after which failure; in virtual time."""

import asyncio
import logging
from itertools import pairwise

import pytest

from rollcall.kube import Forbidden, KubeError, TooManyRequests, Unreachable
from rollcall.kube.work_queue import CONCURRENCY, TryAgain, WorkQueue
from unit.running import running
from unit.status.fake_api import broken, forbidden, unreachable

pytestmark = pytest.mark.looptime


class Log:
    """Work that notes when it was done, and fails on command."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.done: list[tuple[str, float]] = []
        self.failures: dict[str, list[Exception]] = {}
        self.always: Exception | None = None
        self.repeat_seconds: float | None = None
        self.seconds = seconds
        self.under_way: set[str] = set()
        self.most = 0

    async def work(self, key: str) -> float | None:
        assert key not in self.under_way, "one piece of work an object at a time"
        self.under_way.add(key)
        self.most = max(self.most, len(self.under_way))
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way.remove(key)
        self.done.append((key, round(asyncio.get_running_loop().time(), 3)))
        if self.always:
            raise self.always
        if self.failures.get(key):
            raise self.failures[key].pop(0)
        return self.repeat_seconds

    def times(self, key: str) -> list[float]:
        return [at for done, at in self.done if done == key]


def namespace_of(key: str) -> str:
    """Take what comes before a slash; what has none is alone in a namespace of its own."""
    return key.partition("/")[0]


def queue_of(log: Log) -> WorkQueue[str]:
    return WorkQueue("status", log.work, namespace_of=namespace_of, draw=max)


async def test_one_mark_is_followed_up_soon() -> None:
    log = Log()
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(10)
    assert log.done == [("a", 0.2)]


async def test_a_burst_is_one_piece_of_work() -> None:
    log = Log()
    queue = queue_of(log)
    async with running(queue.run()):
        for _ in range(50):
            queue.mark("a")
            await asyncio.sleep(0.003)
        await asyncio.sleep(10)
    assert log.done == [("a", 0.2)]


async def test_what_goes_on_changing_is_worked_on_once_in_a_while() -> None:
    log = Log()
    queue = queue_of(log)
    async with running(queue.run()):
        for _ in range(1000):
            queue.mark("a")
            await asyncio.sleep(0.01)
        await asyncio.sleep(10)
    times = log.times("a")
    gaps = [after - before for before, after in pairwise(times)]
    assert len(times) == 15, "10 s of changes"
    assert all(0.5 <= gap <= 1.0 for gap in gaps)


async def test_a_mark_during_the_work_is_not_lost() -> None:
    log = Log(seconds=0.1)
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(0.25)
        assert log.under_way == {"a"}
        queue.mark("a")
        await asyncio.sleep(10)
    assert log.times("a") == [0.3, 1.15]


async def test_after_a_rest_it_is_as_quick_as_at_first() -> None:
    log = Log()
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(5)
        queue.mark("a")
        await asyncio.sleep(5)
    assert log.times("a") == [0.2, 5.2]


async def test_marks_before_it_runs_count() -> None:
    log = Log()
    queue = queue_of(log)
    queue.mark("a")
    await asyncio.sleep(5)
    assert (log.done, len(queue)) == ([], 1)
    async with running(queue.run()):
        await asyncio.sleep(1)
    assert (log.done, len(queue)) == ([("a", 5.0)], 0)


async def test_a_few_at_a_time() -> None:
    log = Log(seconds=1.0)
    queue = queue_of(log)
    async with running(queue.run()):
        for i in range(20):
            queue.mark(f"s{i}")
        await asyncio.sleep(10)
    assert log.most == CONCURRENCY == 4
    assert [at for _, at in log.done] == [at for at in (1.2, 2.2, 3.2, 4.2, 5.2) for _ in range(4)]


async def test_hot_objects_delay_no_other() -> None:
    """Ten objects that change all the time keep all places busy; the calm one still gets its turn."""
    log = Log(seconds=0.5)
    queue = queue_of(log)

    async def heat() -> None:
        while True:
            for i in range(10):
                queue.mark(f"hot{i}")
            await asyncio.sleep(0.01)

    async with running(queue.run(), heat()):
        await asyncio.sleep(3)
        queue.mark("calm")
        await asyncio.sleep(3)
    (at,) = log.times("calm")
    assert at <= 3 + 0.2 + 2 * 0.5
    counts = [len(log.times(f"hot{i}")) for i in range(10)]
    assert max(counts) - min(counts) <= 1


async def test_however_many_objects_a_namespace_has_those_of_others_have_their_turn() -> None:
    log = Log(seconds=0.01)
    queue = queue_of(log)
    async with running(queue.run()):
        for i in range(9000):
            queue.mark(f"crowd/{i}")
        await asyncio.sleep(1.0)
        for i in range(3):
            queue.mark(f"calm/{i}")
            queue.mark(f"other/{i}")
        before = len(log.done)
        await asyncio.sleep(0.5)
        order = [key.partition("/")[0] for key, _ in log.done[before:]]
        await asyncio.sleep(60)
    last = max(order.index(each) + 3 * 3 for each in ("calm", "other"))
    assert order[:last].count("calm") == order[:last].count("other") == 3, "they take turns from the first on"
    assert len(log.done) == 9006, "the crowd has its own in the meantime and afterwards"


async def test_a_failure_concerns_its_object_only(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    log.failures["bad"] = [broken() for _ in range(4)]
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("bad")
        queue.mark("good")
        await asyncio.sleep(60)
    assert log.times("good") == [0.2]
    assert log.times("bad") == [0.2, 1.2, 3.2, 7.2, 15.2]
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "status: bad: trying again until it works: PATCH: 500 InternalError: etcdserver: request timed out"
    ]


async def test_waits_stop_growing_and_start_over_after_success() -> None:
    log = Log()
    log.failures["a"] = [broken() for _ in range(10)]
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(600)
        times = log.times("a")
        assert times[-1] - times[-2] == 60
        log.failures["a"] = [broken()]
        queue.mark("a")
        await asyncio.sleep(10)
    assert log.times("a")[-2:] == [600.2, 601.2]


async def test_marks_do_not_cut_a_wait_short() -> None:
    log = Log()
    log.failures["a"] = [broken() for _ in range(3)]
    queue = queue_of(log)
    async with running(queue.run()):
        for _ in range(3000):
            queue.mark("a")
            await asyncio.sleep(0.01)
    assert log.times("a")[:5] == [0.2, 1.2, 3.2, 7.2, 7.95]


async def test_a_remedy_cuts_a_wait_short() -> None:
    log = Log()
    log.failures["a"] = [broken() for _ in range(5)]
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(10)
        assert log.times("a") == [0.2, 1.2, 3.2, 7.2]
        queue.retry("a")
        await asyncio.sleep(5)
    assert log.times("a")[4:] == [10.2, 11.2], "and the waits start over"


async def test_a_remedy_during_the_work_that_fails_is_not_lost() -> None:
    log = Log(seconds=0.1)
    log.failures["a"] = [broken() for _ in range(4)]
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(7.55)
        assert log.under_way == {"a"}
        queue.retry("a")
        await asyncio.sleep(5)
    assert log.times("a") == [0.3, 1.4, 3.5, 7.6, 8.45]


async def test_no_wait_is_longer_than_the_longest() -> None:
    log = Log()
    log.failures["broken"] = [broken() for _ in range(9)]
    log.failures["forbidden"] = [forbidden("forbidden") for _ in range(9)]
    queue = WorkQueue("status", log.work, namespace_of=namespace_of, longest_retry_seconds=30.0, draw=max)
    async with running(queue.run()):
        queue.mark("broken")
        queue.mark("forbidden")
        await asyncio.sleep(130)
    assert log.times("broken") == [0.2, 1.2, 3.2, 7.2, 15.2, 31.2, 61.2, 91.2, 121.2]
    assert log.times("forbidden") == [0.2, 5.2, 15.2, 35.2, 65.2, 95.2, 125.2]


async def test_what_is_to_be_looked_at_again_is() -> None:
    log = Log()
    log.repeat_seconds = 100.0
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(250)
        assert log.times("a") == [0.2, 100.2, 200.2]
        assert len(queue) == 0, "nothing waits"
        queue.mark("a")
        await asyncio.sleep(150)
        assert log.times("a")[3:] == [250.2, 350.2], "a mark doesn't wait for it"
        log.repeat_seconds = None
        await asyncio.sleep(500)
        assert log.times("a")[5:] == [450.2]
        assert not queue._entries
        assert not queue._line
        assert not queue._due
        assert not queue._turns


async def test_one_that_gets_no_answer_while_others_do_delays_none() -> None:
    log = Log()

    async def work(key: str) -> None:
        if key.startswith("stuck"):
            await asyncio.sleep(15)
            log.failures.setdefault(key, []).append(unreachable())
        await log.work(key)

    queue = WorkQueue("status", work, namespace_of=namespace_of, draw=max)
    async with running(queue.run()):
        for i in range(CONCURRENCY - 1):
            queue.mark(f"stuck{i}")
        for _ in range(100):
            queue.mark("good")
            await asyncio.sleep(1)
    assert len(log.times("good")) == 100
    assert log.times("stuck0") == [15.2, 31.2, 48.2, 67.2, 90.2], "each time it waits longer"


def stuck_or_logged(log: Log) -> WorkQueue[str]:
    """Return a queue for which objects named `stuck…` never get an answer."""

    async def work(key: str) -> None:
        if key.startswith("stuck"):
            await asyncio.sleep(15)
            log.done.append((key, round(asyncio.get_running_loop().time(), 3)))
            raise unreachable()
        await log.work(key)

    return WorkQueue("files", work, namespace_of=namespace_of, draw=max)


@pytest.mark.parametrize("stuck", [1, 2, 3])
async def test_those_that_get_no_answer_delay_no_other_though_nothing_else_succeeds_meanwhile(
    stuck: int,
) -> None:
    """What is marked only when the last success is long ago waits as little as ever."""
    log = Log()
    queue = stuck_or_logged(log)
    async with running(queue.run()):
        for number in range(stuck):
            queue.mark(f"stuck{number}")
        marked = []
        for moment in range(12):
            await asyncio.sleep(47.3 + moment / 3)
            marked.append(asyncio.get_running_loop().time())
            queue.mark("good")
        await asyncio.sleep(30)
    waits = [done - at for done, at in zip(log.times("good"), marked, strict=True)]
    assert max(waits) <= 0.2 + 0.002
    tries = log.times("stuck0")
    assert max(after - before for before, after in pairwise(tries)) <= 15 + 15 + 0.5, (
        "it is tried all the same"
    )


@pytest.mark.parametrize("namespaces", [1, 2])
async def test_a_namespace_whose_objects_get_no_answer_delays_no_other(namespaces: int) -> None:
    """However many objects that are: from the first moment on there is room for those of others."""
    log = Log()
    queue = stuck_or_logged(log)
    async with running(queue.run()):
        for number in range(100):
            queue.mark(f"stuck{number % namespaces}/{number}")
        marked = []
        for moment in range(60):
            await asyncio.sleep(1.3)
            marked.append(asyncio.get_running_loop().time())
            queue.mark(f"good{moment}/a")
        await asyncio.sleep(30)
    waits = [log.times(f"good{moment}/a")[0] - at for moment, at in enumerate(marked)]
    assert max(waits) <= 0.2 + 0.002
    assert len({key for key, _ in log.done if key.startswith("stuck")}) > 10, "they are tried all the same"


async def test_one_alone_waits_no_longer_for_an_api_server_than_many() -> None:
    log = Log()
    log.always = unreachable()
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(600)
        log.always = None
        log.done.clear()
        await asyncio.sleep(15.5)
    assert len(log.done) == 1


@pytest.mark.parametrize(
    "error", [unreachable(), TooManyRequests("PATCH", 429, "TooManyRequests", "later")], ids=type
)
async def test_an_outage_is_waited_for_together(error: KubeError, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = Log()
    log.always = error
    queue = queue_of(log)
    async with running(queue.run()):
        for i in range(100):
            queue.mark(f"s{i}")
        await asyncio.sleep(60)
        assert len(log.done) <= (CONCURRENCY + 1) * 9, "a few probes after each wait, not a hundred"
        log.always = None
        log.done.clear()
        await asyncio.sleep(16)
    assert {key for key, _ in log.done} == {f"s{i}" for i in range(100)}, "nothing is lost"
    assert len({at for _, at in log.done}) == 1, "none is held back longer than the others"
    told = [record.getMessage().split(":")[1] for record in caplog.records]
    if isinstance(error, Unreachable):
        assert told.pop(0) == " s0", "it may be a matter of the first one alone"
    assert told == [" waiting for the API server", " works again"]


async def test_retry_after_is_heeded() -> None:
    log = Log()
    log.failures["a"] = [TooManyRequests("PATCH", 429, "TooManyRequests", "later", 7.0)]
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(1)
        queue.mark("b")
        await asyncio.sleep(20)
    assert log.times("a") == [0.2, 7.7]
    assert log.times("b") == [7.7]


async def test_a_missing_right_is_told_once_by_name(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    for i in range(10):
        log.failures[f"s{i}"] = [forbidden(f"s{i}"), forbidden(f"s{i}")]
    queue = queue_of(log)
    async with running(queue.run()):
        for i in range(10):
            queue.mark(f"s{i}")
        await asyncio.sleep(30)
    assert log.times("s0") == [0.2, 5.2, 15.2]
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert 'cannot patch resource "serviceinstances/status"' in record.getMessage()


async def test_a_refusal_that_is_no_missing_right_is_told_as_what_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = Log()
    message = "unable to create new content in namespace shop because it is being terminated"
    log.failures["a"] = [Forbidden("POST", 403, "Forbidden", message)]
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(30)
    (record,) = caplog.records
    assert "being terminated" in record.getMessage()
    assert "right" not in record.getMessage()


async def test_many_that_fail_alike_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    for i in range(100):
        log.failures[f"s{i}"] = [broken()]
    queue = queue_of(log)
    async with running(queue.run()):
        for i in range(100):
            queue.mark(f"s{i}")
        await asyncio.sleep(30)
    assert len(log.done) == 200
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


async def test_a_mistake_of_ours_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    log.failures["a"] = [KeyError("oops")]
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        queue.mark("b")
        await asyncio.sleep(10)
    assert log.times("b") == [0.2]
    assert log.times("a") == [0.2, 1.2]
    (record,) = caplog.records
    assert record.getMessage() == "status: a"
    assert record.exc_info is not None


async def test_what_was_said_elsewhere_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    log.failures["a"] = [TryAgain(), TryAgain()]
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(10)
    assert log.times("a") == [0.2, 1.2, 3.2]
    assert not caplog.records


async def test_it_forgets_what_has_come_to_rest() -> None:
    log = Log()
    queue = queue_of(log)
    async with running(queue.run()):
        for i in range(100):
            queue.mark(f"s{i}")
        await asyncio.sleep(10)
        assert not queue._entries
        assert not queue._line
        assert not queue._due
        assert not queue._turns


async def test_an_outage_holds_while_it_lasts_whatever_is_marked() -> None:
    log = Log()
    log.always = Unreachable("PATCH: no answer in time")
    queue = queue_of(log)
    async with running(queue.run()):
        for i in range(1000):
            queue.mark(f"s{i}")
            await asyncio.sleep(0.1)
    assert len(log.done) <= (CONCURRENCY + 1) * 12


async def test_what_was_cut_off_is_worked_on_when_it_runs_again() -> None:
    log = Log(seconds=1.0)
    queue = queue_of(log)
    async with running(queue.run()):
        queue.mark("a")
        await asyncio.sleep(0.5)
    assert log.done == []
    async with running(queue.run()):
        await asyncio.sleep(10)
    assert [key for key, _ in log.done] == ["a"]
