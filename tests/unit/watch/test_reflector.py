"""One scripted trouble a test, on virtual time; the server knows nothing of the reflector's rules."""

import asyncio
import logging
from collections.abc import Mapping
from itertools import pairwise

import pytest

from rollcall.kube import BadAnswer, Forbidden, NotFound, ServerError, TooManyRequests, Unreachable
from rollcall.model import Key, Pod
from rollcall.watch import DISCOVERY_ZONES, PODS, Batch, Reflector
from unit.watch.following import following, settle
from unit.watch.scripted import EXPIRED, ScriptedServer, pod

pytestmark = pytest.mark.looptime

BROKEN = Unreachable("GET /api/v1/pods: connection refused")
REFUSED = Forbidden("GET /api/v1/pods", 403, "Forbidden", 'pods is forbidden: cannot list resource "pods"')


def server_with(*names: str) -> ScriptedServer:
    server = ScriptedServer()
    for name in names:
        server.put(pod(name, f"uid-{name}"))
    return server


async def test_lists_in_pages_then_follows() -> None:
    server = server_with(*"abcdefgh")
    async with following(server) as (reflector, consumer):
        assert not reflector.synced.is_set()
        await reflector.synced.wait()
        assert consumer.names() == set("abcdefgh")
        assert [what for _, what, _ in server.requests].count("list") == 3
        assert [batch.live for batch in consumer.batches] == [False] * 3
        await settle()
        server.put(pod("i", "uid-i"))
        server.put(pod("a", "uid-a", ready=False))
        server.delete("b")
        await settle()
        assert consumer.names() == set("acdefghi")
        assert consumer.state[Key("shop", "a")].ready is False
        assert consumer.batches[-1].live
        assert reflector.lists == 1


async def test_a_burst_is_one_batch_and_a_flip_comes_at_once() -> None:
    server = server_with("a")
    async with following(server) as (_, consumer):
        await settle()
        for number in range(50):
            server.put(pod(f"b{number}", f"uid-b{number}"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [len(batch.changes) for batch in consumer.batches] == [1, 50]


async def test_an_update_of_nothing_that_we_read_is_not_passed_on() -> None:
    server = server_with("a")
    async with following(server) as (reflector, consumer):
        await settle()
        server.put(pod("a", "uid-a", annotations={"example.com/touched": "1"}))
        await settle()
        assert len(consumer.batches) == 1
        assert reflector.events["MODIFIED"] == 1


async def test_a_clean_end_resumes_at_once_from_the_last_version() -> None:
    server = server_with("a")
    async with following(server) as (reflector, consumer):
        await settle()
        server.put(pod("b", "uid-b"))
        await settle()
        before = asyncio.get_running_loop().time()
        server.cut("end")
        server.put(pod("c", "uid-c"))
        await asyncio.sleep(0.011)
        assert consumer.names() == {"a", "b", "c"}
        when, what, params = server.requests[-1]
        assert (when, what) == (before, "watch")
        assert params["resourceVersion"] == "3"
        assert params["allowWatchBookmarks"] == "true"
        assert reflector.restarts == {"Ended": 1}
        assert reflector.lists == 1


async def test_streams_that_end_without_a_word_are_not_reopened_in_a_rush() -> None:
    server = server_with("a")
    async with following(server):
        await settle()
        server.requests.clear()
        for _ in range(1000):
            server.cut("end")
            await asyncio.sleep(0.012)
        assert len(server.requests) < 10


async def test_the_watch_lasts_five_to_ten_minutes() -> None:
    server = server_with("a")
    async with following(server, draw=lambda low, high: (low + high) / 2) as (reflector, _):
        await settle()
        assert server.requests[-1][2]["timeoutSeconds"] == "450"
        await settle(1000)
        assert reflector.restarts == {"Ended": 2}


async def test_a_resource_version_from_a_bookmark_is_resumed_from() -> None:
    server = server_with("a")
    async with following(server) as (reflector, _):
        await settle()
        server.version = 40
        server.send_bookmark()
        await settle()
        server.cut("break")
        await settle()
        assert server.requests[-1][2]["resourceVersion"] == "40"
        assert reflector.restarts == {"Unreachable": 1}


async def test_a_silent_stream_is_given_up_after_the_missing_bookmark() -> None:
    server = server_with("a")
    async with following(server) as (reflector, consumer):
        await settle()
        server.cut("silence")
        server.put(pod("b", "uid-b"))
        await settle(70)
        assert consumer.names() == {"a"}
        await settle(6)
        assert consumer.names() == {"a", "b"}
        assert reflector.restarts == {"Inactive": 1}


async def test_bookmarks_keep_a_quiet_stream_open_and_its_age_low() -> None:
    server = server_with("a")
    async with following(server) as (reflector, _):
        await settle(590)
        assert reflector.restarts == {}
        assert reflector.events["BOOKMARK"] == 9
        assert 0 < reflector.age_seconds <= 60


async def test_a_quiet_resource_without_bookmarks_is_reconnected_and_not_old() -> None:
    server = server_with("a")
    server.progress = False
    async with following(server) as (reflector, _):
        await settle(590)
        assert reflector.restarts == {"Inactive": 7}
        assert reflector.age_seconds < 75
        assert reflector.lists == 1


async def test_a_silent_server_is_not_waited_for() -> None:
    class Frozen(ScriptedServer):
        async def list_page(self, path: str, params: Mapping[str, str]) -> bytes:
            if self.requests:
                await asyncio.sleep(1_000_000)
            return await super().list_page(path, params)

    server = Frozen(page_size=1000)
    async with following(server) as (reflector, _):
        await settle()
        server.cut("silence")
        await settle(85.2)
        assert reflector.restarts == {"Inactive": 1, "Unreachable": 1}


async def test_history_lost_before_the_watch_is_listed_again_with_deletions() -> None:
    server = server_with(*"abcdefgh")
    async with following(server) as (reflector, consumer):
        await settle()
        server.cut("break")
        await asyncio.sleep(0)
        server.delete("b")
        server.put(pod("c", "uid-of-another-c"))
        server.compact()
        await settle(5)
        assert consumer.names() == set("acdefgh")
        assert consumer.state[Key("shop", "c")].uid == "uid-of-another-c"
        changes = [(change.old, change.new) for batch in consumer.batches for change in batch.changes[-2:]]
        assert all(old is None or new is None for old, new in changes)
        assert reflector.lists == 2
        assert reflector.restarts == {"Unreachable": 1, "Expired": 1}


async def test_history_lost_in_mid_stream_is_listed_again() -> None:
    server = server_with("a", "b")
    async with following(server) as (reflector, consumer):
        await settle()
        server.put(pod("c", "uid-c"))
        server.send_error(EXPIRED)
        await asyncio.sleep(0)
        server.delete("a")
        server.compact()
        await settle(5)
        assert consumer.names() == {"b", "c"}
        assert reflector.events["ERROR"] == 1
        assert reflector.restarts == {"Expired": 1}


async def test_another_error_in_mid_stream_resumes() -> None:
    server = server_with("a")
    async with following(server) as (reflector, consumer):
        await settle()
        server.send_error(
            {"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd is gone"}
        )
        await settle()
        server.put(pod("b", "uid-b"))
        await settle()
        assert consumer.names() == {"a", "b"}
        assert reflector.lists == 1
        assert reflector.restarts == {"InternalError": 1}


async def test_the_whole_herd_does_not_list_again_at_once() -> None:
    server = server_with("a")
    draws: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        draws.append((low, high))
        return high

    async with following(server, draw=draw):
        await settle()
        server.send_error(EXPIRED)
        when = asyncio.get_running_loop().time()
        await settle(5)
        listed = [asked for asked, what, _ in server.requests if what == "list"]
        assert (0.0, 1.0) in draws
        assert listed[-1] == pytest.approx(when + 1.1)


async def test_an_expired_continue_token_starts_the_list_afresh() -> None:
    server = server_with(*"abcdefgh")
    async with following(server) as (reflector, consumer):
        await asyncio.sleep(0.015)
        assert consumer.names() == set("abc")
        server.delete("a")
        server.compact()
        await settle(5)
        assert consumer.names() == set("bcdefgh")
        assert reflector.lists == 1


async def test_a_partial_list_removes_nothing() -> None:
    server = server_with(*"abcdefgh")
    async with following(server) as (reflector, consumer):
        await settle()
        server.send_error(EXPIRED)
        await asyncio.sleep(0)
        server.delete("a")
        server.compact()
        await asyncio.sleep(1.105)  # the back-off, the jitter, and half of the first page's time
        assert server.requests[-1][1] == "list"
        server.failures.extend([BROKEN] * 20)
        await settle(15)
        assert server.failures, "the list must still be broken"
        assert consumer.names() == set("abcdefgh")
        assert reflector.synced.is_set()
        assert reflector.age_seconds > 10
        await settle(200)
        assert consumer.names() == set("bcdefgh")


async def test_nothing_is_removed_while_the_server_is_away() -> None:
    server = server_with("a", "b")
    async with following(server) as (reflector, consumer):
        await settle()
        server.failures.extend([BROKEN] * 1000)
        server.cut("break")
        await settle(3600)
        assert consumer.names() == {"a", "b"}
        assert reflector.age_seconds > 3600
        assert reflector.trouble is BROKEN
        server.failures.clear()
        server.delete("a")
        await settle(6)
        assert consumer.names() == {"b"}
        assert reflector.trouble is None


async def test_waits_double_to_five_seconds() -> None:
    server = server_with()
    server.failures.extend([BROKEN] * 10)
    async with following(server):
        await settle(60)
        times = [when for when, _, _ in server.requests]
        waits = [round(later - earlier, 1) for earlier, later in pairwise(times)]
        assert waits[:9] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.1), (3600.0, 60.1), (None, 0.1)])
async def test_too_many_requests_waits_as_asked_but_not_for_ever(asked: float | None, waited: float) -> None:
    server = server_with("a")
    server.failures.append(TooManyRequests("GET /api/v1/pods", 429, "TooManyRequests", "slow down", asked))
    async with following(server):
        await settle(70)
        assert server.requests[1][0] - server.requests[0][0] == pytest.approx(waited)


async def test_trouble_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rollcall.watch")
    server = server_with("a")
    missing = NotFound("GET /api/v1/pods", 404, "NotFound", "could not find the requested resource")
    server.failures.extend([BROKEN, BROKEN, REFUSED, REFUSED, REFUSED, missing])
    async with following(server) as (reflector, _):
        await settle(60)
        assert reflector.restarts == {"Unreachable": 2, "Forbidden": 3, "NotFound": 1}
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"pods: trying again until it works: {BROKEN}"),
        ("WARNING", f"pods: trying again until it works: {REFUSED}"),
        ("WARNING", f"pods: trying again until it works: {missing}"),
        ("INFO", "pods: works again"),
        ("INFO", "pods: synced, 1 object"),
    ]


async def test_trouble_ends_when_the_watch_is_accepted_not_with_its_first_event() -> None:
    server = server_with("a")
    async with following(server) as (reflector, _):
        await settle()
        server.failures.append(ServerError("GET /api/v1/pods", 500, "InternalError", "oops"))
        server.cut("break")
        await asyncio.sleep(0.11)
        assert reflector.trouble is not None
        await settle()
        assert reflector.trouble is None


async def test_an_object_that_cannot_be_read_is_told_once_and_keeps_its_last_state(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = server_with("a", "b")
    async with following(server) as (reflector, consumer):
        await settle()
        for _ in range(2):
            bad = pod("a", "uid-a")
            bad["status"]["podIP"] = 7
            server.put(bad, impossible=True)
            server.put(pod("b", "uid-b", ready=False))
            await settle()
        assert consumer.state[Key("shop", "a")].addresses == ("10.0.0.1",)
        assert consumer.state[Key("shop", "b")].ready is False
        assert list(reflector.view.malformed) == [Key("shop", "a")]
        messages = [record.getMessage() for record in caplog.records]
        assert len(messages) == 1
        assert messages[0].startswith("pods shop/a can't be read, its last good state stays: Expected `str`")
        server.send_error(EXPIRED)
        await settle(5)
        assert reflector.lists == 2
        assert consumer.names() == {"a", "b"}
        server.put(pod("a", "uid-a", ready=False))
        await settle()
        assert consumer.state[Key("shop", "a")].ready is False
        assert not reflector.view.malformed


async def test_an_object_that_cannot_be_read_can_be_deleted() -> None:
    server = server_with("a")
    async with following(server) as (reflector, consumer):
        await settle()
        server.put(pod("a", "uid-a", labels={"app": 1}), impossible=True)
        server.delete("a")
        await settle()
        assert consumer.names() == set()
        assert not reflector.view.malformed


async def test_a_broken_answer_is_tried_again() -> None:
    server = server_with("a")
    async with following(server) as (reflector, consumer):
        await settle()
        for queue in server._streams:
            queue.put_nowait(b'{"type":"MODIFIED","obj')
        server.put(pod("b", "uid-b"))
        await settle()
        assert consumer.names() == {"a", "b"}
        assert reflector.restarts == {"BadAnswer": 1}


async def test_a_server_restored_from_a_backup_is_listed_again() -> None:
    server = server_with(*"abcd")
    async with following(server) as (reflector, consumer):
        await settle()
        del server.objects["d"]
        server.restore(1)
        server.progress = False
        server.busy = True
        await settle(10)
        assert consumer.names() == set("abcd")
        await settle(30)
        assert consumer.names() == set("abc")
        assert reflector.restarts == {"Unreachable": 1, "Restored": 1}


async def test_an_old_copy_of_a_list_is_never_believed() -> None:
    server = server_with("a")
    async with following(server) as (reflector, consumer):
        await settle()
        copy = await server.list_page("", {})
        server.put(pod("b", "uid-b"))
        await settle()
        server.send_error(EXPIRED)
        server.spoil.extend([lambda _: copy] * 1000)
        await settle(600)
        assert consumer.names() == {"a", "b"}
        assert isinstance(reflector.trouble, BadAnswer)
        assert 100 < reflector.restarts["BadAnswer"] < 150, "tried again, every few seconds"
        server.spoil.clear()
        await settle(6)
        assert reflector.trouble is None


async def test_a_server_that_lost_its_history_and_went_back_is_listed_again() -> None:
    server = server_with(*"abcd")
    server.version = 100
    async with following(server) as (_, consumer):
        await settle()
        del server.objects["d"]
        server.busy = True
        server.send_error(EXPIRED)
        server.restore(1)
        await settle(8)
        assert consumer.names() == set("abcd"), "not before it has gone on from there"
        await settle(20)
        assert consumer.names() == set("abc")


async def test_an_event_from_before_is_a_broken_answer() -> None:
    server = server_with("a")
    async with following(server) as (reflector, consumer):
        await settle()
        old = server.history[-1][1]
        server.put(pod("a", "uid-a", ready=False))
        await settle()
        for queue in server._streams:
            queue.put_nowait(old)
        await settle()
        assert consumer.state[Key("shop", "a")].ready is False
        assert reflector.restarts == {"BadAnswer": 1}


async def test_age_is_infinite_before_the_first_list() -> None:
    reflector = Reflector(ScriptedServer(), PODS, lambda batch: None)
    assert reflector.age_seconds == float("inf")


async def test_one_namespace_only_where_there_are_namespaces() -> None:
    paths = []

    class Recorder(ScriptedServer):
        async def list_page(self, path: str, params: object) -> bytes:
            paths.append(path)
            raise BROKEN

    pods = Reflector(Recorder(), PODS, lambda batch: None, namespace="shop")
    zones = Reflector(Recorder(), DISCOVERY_ZONES, lambda batch: None, namespace="shop")
    for run in (pods.run, zones.run):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await run()
    assert paths == ["/api/v1/namespaces/shop/pods", "/apis/rollcall.dev/v1alpha1/discoveryzones"]


@pytest.mark.parametrize("live", [False, True])
async def test_what_the_consumer_raises_is_not_swallowed(live: bool) -> None:
    def fail(batch: Batch[Pod]) -> None:
        if batch.live is live:
            raise TimeoutError("a defect")

    server = server_with("a")
    asyncio.get_running_loop().call_later(1, lambda: server.put(pod("b", "uid-b")))
    with pytest.raises(TimeoutError, match="a defect"):
        await Reflector(server, PODS, fail).run()
