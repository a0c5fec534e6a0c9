"""The instances of Services without a selector: what EndpointSlices say of them, put together."""

from ipaddress import ip_address
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.directory import Directory
from rollcall.directory.endpoints import PENDING, instances_of
from rollcall.model import (
    Counts,
    Eligibility,
    Endpoint,
    EndpointSlice,
    Instance,
    InstancePort,
    Key,
    Problem,
    Service,
    ServicePort,
    Terminating,
)
from unit.world import World, endpoint_slice, pod, resource, service, zone

DB = Key("shop", "db")
PG, METRICS = InstancePort("pg", "TCP", 5432), InstancePort("metrics", "TCP", 9187)


def database(**fields: Any) -> Service:
    return service("db", **({"selector": None, "ports": ()} | fields))


def endpoint(*addresses: str, **fields: Any) -> Endpoint:
    return Endpoint(addresses, **fields)


def instances(*slices: EndpointSlice, **fields: Any) -> list[Instance]:
    world = World(database(**fields), *slices)
    entry = world.directory.get(DB)
    assert entry is not None
    return sorted(entry.instances.values(), key=lambda each: each.pod)


def told(*slices: EndpointSlice) -> list[tuple[str, str, str]]:
    """Return the label, the addresses and the reason of each instance."""
    return sorted(
        (each.label, " ".join(map(str, each.addresses)), each.reason) for each in instances(*slices)
    )


READY = {
    "not said": (endpoint("10.4.5.6"), ""),
    "ready": (endpoint("10.4.5.6", ready=True), ""),
    "not ready": (endpoint("10.4.5.6", ready=False), "NotReady"),
    "terminating": (endpoint("10.4.5.6", ready=False, terminating=True), "Deleting"),
    "ready and terminating": (endpoint("10.4.5.6", ready=True, terminating=True), ""),
}


@pytest.mark.parametrize(("each", "reason"), READY.values(), ids=READY)
def test_ready_is_what_the_slice_says(each: Endpoint, reason: str) -> None:
    assert told(endpoint_slice("db-1", each)) == [("10-4-5-6", "10.4.5.6", reason)]


TOGETHER: dict[str, tuple[tuple[EndpointSlice, ...], list[tuple[str, str, str]]]] = {
    "an address each": (
        (endpoint_slice("a", "10.4.5.6", "10.4.5.7"),),
        [("10-4-5-6", "10.4.5.6", ""), ("10-4-5-7", "10.4.5.7", "")],
    ),
    "several addresses of one endpoint": (
        (endpoint_slice("a", endpoint("10.4.5.6", "10.4.5.7")),),
        [("10-4-5-6", "10.4.5.6", ""), ("10-4-5-7", "10.4.5.7", "")],
    ),
    "both families with a hostname": (
        (
            endpoint_slice("a", endpoint("10.4.5.6", hostname="one")),
            endpoint_slice("b", endpoint("fd00::6", hostname="one"), address_type="IPv6"),
        ),
        [("one", "10.4.5.6 fd00::6", "")],
    ),
    "both families without": (
        (endpoint_slice("a", "10.4.5.6"), endpoint_slice("b", "fd00::6", address_type="IPv6")),
        [("10-4-5-6", "10.4.5.6", ""), ("fd00-0000-0000-0000-0000-0000-0000-0006", "fd00::6", "")],
    ),
    "one address in two slices, ready in one": (
        (endpoint_slice("a", endpoint("10.4.5.6", ready=False)), endpoint_slice("b", "10.4.5.6")),
        [("10-4-5-6", "10.4.5.6", "")],
    ),
    "a hostname of which only one address is ready": (
        (
            endpoint_slice(
                "a", endpoint("10.4.5.6", hostname="o"), endpoint("10.4.5.7", hostname="o", ready=False)
            ),
        ),
        [("o", "10.4.5.6", "")],
    ),
    "a hostname that isn't ready": (
        (endpoint_slice("a", endpoint("10.4.5.6", hostname="o", ready=False)),),
        [("o", "10.4.5.6", "NotReady")],
    ),
    "a name in the place of an address": (
        (endpoint_slice("a", "db.example.com", address_type="FQDN"), endpoint_slice("b", "10.4.5.6")),
        [("", "", "FQDN"), ("10-4-5-6", "10.4.5.6", "")],
    ),
    "a type that nobody knows": (
        (msgspec.structs.replace(endpoint_slice("a", "10.4.5.6"), address_type="X.25"),),
        [("", "", "FQDN")],
    ),
    "no endpoint": ((endpoint_slice("a"),), []),
}


@pytest.mark.parametrize(("slices", "expected"), TOGETHER.values(), ids=TOGETHER)
def test_slices_are_put_together(
    slices: tuple[EndpointSlice, ...], expected: list[tuple[str, str, str]]
) -> None:
    found = Directory()
    found.set_slices_problem(None)
    for order in permutations(slices):
        found.apply_service(database())
        for each in order:
            found.apply_slice(each)
        found.take_changes()
        entry = found.get(DB)
        assert entry is not None
        known = entry.instances.values()
        assert (
            sorted((each.label, " ".join(map(str, each.addresses)), str(each.reason)) for each in known)
            == expected
        )


def test_an_address_of_two_slices_has_the_ports_of_both() -> None:
    (only,) = instances(endpoint_slice("a", "10.4.5.6"), endpoint_slice("b", "10.4.5.6", ports=(METRICS,)))
    assert only.ports == (PG, METRICS)


def test_a_port_of_a_slice_that_says_not_ready_is_not_among_them() -> None:
    (only,) = instances(
        endpoint_slice("a", "10.4.5.6"),
        endpoint_slice("b", endpoint("10.4.5.6", ready=False), ports=(METRICS,)),
    )
    assert only.ports == (PG,)


def test_one_hostname_with_different_ports_is_several_instances() -> None:
    found = instances(
        endpoint_slice("a", endpoint("10.4.5.6", hostname="one")),
        endpoint_slice("b", endpoint("10.4.5.7", hostname="one"), ports=(METRICS,)),
    )
    assert [(each.addresses, each.ports) for each in found] == [
        ((ip_address("10.4.5.6"),), (PG,)),
        ((ip_address("10.4.5.7"),), (METRICS,)),
    ]


def test_what_an_endpoint_becomes() -> None:
    (only,) = instances(endpoint_slice("db-x1", endpoint("10.4.5.6", hostname="one", node="n1", zone="z1")))
    assert (only.pod, only.label, only.slice, only.node, only.zone) == (
        Key("shop", "one"),
        "one",
        "db-x1",
        "n1",
        "z1",
    )
    assert (only.version, only.weight, only.live, only.ready, only.eligible) == ("", 100, True, True, True)


def test_the_ports_of_a_service_without_any_are_those_of_its_slices() -> None:
    slices = endpoint_slice("a", "10.4.5.6", ports=(PG, METRICS)), endpoint_slice("b", "10.4.5.7")
    entry = World(database(), *slices).directory.get(DB)
    assert entry is not None
    assert [(port.name, port.number) for port in entry.ports] == [("pg", 5432), ("metrics", 9187)]
    assert [(port.name, port.number) for port in entry.members().ports] == [("pg", 5432), ("metrics", 9187)]


def test_the_ports_that_a_user_asks_for_come_before_those_of_the_slices() -> None:
    asked = (ServicePort(1, "a", "TCP", "pg"), ServicePort(2, "b"), ServicePort(3, "c", "TCP", "none"))
    world = World(database(), endpoint_slice("db-1", "10.4.5.6"))
    world.directory.apply_resource(resource("db", selector={"app": "x"}, ports=asked))
    found = instances_of([endpoint_slice("db-1", "10.4.5.6")], asked, Eligibility())
    (only,) = found.values()
    assert only.ports == (InstancePort("a", "TCP", 5432), InstancePort("b", "TCP", 2))


@pytest.mark.parametrize(("of_the_service", "asked", "eligible"), [(True, None, 0), (False, True, 1)])
def test_not_ready_addresses_are_published_where_the_user_asks_us_for_it(
    of_the_service: bool, asked: bool | None, eligible: int
) -> None:
    world = World(
        database(publish_not_ready=of_the_service),
        resource("db", eligibility=Eligibility(publish_not_ready_addresses=asked)),
        endpoint_slice("db-1", endpoint("10.4.5.6", ready=False)),
    )
    entry = world.directory.get(DB)
    assert entry is not None
    assert entry.counts == Counts(1, 1, eligible, eligible)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (None, ["10.4.5.6"]),
        (Terminating.WITHDRAW, []),
        (Terminating.KEEP, ["10.4.5.6", "10.4.5.7"]),
    ],
)
def test_endpoints_that_are_terminating_stay_or_go_as_the_user_asks(
    asked: Terminating | None, answered: list[str]
) -> None:
    world = World(
        database(),
        resource("db", eligibility=Eligibility(terminating=asked)),
        endpoint_slice(
            "db-1",
            endpoint("10.4.5.6", terminating=True),
            endpoint("10.4.5.7", ready=False, terminating=True),
            endpoint("10.4.5.8", ready=False, serving=False, terminating=True),
        ),
    )
    entry = world.directory.get(DB)
    assert entry is not None
    assert [
        str(ip) for each in entry.instances.values() if each.eligible for ip in each.addresses
    ] == answered


def problem(directory: Directory, key: Key = DB) -> str | None:
    entry = directory.get(key)
    assert entry is not None
    return entry.problem.reason if entry.problem else None


def test_a_service_with_a_selector_never_has_endpoints() -> None:
    world = World(service("db"), pod("a"), endpoint_slice("db-1", "10.4.5.6"))
    entry = world.directory.get(DB)
    assert entry is not None
    assert [each.name for each in entry.instances] == ["a"]
    assert not world.directory.asking_slices


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ((database(),), "NoSelector"),
        ((database(), endpoint_slice("db-1")), None),
        ((database(), endpoint_slice("db-1", service="other")), "NoSelector"),
        ((database(), endpoint_slice("db-1", namespace="blog")), "NoSelector"),
        ((database(type="ExternalName"), endpoint_slice("db-1", "10.4.5.6")), "ExternalName"),
        ((resource("db"), endpoint_slice("db-1", "10.4.5.6")), "ServiceNotFound"),
    ],
)
def test_when_slices_make_a_service(objects: tuple[Any, ...], reason: str | None) -> None:
    assert problem(World(*objects).directory) == reason


def test_the_service_of_the_api_server_has_endpoints_only_where_somebody_asks() -> None:
    key = Key("default", "kubernetes")
    own = service(key.name, namespace=key.namespace, selector=None)
    it = endpoint_slice("kubernetes", "172.18.0.2", service=key.name, namespace=key.namespace)
    world = World(zone(), own, it)
    assert problem(world.directory, key) == "NoSelector"
    assert not world.directory.asking_slices
    world.put(resource(key.name, namespace=key.namespace))
    assert world.lines("A") == [
        "172-18-0-2.kubernetes.default A 172.18.0.2",
        "kubernetes.default A 172.18.0.2",
    ]


def test_until_slices_are_known_nothing_is_said_of_them() -> None:
    made = Directory()
    made.apply_service(database())
    made.apply_slice(endpoint_slice("db-1", "10.4.5.6"))
    made.take_changes()
    entry = made.get(DB)
    assert entry is not None
    assert (problem(made), entry.instances) == (PENDING.reason, {})
    made.set_slices_problem(Problem("EndpointSlicesForbidden", "No."))
    assert (problem(made), entry.instances) == ("EndpointSlicesForbidden", {})
    made.set_slices_problem(None)
    assert (problem(made), len(entry.instances)) == (None, 1)
    assert made.take_changes()[DB].whole


def test_a_service_that_loses_its_selector_keeps_its_pods_until_slices_are_known() -> None:
    made = Directory()
    made.apply_pod(pod("a"))
    made.apply_service(service("db"))
    made.apply_service(database())
    made.take_changes()
    entry = made.get(DB)
    assert entry is not None
    assert (problem(made), [each.name for each in entry.instances]) == (None, ["a"])
    made.apply_pod(pod("b", "10.0.0.2"))
    assert {each.name for each in entry.instances} == {"a", "b"}
    made.apply_slice(endpoint_slice("db-1", "10.4.5.6"))
    made.set_slices_problem(None)
    assert [each.name for each in entry.instances] == ["10.4.5.6"]


def test_an_endpoint_with_the_name_of_a_pod_is_another_thing() -> None:
    named = endpoint_slice("db-1", endpoint("10.4.5.6", hostname="web-0"))
    world = World(service("db"), pod(), named)
    key = Key("shop", "web-0")
    for selector, address in ((None, "10.4.5.6"), ({"app": "web"}, "10.0.0.1"), (None, "10.4.5.6")):
        world.put(service("db", selector=selector))
        entry = world.directory.get(DB)
        assert entry is not None
        assert [str(each) for each in entry.instances[key].addresses] == [address]
    assert world.directory.instances_of(key) == []
    world.directory.remove_pod(key)
    entry = world.directory.get(DB)
    assert entry is not None
    assert key in entry.instances


def test_no_pod_turns_with_an_endpoint() -> None:
    world = World(database(), endpoint_slice("db-1", endpoint("10.4.5.6", hostname="web-0")), pod())
    world.apply(endpoint_slice("db-1", endpoint("10.4.5.6", hostname="web-0", ready=False)))
    change = world.directory.take_changes()[DB]
    assert (change.eligible, change.whole, change.turned) == (True, False, set())


def test_the_names_of_an_external_database() -> None:
    world = World(
        zone(),
        database(),
        endpoint_slice("db-1", endpoint("10.4.5.6", hostname="one"), endpoint("10.4.5.7", ready=False)),
        endpoint_slice("db-2", endpoint("fd00::6", hostname="one"), address_type="IPv6"),
    )
    assert world.lines("A", "AAAA", "SRV") == [
        "_pg._tcp.db.shop SRV 0 100 5432 one.db.shop",
        "db.shop A 10.4.5.6",
        "db.shop AAAA fd00::6",
        "one.db.shop A 10.4.5.6",
        "one.db.shop AAAA fd00::6",
    ]
    world.put(endpoint_slice("db-1", endpoint("10.4.5.7"), ports=(METRICS,)))
    world.drop(EndpointSlice, Key("shop", "db-2"))
    world.commit()
    assert world.lines("A", "AAAA", "SRV") == [
        "10-4-5-7.db.shop A 10.4.5.7",
        "_metrics._tcp.db.shop SRV 0 100 9187 10-4-5-7.db.shop",
        "db.shop A 10.4.5.7",
    ]
    world.drop(EndpointSlice, Key("shop", "db-1"))
    world.commit()
    assert world.lines("A", "AAAA", "SRV", "TXT") == []


ENDPOINTS = st.builds(
    Endpoint,
    st.sampled_from([("10.4.5.6",), ("10.4.5.7",), ("10.4.5.6", "10.4.5.8")]),
    st.booleans(),
    hostname=st.sampled_from(["", "one", "two"]),
)
SLICES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.tuples(st.lists(ENDPOINTS, max_size=3), st.sampled_from([(PG,), (METRICS,), ()])),
)


@given(SLICES)
def test_what_is_answered_is_what_some_slice_says_is_ready(
    made: dict[str, tuple[list[Endpoint], tuple[InstancePort, ...]]],
) -> None:
    world = World(database())
    for name, (endpoints, ports) in made.items():
        world.apply(endpoint_slice(name, *endpoints, ports=ports))
    world.commit()
    entry = world.directory.get(DB)
    assert entry is not None
    said = [(each, ports) for endpoints, ports in made.values() for each in endpoints if each.ready]
    addresses = {(text, port) for each, ports in said for text in each.addresses for port in (*ports, None)}
    answered = [each for each in entry.instances.values() if each.eligible]
    assert {
        (str(ip), port) for each in answered for ip in each.addresses for port in (*each.ports, None)
    } == addresses
    assert len([ip for each in answered for ip in each.addresses]) == len({text for text, _ in addresses})


def test_only_what_the_user_asks_of_families_counts_for_slices() -> None:
    six = endpoint_slice("db-6", endpoint("fd00::6", hostname="b"), address_type="IPv6")
    world = World(
        database(ip_families=("IPv4",)), endpoint_slice("db-4", endpoint("10.4.5.6", hostname="a")), six
    )
    entry = world.directory.get(DB)
    assert entry is not None
    assert entry.counts.eligible == 2
    world.put(resource("db", ip_families=("IPv4",)))
    assert sorted((str(each.reason), each.eligible) for each in entry.instances.values()) == [
        ("", True),
        ("NoAddress", False),
    ]
