"""What a change costs, counted in calls: what it touches, however much there is beside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory import entry
from rollcall.model import Answer, FlatName, Key, Naming, Policy, Service
from rollcall.zone import content, served
from rollcall.zone.claims import Claims
from unit.world import World, pod, resource, service, zone


@contextmanager
def counted(module: ModuleType, name: str) -> Iterator[list[int]]:
    """Count the calls of a function of a module."""
    calls = [0]
    original: Callable[..., Any] = getattr(module, name)

    def counting(*arguments: Any) -> Any:
        calls[0] += 1
        return original(*arguments)

    with patch.object(module, name, counting):
        yield calls


def test_of_the_many_that_ask_for_one_name_only_who_has_it_is_placed() -> None:
    world = World(zone(naming=Naming.FLAT, flat_names=(FlatName("web", "n00"),)))
    with counted(served, "place") as placed:
        for i in reversed(range(60)):
            world.put(
                service(namespace=f"n{i:02}", created=f"2026-01-01T00:00:{i:02}Z"),
                pod(namespace=f"n{i:02}", address=f"10.0.0.{i + 1}"),
            )
    assert world.lines("A")[-1] == "web A 10.0.0.1"
    assert placed[0] == 1
    problems = [world.zones.service_problems(Key(f"n{i:02}", "web")) for i in range(60)]
    assert problems[0] == []
    assert all("to the namespace n00" in problem.message for (problem,) in problems[1:])


def test_whoever_asks_in_vain_costs_the_holder_of_the_name_nothing() -> None:
    world = World(zone(naming=Naming.FLAT, flat_names=(FlatName("web", "shop"),)), service(), pod())
    with counted(served, "place") as placed:
        for i in range(20):
            world.put(service(namespace=f"n{i}", created="2026-01-02T00:00:00Z"))
            world.drop(Service, Key(f"n{i}", "web"))
            world.commit()
    assert placed[0] == 0
    assert "web A 10.0.0.1" in world.lines("A")


def test_another_version_costs_the_same_however_many_there_are() -> None:
    world = World(zone(), service())
    with counted(entry, "version_to_label") as looked_at:
        world.put(
            *(
                pod(f"web-{i}", f"10.0.{i // 200}.{i % 200 + 1}", labels={"app": "web", "version": f"v{i}"})
                for i in range(400)
            )
        )
    found = world.directory.get(Key("shop", "web"))
    assert found is not None
    assert len(found.versions) == 400
    assert looked_at[0] == 400


def test_what_is_cut_of_others_costs_nothing_to_tell_what_is_cut_of_one() -> None:
    everything = Answer(Policy.ALL, max=2)
    names = [f"s{i}" for i in range(30)]
    world = World(
        zone(),
        *(service(name) for name in names),
        *(resource(name, answer=everything) for name in names),
        *(pod(f"web-{i}", f"10.0.0.{i}") for i in range(1, 4)),
    )
    told = world.zones.cut(Key("shop", "s1"))
    assert set(told.values()) == {(2, 3)}
    (main,) = world.zones.contents()
    assert len(main.cut.sets) == 30 * len(told)
    with counted(content, "suffixes") as looked_at:
        assert world.zones.cut(Key("shop", "s2")).values()
    assert looked_at[0] == 0


names = st.sampled_from((None, b"web", b"api"))
keys = st.builds(Key, st.sampled_from(("a", "b", "c")), st.just("web"))
times = st.sampled_from(("1", "2", "3"))


@given(st.lists(st.tuples(keys, times, names), max_size=20))
def test_the_oldest_has_the_name_and_who_loses_it_gives_way_first(
    events: list[tuple[Key, str, bytes | None]],
) -> None:
    """Whoever follows what `claim` returns, in that order, never has two services at one name."""
    claims = Claims()
    asked: dict[Key, tuple[str, bytes]] = {}
    standing: dict[bytes, Key] = {}
    for key, created, root in events:
        for affected in claims.claim(key, created, root):
            for name in [name for name, each in standing.items() if each == affected]:
                del standing[name]
            if (wants := claims.root(affected)) is not None and claims.holder(wants) == affected:
                assert wants not in standing
                standing[wants] = affected
        asked.pop(key, None)
        if root is not None:
            asked[key] = created, root
        wanted = {root for _, root in asked.values()}
        assert standing == {
            name: min((since, each) for each, (since, at) in asked.items() if at == name)[1]
            for name in wanted
        }
