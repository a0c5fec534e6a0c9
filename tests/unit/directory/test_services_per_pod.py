"""A pod that more services select than may have it: the oldest have it, and all is said."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory import Directory
from rollcall.model import Key, Pod, Service, ServiceInstance
from unit.world import World, pod, resource, service, zone

MOST = 2
WEB = {"app": "web"}


def world_of(*names: str) -> World:
    """Make services that all select one pod, each a day older than the next one."""
    services = [service(name, created=f"2026-01-{day:02}T00:00:00Z") for day, name in enumerate(names, 1)]
    return World(zone(), *reversed(services), pod(), services_per_pod=MOST)


def having(world: World) -> list[str]:
    """Return the services that have an instance, as the zone answers."""
    return [line.split(".")[0] for line in world.lines("A") if line.split(".")[1] == "shop A 10"]


def test_the_oldest_have_it_and_the_others_say_so() -> None:
    world = world_of("a", "b", "c")
    assert having(world) == ["a", "b"]
    left_out = world.directory.get(Key("shop", "c"))
    assert left_out is not None
    assert left_out.counts.total == 0
    assert left_out.left_out() == {"QuotaExceeded": 1}
    instances = world.directory.instances_of(Key("shop", "web-0"))
    assert instances is not None
    assert len(instances) == MOST


def test_a_new_service_takes_it_from_none() -> None:
    world = world_of("a", "b")
    before = world.lines("A")
    world.put(service("new", created="2026-02-01T00:00:00Z"))
    assert world.lines("A") == before


def test_it_passes_to_the_next_one_when_an_older_one_goes() -> None:
    world = world_of("a", "b", "c", "d")
    world.drop(Service, Key("shop", "a"))
    world.commit()
    assert having(world) == ["b", "c"]
    world.put(service("b", created="2026-01-02T00:00:00Z", selector={"app": "api"}))
    assert having(world) == ["c", "d"]


def test_a_pod_that_is_another_ones_too_is_no_matter_of_other_pods_and_namespaces() -> None:
    world = world_of("a", "b", "c")
    world.put(
        service("c", created="2026-01-03T00:00:00Z", selector={"tier": "front"}),
        pod("own", "10.0.0.7", labels={"tier": "front"}),
        service("web", namespace="blog"),
        pod("web-0", "10.9.0.1", namespace="blog"),
    )
    assert "c.shop A 10.0.0.7" in world.lines("A")
    assert "web.blog A 10.9.0.1" in world.lines("A")


def test_a_change_of_a_pod_costs_no_more_than_the_services_that_have_it() -> None:
    world = world_of(*(f"s{number:02}" for number in range(28)))
    world.put(pod(ready=False))
    assert sorted(key.name for key in world.changes) == ["s00", "s01"]


names = st.sampled_from("abcde")
times = st.integers(1, 4).map(lambda day: f"2026-01-0{day}T00:00:00Z")
selectors = st.sampled_from((WEB, WEB, {"app": "api"}, {"tier": "front"}, None))
labels = st.fixed_dictionaries({"app": st.sampled_from(("web", "api"))}, optional={"tier": st.just("front")})
services = st.builds(
    lambda name, at, chosen: service(name, created=at, selector=chosen), names, times, selectors
)
resources = st.builds(lambda name, chosen: resource(name, selector=chosen), names, selectors)
pods = st.builds(
    lambda name, has, phase: pod(
        name, f"10.0.0.{ord(name)}", labels=has, phase=phase, ready=phase == "Running"
    ),
    st.sampled_from("xyz"),
    labels,
    st.sampled_from(("Running", "Running", "Running", "Failed")),
)
events = st.lists(st.tuples(st.booleans(), st.one_of(services, services, resources, pods)), max_size=25)


def apply(directory: Directory, it: Service | ServiceInstance | Pod, *, is_there: bool) -> None:
    match it:
        case Service():
            directory.apply_service(it) if is_there else directory.remove_service(it.key)
        case ServiceInstance():
            directory.apply_resource(it) if is_there else directory.remove_resource(it.key)
        case Pod():
            directory.apply_pod(it) if is_there else directory.remove_pod(it.key)


def seen(directory: Directory) -> Mapping[Key, tuple[object, ...]]:
    return {
        each.key: (
            dict(sorted(each.instances.items())),
            each.left_out(),
            sorted(each.passed_over),
            each.counts,
        )
        for each in directory
    }


@given(events)
def test_the_oldest_have_the_pod_in_whatever_order_they_come(
    events: list[tuple[bool, Service | ServiceInstance | Pod]],
) -> None:
    directory = Directory(services_per_pod=MOST)
    directory.set_slices_problem(None)
    final: dict[tuple[type, Key], Service | ServiceInstance | Pod] = {}
    for is_there, it in events:
        apply(directory, it, is_there=is_there)
        directory.take_changes()
        final.pop((type(it), it.key), None)
        if is_there:
            final[type(it), it.key] = it
    anew = Directory(services_per_pod=MOST)
    anew.set_slices_problem(None)
    for it in reversed(final.values()):
        apply(anew, it, is_there=True)
    anew.take_changes()
    assert seen(directory) == seen(anew)
    for it in final.values():
        if isinstance(it, Pod):
            selecting = [
                each for each in directory if each.selector and each.selector.items() <= it.labels.items()
            ]
            oldest = sorted(selecting, key=lambda each: (each.created, each.key))[:MOST]
            having = {each.key for each in directory if it.key in each.instances or it.key in each.ended}
            assert having == {each.key for each in oldest}
