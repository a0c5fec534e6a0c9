"""Which services a file holds, and which files a change concerns."""

from unittest.mock import patch

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory import Directory, Entry
from rollcall.model import (
    ConfigMapTarget,
    DiscoveryFile,
    FileServices,
    FileSpec,
    Key,
    LabelSelector,
)
from rollcall.publish.selection import FileSelection
from unit.world import pod, service

FILE = Key("shop", "file")


def file(*, namespace="shop", **services):
    spec = FileSpec("json", ConfigMapTarget("file", "file.json"), FileServices(**services))
    return DiscoveryFile(Key(namespace, "file"), "uid", 1, spec)


def selection(*objects, cross_namespace=False):
    directory = Directory()
    for each in objects:
        (directory.apply_service if type(each).__name__ == "Service" else directory.apply_pod)(each)
    directory.take_changes()
    return directory, FileSelection(directory, cross_namespace=cross_namespace)


def held(selected):
    return [str(members.key) for members in selected.members(FILE)]


SERVICES = (
    service(labels={"tier": "front"}),
    service("api"),
    service(namespace="blog", labels={"tier": "front"}),
    service("nothing", selector=None),
)


def test_a_file_holds_its_own_namespace_but_no_service_without_pods_of_its_own():
    _, selected = selection(*SERVICES)
    selected.apply_file(file())
    assert held(selected) == ["shop/api", "shop/web"]


def test_a_file_selects_by_name_and_label():
    _, selected = selection(*SERVICES)
    selected.apply_file(file(names=("api",)))
    assert held(selected) == ["shop/api"]
    selected.apply_file(file(selector=LabelSelector({"tier": "front"})))
    assert held(selected) == ["shop/web"]


def test_other_namespaces_need_leave():
    wish = file(namespaces=("shop", "blog"))
    _, selected = selection(*SERVICES)
    selected.apply_file(wish)
    assert held(selected) == ["shop/api", "shop/web"]
    assert selected.denied_namespaces(wish) == ["blog"]
    _, selected = selection(*SERVICES, cross_namespace=True)
    selected.apply_file(wish)
    assert held(selected) == ["blog/web", "shop/api", "shop/web"]
    assert selected.denied_namespaces(wish) == []


def test_a_change_concerns_the_files_that_hold_the_service():
    directory, selected = selection(*SERVICES, pod())
    selected.apply_file(file(names=("web",)))
    selected.apply_file(file(namespace="blog"))
    directory.apply_pod(pod(ready=False))
    assert selected.update_services(directory.take_changes()) == {FILE}
    assert [len(members.instances) for members in selected.members(FILE)] == [0]
    directory.apply_service(service("new"))
    assert selected.update_services(directory.take_changes()) == set()


def test_a_service_that_comes_goes_or_changes_its_labels_is_followed():
    directory, selected = selection()
    selected.apply_file(file(selector=LabelSelector({"tier": "front"})))
    for labels, expected in (({"tier": "front"}, ["shop/web"]), ({}, []), ({"tier": "front"}, ["shop/web"])):
        directory.apply_service(service(labels=labels))
        assert selected.update_services(directory.take_changes()) == {FILE}
        assert held(selected) == expected
        assert selected.selects(Key("shop", "web")) is bool(expected)
    directory.remove_service(Key("shop", "web"))
    assert selected.update_services(directory.take_changes()) == {FILE}
    assert held(selected) == []


def test_a_file_that_is_gone_holds_nothing():
    _, selected = selection(*SERVICES)
    selected.apply_file(file())
    selected.remove_file(FILE)
    assert list(selected) == []
    assert not selected.selects(Key("shop", "web"))


def test_files_of_other_namespaces_cost_a_change_nothing():
    directory, selected = selection(*SERVICES, *(service(namespace=f"n{i}") for i in range(50)))
    looked_at = []

    def problem(entry):
        looked_at.append(entry.key)

    with patch.object(Entry, "problem", property(problem)):
        for i in range(50):
            selected.apply_file(file(namespace=f"n{i}"))
        assert len(looked_at) == 50, "each file looks at its own namespace"
        looked_at.clear()
        directory.apply_service(service(labels={"tier": "back"}))
        selected.update_services(directory.take_changes())
    assert looked_at == []


MOST = 2
days = st.integers(1, 4)
events = st.lists(
    st.tuples(st.booleans(), st.sampled_from(("shop", "blog")), st.sampled_from("abcde"), days), max_size=20
)


def aged(namespace, name, day):
    made = file(namespace=namespace)
    return msgspec.structs.replace(made, key=Key(namespace, name), created=f"2026-01-0{day}T00:00:00Z")


@given(events)
def test_the_oldest_files_count_in_whatever_order_they_come(events):
    directory = Directory()
    for namespace in ("shop", "blog"):
        directory.apply_service(service(namespace=namespace))
    directory.take_changes()
    selected = FileSelection(directory, cross_namespace=False, per_namespace=MOST)
    files = {}
    counted = set()
    for is_there, namespace, name, day in events:
        key = Key(namespace, name)
        if is_there:
            files[key] = aged(namespace, name, day)
            touched = selected.apply_file(files[key])
        else:
            files.pop(key, None)
            touched = selected.remove_file(key)
        before, counted = counted, set()
        for each in ("shop", "blog"):
            known = [file for file in files.values() if file.key.namespace == each]
            counted |= {file.key for file in sorted(known, key=lambda file: (file.created, file.key))[:MOST]}
        assert counted ^ before <= touched | {key}, "who counts now, or no longer, is told"
        for each in files:
            assert (selected.problem(each) is None) == (each in counted)
            assert selected.services(each) == ({Key(each.namespace, "web")} if each in counted else set())
        directory.apply_service(service(namespace=namespace, labels={"changed": name}))
        concerned = selected.update_services(directory.take_changes())
        assert concerned == {each for each in counted if each.namespace == namespace}
