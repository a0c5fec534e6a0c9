"""Whatever happens in whatever order, the consumer ends where the server is, and loses nothing on the way."""

import asyncio
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.kube import Gone, KubeError, NotFound, ServerError, TooManyRequests, Unreachable
from rollcall.model import Key, Pod
from rollcall.watch import PODS
from thorough import examples
from unit.watch.following import following
from unit.watch.scripted import EXPIRED, ScriptedServer, pod

DOING = "GET /api/v1/pods"
ERRORS: list[KubeError] = [
    Unreachable(f"{DOING}: no answer in time"),
    ServerError(DOING, 500, "InternalError", "oops"),
    ServerError(DOING, 503, "ServiceUnavailable", "starting", 1),
    TooManyRequests(DOING, 429, "TooManyRequests", "slow down", 2),
    NotFound(DOING, 404, "NotFound", "no such kind"),
    Gone(DOING, 410, "Expired", "too old resource version"),
]
INTERNAL = {"kind": "Status", "code": 500, "reason": "InternalError", "message": "oops"}

Step = Callable[[ScriptedServer], None]
"""Does something to the server."""

_uids = count()


def flip(server: ScriptedServer, name: str, ready: bool) -> None:
    known = server.objects.get(name)
    uid = known["metadata"]["uid"] if known else f"uid-{next(_uids)}"
    server.put(pod(name, uid, ready=ready))


def recreate(server: ScriptedServer, name: str) -> None:
    server.put(pod(name, f"uid-{next(_uids)}"))


def delete(server: ScriptedServer, name: str) -> None:
    if name in server.objects:
        server.delete(name)


def spoil(server: ScriptedServer, name: str) -> None:
    if name in server.objects:
        bad = pod(name, server.objects[name]["metadata"]["uid"])
        bad["status"]["podIP"] = 7
        server.put(bad, impossible=True)


def fail(server: ScriptedServer, errors: list[KubeError]) -> None:
    server.failures.extend(errors)


names = st.sampled_from("abcd")
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda name, ready: lambda server: flip(server, name, ready), names, st.booleans()),
    st.builds(lambda name: lambda server: recreate(server, name), names),
    st.builds(lambda name: lambda server: delete(server, name), names),
    st.builds(lambda name: lambda server: spoil(server, name), names),
    st.builds(lambda: ScriptedServer.compact),
    st.builds(lambda: ScriptedServer.send_bookmark),
    st.builds(lambda how: lambda server: server.cut(how), st.sampled_from(["end", "break", "silence"])),
    st.builds(lambda status: lambda server: server.send_error(status), st.sampled_from([EXPIRED, INTERNAL])),
    st.builds(
        lambda errors: lambda server: fail(server, errors),
        st.lists(st.sampled_from(ERRORS), min_size=1, max_size=3),
    ),
)


# Most things happen one after the other, some before anyone could notice, some while a request is under way.
waits = st.sampled_from([0.0, 0.005, 0.015, 0.2, 3.0, 100.0])
stories = st.lists(st.tuples(steps, waits), max_size=50)


def held(server: ScriptedServer) -> dict[Key, Pod]:
    """Read what the server has, without a reflector."""
    state = {}
    for obj in server.objects.values():
        item: Any = PODS.read_item(msgspec.Raw(msgspec.json.encode(obj)))
        state[item.key] = item.object
    return state


@pytest.mark.looptime
@settings(max_examples=examples(400))
@given(story=stories, seed=st.integers(0, 2**32))
async def test_every_story_ends_with_the_state_of_the_server(
    story: list[tuple[Step, float]], seed: int
) -> None:
    server = ScriptedServer(page_size=2)
    async with following(server, draw=Random(seed).uniform) as (reflector, consumer):
        for step, seconds in story:
            step(server)
            await asyncio.sleep(seconds)
        server.failures.clear()
        for obj in list(server.objects.values()):
            if obj["status"]["podIP"] == 7:
                flip(server, obj["metadata"]["name"], True)
        await asyncio.sleep(300)
        assert consumer.state == held(server)
        assert reflector.view.objects == consumer.state
        assert not reflector.view.malformed
        assert reflector.synced.is_set()
        assert reflector.trouble is None
