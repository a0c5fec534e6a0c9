"""Which pods came into the answers or left them, and what a pod is for its services."""

from rollcall.directory import Directory
from rollcall.model import BlueGreen, Key, Release
from rollcall.zone import Installation, Zones
from unit.world import pod, resource, service, zone

WEB = Key("shop", "web-0")


def turned(directory: Directory) -> set[Key]:
    return {key for change in directory.take_changes().values() for key in change.turned}


def world() -> Directory:
    directory = Directory()
    directory.apply_service(service())
    directory.apply_pod(pod())
    return directory


def test_a_pod_turns_when_it_comes_and_when_it_leaves():
    directory = world()
    assert turned(directory) == {WEB}
    directory.apply_pod(pod(weight="20"))
    assert turned(directory) == set()
    directory.apply_pod(pod(deleting=True))
    assert turned(directory) == {WEB}
    directory.remove_pod(WEB)
    assert turned(directory) == set()


def test_a_pod_that_was_never_answered_does_not_turn():
    directory = Directory()
    directory.apply_service(service())
    directory.apply_pod(pod(ready=False))
    directory.remove_pod(WEB)
    assert turned(directory) == set()


def test_a_pod_turns_with_its_service():
    directory = world()
    directory.take_changes()
    directory.remove_service(Key("shop", "web"))
    assert turned(directory) == {WEB}


def test_a_release_that_holds_a_pod_back_leaves_it_in_the_answers_of_its_version():
    directory = world()
    directory.apply_pod(pod(labels={"app": "web", "version": "blue"}))
    directory.apply_pod(pod("web-1", "10.0.0.2", labels={"app": "web", "version": "green"}))
    directory.take_changes()
    directory.apply_resource(resource(release=Release(blue_green=BlueGreen("green"))))
    assert turned(directory) == {WEB}
    (instance,) = directory.instances_of(WEB) or ()
    assert (instance.available, instance.eligible) == (True, False)


def test_what_a_pod_is_for_its_services():
    directory = world()
    directory.apply_service(service("other", selector={"app": "web"}))
    directory.apply_pod(pod("job", labels={"app": "job"}))
    assert len(directory.instances_of(WEB) or ()) == 2
    assert directory.instances_of(Key("shop", "job")) == []
    assert directory.instances_of(Key("shop", "nobody")) is None


def test_the_largest_ttl_is_that_of_the_zone_or_of_the_service():
    directory = world()
    directory.apply_resource(resource(ttl_seconds=90))
    zones = Zones(directory, Installation("test"))
    zones.apply_zone(zone(ttl_seconds=30))
    while zones.place_backlog(10):
        pass
    web = Key("shop", "web")
    assert zones.largest_ttl([web], ["main"]) == 90
    assert zones.largest_ttl([], ["main"]) == 30
    assert zones.largest_ttl([web], []) == 0
