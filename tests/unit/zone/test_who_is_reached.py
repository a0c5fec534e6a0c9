"""Whoever asks for a name of a service reaches the instances that it answers, and no other one.

An SRV record speaks of one instance, with its version and its port: whoever follows it must find the
addresses of that instance at its target, and nobody else's.
"""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.dnswire.types import Type
from rollcall.model import (
    BlueGreen,
    Canary,
    ContainerPort,
    Eligibility,
    InstanceNames,
    IPFamily,
    Key,
    Pod,
    Release,
    ServicePort,
    Terminating,
    version_to_label,
)
from rollcall.zone.names import below, from_text
from thorough import examples
from unit.world import World, pod, resource, service, zone

WEB = Key("shop", "web")
ROOT = from_text("web.shop.example.com")
REVERSE = ("10.in-addr.arpa", "ip6.arpa")
BLUE, GREEN = ({"app": "web", "version": version} for version in ("blue", "green"))

labels = st.sampled_from((BLUE, GREEN, {"app": "web"}, {"app": "web", "version": "Blue"}))
addresses = st.sampled_from(
    (
        ("10.0.0.1",),
        ("10.0.0.2",),
        ("10.0.0.3",),
        ("10.0.0.1", "fd00::1"),
        ("10.0.0.1", "fd00::2"),
        ("fd00::2", "10.0.0.1"),
        ("fd00::1",),
        (),
    )
)
container_ports = st.sampled_from(
    ((ContainerPort("web", "TCP", 8080),), (ContainerPort("web", "TCP", 9090),), ())
)


@st.composite
def pods(draw, name):
    phase = draw(st.sampled_from(("Running",) * 6 + ("Pending", "Failed")))
    ips = draw(addresses)
    return pod(
        name,
        labels=draw(labels),
        phase=phase,
        ready=phase == "Running" and bool(ips) and draw(st.sampled_from((True, True, False))),
        deleting=draw(st.sampled_from((False, False, False, True))),
        addresses=ips,
        hostname=draw(st.sampled_from(("", "web", "web", "one", "10-0-0-1", "10-0-0-2", "versions"))),
        subdomain=draw(st.sampled_from(("", "web", "web", "other"))),
        ports=draw(container_ports),
        weight=draw(st.sampled_from((None, "0", "7"))),
        drain=draw(st.sampled_from((None, None, None, "true"))),
    )


releases = st.sampled_from(
    (
        Release(),
        Release(blue_green=BlueGreen("blue")),
        Release(blue_green=BlueGreen("green")),
        *(Release(canary=Canary("blue", "green", weight)) for weight in (0, 10, 100)),
    )
)
families = st.sampled_from(((), (IPFamily.IPV4,), (IPFamily.IPV6,), (IPFamily.IPV6, IPFamily.IPV4)))
services = st.builds(
    service,
    publish_not_ready=st.booleans(),
    ip_families=families,
    ports=st.just((ServicePort(80, "http", "TCP", "web"), ServicePort(81, "fixed", "TCP", 7070))),
)
resources = st.builds(
    resource,
    eligibility=st.builds(
        Eligibility,
        st.none(),
        st.sampled_from(tuple(InstanceNames)),
        st.sampled_from((None, *Terminating)),
    ),
    ip_families=st.sampled_from(((), (), (IPFamily.IPV4,), (IPFamily.IPV6,))),
    release=releases,
)
steps = st.one_of(
    st.sampled_from("abcde").flatmap(pods),
    st.sampled_from("abcde").map(lambda name: Key("shop", name)),
    services,
    resources,
)


def follow(world, step):
    if isinstance(step, Key):
        world.drop(Pod, step)
        world.commit()
    else:
        world.put(world.history.possible(step))


def records(world, owner, *types):
    rrsets = world.follower.zones[from_text("example.com")]
    return [(each, data) for each in types if (owner, each) in rrsets for data in rrsets[owner, each][2]]


def addresses_at(world, owner):
    return {ip_address(data) for _, data in records(world, owner, Type.A, Type.AAAA)}


def check_owner(world, owner, answered):
    """Check a name that answers these instances, and the SRV records below it."""
    answered = [each for each in answered if each.addresses]
    assert addresses_at(world, owner) == {address for each in answered for address in each.addresses}
    for name in ("http", "fixed"):
        told = [
            (int.from_bytes(data[4:6]), frozenset(addresses_at(world, data[6:])))
            for _, data in records(world, below(owner, f"_{name}", "_TCP"), Type.SRV)
        ]
        assert set(told) == {
            (port.number, frozenset(each.addresses))
            for each in answered
            for port in each.ports
            if port.name == name
        }


def check(world):
    entry = world.directory.get(WEB)
    if entry is None:
        return
    placed = world.zones.get("main").placed[WEB]
    instances = [placed.placement.narrowed(each) for each in entry.instances.values()]
    check_owner(world, ROOT, [each for each in instances if each.eligible])
    available = [each for each in instances if each.available]
    labels = {version_to_label(each.version) for each in available if each.version}
    for label in labels - entry.colliding_versions:
        of_version = [each for each in available if version_to_label(each.version) == label]
        check_owner(world, below(ROOT, label, "versions"), of_version)
    for each in instances:
        if each.named:
            assert addresses_at(world, below(ROOT, each.label)) == set(each.addresses)
    for apex in REVERSE:
        for (owner, rdtype), (_, _, members, _) in world.follower.zones[from_text(apex)].items():
            for target in members if rdtype == Type.PTR else ():
                assert owner in {from_text(a.reverse_pointer) for a in addresses_at(world, target)}


@settings(max_examples=examples(1000))
@given(families, services, resources, st.lists(steps, min_size=3, max_size=25))
def test_no_name_leads_to_an_instance_that_its_answer_leaves_out(of_zone, svc, si, story):
    world = World(zone(reverse_domains=REVERSE, ip_families=of_zone), svc, si)
    for step in story:
        follow(world, step)
        check(world)


def four_pods(subdomain):
    """Return two pods of each of two versions, all with the hostname of the service."""
    return [
        pod(f"{colour['version']}-{n}", f"10.0.{c}.{n}", labels=colour, hostname="web", subdomain=subdomain)
        for c, colour in enumerate((BLUE, GREEN))
        for n in (1, 2)
    ]


@pytest.mark.parametrize("subdomain", ["", "web", "other"])
def test_the_version_that_is_not_active_is_at_the_target_of_no_srv_record(subdomain):
    release = resource(release=Release(blue_green=BlueGreen("blue")))
    world = World(zone(), service(), release, *four_pods(subdomain))
    assert world.lines("SRV") == [
        "_http._tcp.blue.versions.web.shop SRV 0 100 8080 10-0-0-1.web.shop",
        "_http._tcp.blue.versions.web.shop SRV 0 100 8080 10-0-0-2.web.shop",
        "_http._tcp.green.versions.web.shop SRV 0 100 8080 10-0-1-1.web.shop",
        "_http._tcp.green.versions.web.shop SRV 0 100 8080 10-0-1-2.web.shop",
        "_http._tcp.web.shop SRV 0 100 8080 10-0-0-1.web.shop",
        "_http._tcp.web.shop SRV 0 100 8080 10-0-0-2.web.shop",
    ]


def test_a_canary_of_one_hostname_has_its_part_and_no_more():
    release = resource(release=Release(canary=Canary("blue", "green", 10)))
    world = World(zone(), service(), release, *four_pods("web"))
    found = [line.split() for line in world.lines("SRV") if line.startswith("_http._tcp.web.shop ")]
    weights = {target: int(weight) for *_, weight, _, target in found}
    canary = sum(weight for target, weight in weights.items() if target.startswith("10-0-1-"))
    assert len(weights) == 4
    assert canary / sum(weights.values()) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(("subdomain", "label"), [("web", "one"), ("", "10-0-0-1"), ("api", "10-0-0-1")])
def test_a_hostname_is_a_name_below_the_service_that_the_subdomain_names(subdomain, label):
    world = World(zone(), service(), pod(hostname="one", subdomain=subdomain))
    assert world.lines("A") == sorted((f"{label}.web.shop A 10.0.0.1", "web.shop A 10.0.0.1"))


def test_a_hostname_is_given_again_when_only_one_asks_for_it():
    world = World(zone(), service(), pod("a", hostname="one"))
    assert "one.web.shop A 10.0.0.1" in world.lines("A")
    world.put(pod("b", "10.0.0.2", hostname="one"))
    assert [line for line in world.lines("A") if line.startswith("one.")] == []
    world.put(pod("b", "10.0.0.2", hostname="one", ready=False))  # it has no name, and so asks for none
    assert [line for line in world.lines("A") if line.startswith("one.")] == ["one.web.shop A 10.0.0.1"]


def test_a_newcomer_of_a_contested_hostname_touches_nobody_else():
    world = World(zone(), service(), *(pod(f"p{n}", f"10.0.0.{n}", hostname="one") for n in range(1, 9)))
    world.directory.apply_pod(pod("new", "10.0.0.9", hostname="one"))
    assert world.directory.take_changes()[WEB].pods == {Key("shop", "new")}


def test_a_hostname_that_spells_the_address_of_another_one_is_none():
    world = World(zone(), service(), pod("a", "10.0.0.1"), pod("b", "10.0.0.2", hostname="10-0-0-1"))
    assert "10-0-0-1.web.shop A 10.0.0.1" in world.lines("A")
    assert "10-0-0-1.web.shop A 10.0.0.2" not in world.lines("A")


def test_who_shares_one_of_two_addresses_is_told_apart():
    world = World(
        zone(),
        service(),
        pod("a", addresses=("10.0.0.1", "fd00::1")),
        pod("b", addresses=("10.0.0.1", "fd00::2")),
    )
    labels = [line.split()[-1] for line in world.lines("SRV")]
    assert len(set(labels)) == 2
    assert all(label.startswith("10-0-0-1-") for label in labels)
    world.drop(Pod, Key("shop", "b"))
    world.commit()
    assert [line.split()[-1] for line in world.lines("SRV")] == ["10-0-0-1.web.shop"]


def test_a_newcomer_of_a_shared_address_touches_nobody_else():
    world = World(zone(), service(), *(pod(f"p{n}") for n in range(9)))
    world.apply(pod("new"))
    assert world.directory.take_changes()[WEB].pods == {Key("shop", "new")}
