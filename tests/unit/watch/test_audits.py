"""A history that was exchanged behind our back is found out, another costs little; in virtual time."""

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.kube import Unreachable
from rollcall.model import Key
from rollcall.watch import PODS, Reflector
from rollcall.watch.audits import CALM_SECONDS, LIST_SECONDS, REST_SECONDS
from thorough import examples
from unit.running import running
from unit.watch.following import MOST, following, settle
from unit.watch.scripted import ScriptedServer, pod
from unit.watch.test_converges import held

pytestmark = pytest.mark.looptime

BROKEN = Unreachable("GET /api/v1/pods: connection refused")
FOUND_SECONDS = 30.0
"""Of a list of one page: until the audit, and the time that an event may take."""


def server_with(*names: str) -> ScriptedServer:
    server = ScriptedServer()
    for name in names:
        server.put(pod(name, f"uid-{name}"))
    return server


def lists(server: ScriptedServer) -> int:
    return sum(what == "list" and "continue" not in params for _, what, params in server.requests)


async def test_a_restored_server_that_has_overtaken_us_is_found_out_and_listed_again() -> None:
    server = server_with("a", "b", "c")
    async with following(server) as (reflector, consumer):
        await settle()
        backup = dict(server.objects)
        server.put(pod("d", "uid-d"))
        server.put(pod("a", "uid-a", ready=False))
        server.delete("c")
        await settle()
        consumer.removed.clear()  # a backup raises the dead
        assert consumer.names() == {"a", "b", "d"}
        server.overtake(backup, 500)
        await settle(FOUND_SECONDS)
        assert consumer.names() == {"a", "b", "c"}
        assert consumer.state[Key("shop", "a")].ready is True
        assert reflector.restarts == {"Unreachable": 1, "Restored": 1}
        assert reflector.audits.results == {"Differs": 1}


async def test_a_watch_that_ends_before_its_time_is_suspected_too() -> None:
    server = server_with("a", "b")
    async with following(server) as (_, consumer):
        await settle(20)
        del server.objects["b"]
        server.cut("end")
        await settle(FOUND_SECONDS)
        assert consumer.names() == {"a"}


async def test_one_that_nobody_noticed_is_found_in_an_hour() -> None:
    server = server_with("a", "b")
    async with following(server) as (_, consumer):
        await settle()
        del server.objects["b"]
        await settle(CALM_SECONDS[1] - 10)
        assert consumer.names() == {"a", "b"}
        await settle(90)  # its watch may end meanwhile
        assert consumer.names() == {"a"}


async def test_where_nothing_differs_nothing_is_listed_again_whatever_goes_on_meanwhile() -> None:
    server = server_with(*(f"a{number}" for number in range(40)))
    async with following(server) as (reflector, consumer):
        await settle()
        server.cut("break")
        for number in range(400):
            name = f"a{number % 50}"
            if number % 7 == 0 and name in server.objects:
                server.delete(name)
            else:
                server.put(pod(name, f"uid-{number // 50}-{name}", ready=number % 2 == 0))
            await settle(0.1)
        await settle(FOUND_SECONDS)
        assert reflector.audits.results == {"Same": 1}
        assert reflector.lists == 1
        assert consumer.state == held(server)


async def test_however_often_watches_break_audits_are_rare() -> None:
    server = server_with("a")
    async with following(server) as (reflector, _):
        await settle()
        for _ in range(1000):
            server.cut("break")
            await settle(12)
        assert 1 <= lists(server) <= 2 + 1000 * 12 / REST_SECONDS
        await settle(60)
        assert reflector.audits.results["Same"] >= 1


async def test_in_calm_there_is_one_within_an_hour() -> None:
    server = server_with("a")
    async with following(server) as (reflector, _):
        await settle(9.5 * 3600)
        assert 10 <= lists(server) <= 19, "one that its watch outlived, and one that it didn't"
        assert reflector.audits.results == {"Same": 9}


async def test_an_audit_that_fails_removes_nothing_and_is_tried_again() -> None:
    server = server_with("a", "b", "c", "d", "e")
    async with following(server) as (reflector, consumer):
        await settle()
        server.cut("break")
        await settle(10)
        server.failures.append(BROKEN)
        server.spoil.extend([lambda page: page, lambda _: b'{"metadata":{}}'])
        await settle(60)
        assert reflector.audits.results["Failed"] == 2
        assert reflector.audits.results["Same"] == 1
        assert reflector.lists == 1
        assert consumer.names() == set("abcde")


async def test_a_large_list_is_read_before_the_server_forgets_its_moment() -> None:
    server = server_with(*(f"a{number}" for number in range(300)))
    server.page_size = 1
    async with following(server) as (reflector, _):
        await settle(10)
        server.cut("break")
        server.requests.clear()
        await settle(300)
        pages = [at for at, what, _ in server.requests if what == "list"]
        assert len(pages) == 300
        assert pages[-1] - pages[0] < LIST_SECONDS
        assert reflector.audits.results == {"Same": 1}


uids = count()
names = st.sampled_from("abcdef")
Step = Callable[[ScriptedServer], None]


def remove(server: ScriptedServer, name: str) -> None:
    if name in server.objects:
        server.delete(name)


def flip(server: ScriptedServer, name: str, ready: bool) -> None:
    known = server.objects.get(name)
    server.put(pod(name, known["metadata"]["uid"] if known else f"uid-{next(uids)}", ready=ready))


steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.builds(lambda name, ready: lambda server: flip(server, name, ready), names, st.booleans()),
        st.builds(lambda name: lambda server: remove(server, name), names),
    ),
    max_size=8,
)


@settings(max_examples=examples(200))
@given(before=steps, lost=steps, missed=steps, later=steps, is_ahead=st.booleans())
async def test_whatever_was_lost_and_missed_the_view_ends_where_the_server_is(
    before: list[Step], lost: list[Step], missed: list[Step], later: list[Step], is_ahead: bool
) -> None:
    server = ScriptedServer(page_size=2, busy=True)
    server.version = 100
    reflector = Reflector(server, PODS, lambda _: None, draw=MOST)
    async with running(reflector.run()):
        for step in before:
            step(server)
        await settle(30)
        backup, version = dict(server.objects), server.version
        for step in lost:
            step(server)
        server.version += 100
        server.send_bookmark()
        await settle(5)
        server.overtake(backup, 1000 if is_ahead else version)
        for step in missed:
            step(server)
        if is_ahead:
            server.version = 2000
            server.history.clear()
        await settle(3)
        for step in later:
            step(server)
        await settle(120)
        assert reflector.view.objects == held(server)
