"""Services and their instances: what selects what, what is said to have changed."""

import pytest

from rollcall.directory import Directory
from rollcall.model import Counts, Eligibility, Key, ServicePort
from unit.world import pod, resource, service

WEB = Key("shop", "web")


def directory(*objects):
    made = Directory()
    made.set_slices_problem(None)
    for each in objects:
        apply(made, each)
    made.take_changes()
    return made


def apply(made, each):
    kinds = {"Pod": made.apply_pod, "Service": made.apply_service, "ServiceInstance": made.apply_resource}
    kinds[type(each).__name__](each)


def names(made, key=WEB):
    entry = made.get(key)
    return sorted(pod.name for pod in entry.instances) if entry else None


def test_a_service_has_the_pods_that_it_selects_in_its_namespace():
    made = directory(
        service(), pod("a"), pod("b", labels={"app": "api"}), pod("c", namespace="blog"), pod("d", labels={})
    )
    assert names(made) == ["a"]


def test_pods_may_come_before_their_service():
    assert names(directory(pod("a"), service())) == ["a"]


def test_a_pod_whose_labels_change_moves():
    made = directory(service(), service("api", selector={"app": "api"}), pod("a"))
    made.apply_pod(pod("a", labels={"app": "api"}))
    assert names(made) == []
    assert names(made, Key("shop", "api")) == ["a"]
    assert set(made.take_changes()) == {WEB, Key("shop", "api")}


def test_a_pod_of_two_services_is_in_both():
    made = directory(service(), service("all", selector={"tier": "front"}))
    made.apply_pod(pod("a", labels={"app": "web", "tier": "front"}))
    assert names(made) == names(made, Key("shop", "all")) == ["a"]


def test_a_flip_changes_one_pod_of_its_services_and_nothing_else():
    made = directory(service(), pod("a"), pod("b", address="10.0.0.2"))
    made.apply_pod(pod("a", ready=False))
    changes = made.take_changes()
    assert set(changes) == {WEB}
    assert not changes[WEB].whole
    assert changes[WEB].pods == {Key("shop", "a")}
    assert changes[WEB].eligible
    assert made.get(WEB).counts == Counts(total=2, live=2, ready=1, eligible=1)


def test_an_update_that_says_nothing_new_changes_nothing():
    made = directory(service(), pod("a"))
    made.apply_pod(pod("a"))
    assert made.take_changes() == {}


def test_a_pod_that_was_never_eligible_changes_no_answer():
    made = directory(service())
    made.apply_pod(pod("a", phase="Pending", ready=False, address=""))
    assert not made.take_changes()[WEB].eligible


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ((service(selector=None),), "NoSelector"),
        ((service(selector={}),), "NoSelector"),
        ((service(type="ExternalName"),), "ExternalName"),
        ((resource(),), "ServiceNotFound"),
        ((service(),), None),
        ((resource(selector={"app": "web"}),), None),
        ((service(selector=None), resource(selector={"app": "web"})), None),
    ],
)
def test_a_service_that_can_have_no_pods_says_why(objects, reason):
    problem = directory(*objects).get(WEB).problem
    assert (problem.reason if problem else None) == reason


def test_a_service_instance_stands_for_a_service_that_is_not_there():
    made = directory(resource(selector={"app": "web"}, ports=(ServicePort(8080, "http"),)), pod("a"))
    entry = made.get(WEB)
    assert [(port.name, port.number) for port in entry.instances[Key("shop", "a")].ports] == [("http", 8080)]


@pytest.mark.parametrize(
    ("asked", "of_the_service", "eligible"),
    [(None, False, 0), (None, True, 1), (True, False, 1), (False, True, 0)],
)
def test_the_service_instance_overrides_publish_not_ready_addresses(asked, of_the_service, eligible):
    made = directory(
        service(publish_not_ready=of_the_service),
        resource(eligibility=Eligibility(publish_not_ready_addresses=asked)),
        pod(ready=False),
    )
    assert made.get(WEB).counts.eligible == eligible


def test_a_service_is_forgotten_with_its_last_object():
    made = directory(service(), resource(), pod())
    made.remove_service(WEB)
    assert made.get(WEB) is not None
    made.remove_resource(WEB)
    assert made.get(WEB) is None
    made.remove_pod(Key("shop", "web-0"))
    assert set(made.take_changes()) == {WEB}


def test_versions_that_share_a_label_are_found_and_lost_again():
    made = directory(service(), pod("a", labels={"app": "web", "app.kubernetes.io/version": "1.0"}))
    second = pod("b", address="10.0.0.2", labels={"app": "web", "app.kubernetes.io/version": "1-0"})
    made.apply_pod(second)
    assert made.get(WEB).colliding_versions == {"1-0"}
    assert made.take_changes()[WEB].whole
    made.remove_pod(second.key)
    assert made.get(WEB).colliding_versions == frozenset()
    assert made.take_changes()[WEB].whole


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_is_no_instance(phase):
    made = directory(service(), pod("a"), pod("b", address="10.0.0.2"))
    made.apply_pod(pod("a", phase=phase, ready=False))
    changes = made.take_changes()
    assert changes[WEB].eligible
    assert changes[WEB].turned == {Key("shop", "a")}
    entry = made.get(WEB)
    assert names(made) == ["b"]
    assert entry.counts == Counts(total=1, live=1, ready=1, eligible=1)
    assert entry.left_out() == {phase: 1}
    assert made.instances_of(Key("shop", "a")) == []
    made.remove_pod(Key("shop", "a"))
    assert made.take_changes()[WEB].pods == {Key("shop", "a")}
    assert entry.left_out() == {}


def test_pods_that_have_ended_go_with_the_selector_and_come_with_it():
    made = directory(service(), pod("a", phase="Failed", ready=False))
    made.apply_service(service(selector={"app": "api"}))
    assert made.get(WEB).left_out() == {}
    made.apply_service(service())
    assert made.get(WEB).left_out() == {"Failed": 1}
    made.apply_pod(pod("a", phase="Failed", ready=False, labels={"app": "api"}))
    assert made.get(WEB).left_out() == {}
