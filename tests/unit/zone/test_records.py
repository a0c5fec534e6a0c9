"""Which records a service has: the table of names."""

import msgspec
import pytest

from rollcall.directory import ServiceChange
from rollcall.model import (
    Answer,
    DiscoveryZone,
    Eligibility,
    FlatName,
    InstanceNames,
    IPFamily,
    Key,
    NameServer,
    Naming,
    Pod,
    Policy,
    Service,
    ServicePort,
)
from rollcall.zone import Past
from rollcall.zone.changes import all_up_to
from unit.world import World, pod, resource, service, zone

VERSION = {"app": "web", "app.kubernetes.io/version": "v1.2"}


def test_every_name_of_a_service():
    world = World(
        zone(),
        service(),
        pod("a", hostname="one", labels=VERSION, addresses=("10.0.0.1", "fd00::1"), weight="7"),
    )
    assert world.lines() == [
        "@ NS ns.invalid.",
        "_http._tcp.v1-2.versions.web.shop SRV 0 7 8080 one.web.shop",
        "_http._tcp.web.shop SRV 0 7 8080 one.web.shop",
        '_rollcall.web.shop TXT "heritage=rollcall" "owner=test" "service=shop/web" "generation=0"',
        "one.web.shop A 10.0.0.1",
        "one.web.shop AAAA fd00::1",
        "v1-2.versions.web.shop A 10.0.0.1",
        "v1-2.versions.web.shop AAAA fd00::1",
        "web.shop A 10.0.0.1",
        "web.shop AAAA fd00::1",
    ]


def test_a_service_without_eligible_instances_keeps_its_marker():
    world = World(zone(), service(), pod(ready=False))
    assert [line.split()[0] for line in world.lines()] == ["@", "_rollcall.web.shop"]


def test_not_ready_instances_keep_their_own_name_where_the_service_says_so():
    live = resource(eligibility=Eligibility(instance_names=InstanceNames.LIVE))
    world = World(zone(), service(), live, pod(hostname="one", ready=False))
    assert world.lines("A") == ["one.web.shop A 10.0.0.1"]


def test_peers_find_each_other_while_their_init_containers_run():
    live = resource(eligibility=Eligibility(instance_names=InstanceNames.LIVE))
    world = World(zone(), service(), live, pod(hostname="one", phase="Pending", ready=False))
    assert world.lines("A") == ["one.web.shop A 10.0.0.1"]
    world = World(zone(), service(publish_not_ready=True), pod(hostname="one", phase="Pending", ready=False))
    assert world.lines("A") == ["one.web.shop A 10.0.0.1", "web.shop A 10.0.0.1"]


V4, V6 = IPFamily.IPV4, IPFamily.IPV6


@pytest.mark.parametrize(
    ("of_service", "of_resource", "of_zone", "types"),
    [
        ((), (), (), {"A", "AAAA"}),
        ((V4,), (), (), {"A"}),
        ((V6,), (), (), {"AAAA"}),
        ((V6, V4), (), (), {"A", "AAAA"}),
        ((V4,), (V6,), (), {"AAAA"}),
        ((V4,), (V4, V6), (), {"A", "AAAA"}),
        ((V4,), (), (V6,), {"AAAA"}),
        ((V4,), (), (V4, V6), {"A", "AAAA"}),
        ((), (V4,), (V4, V6), {"A"}),
        ((V6,), (V4, V6), (V4,), {"A"}),
        ((V4,), (V4,), (V6,), set()),
    ],
)
def test_the_families_are_those_of_the_service_unless_somebody_says_otherwise(
    of_service, of_resource, of_zone, types
):
    world = World(
        zone(ip_families=of_zone, reverse_domains=("10.in-addr.arpa", "ip6.arpa")),
        service(ip_families=of_service),
        resource(ip_families=of_resource),
        pod("a", addresses=("10.0.0.1", "fd00::1"), labels=VERSION, hostname="one"),
    )
    for name in ("web.shop", "one.web.shop", "v1-2.versions.web.shop"):
        lines = [line.split() for line in world.lines("A", "AAAA")]
        assert {rdtype for owner, rdtype, _ in lines if owner == name} == types
    assert bool(world.lines("SRV")) is bool(types)
    assert bool(world.lines("PTR", apex="10.in-addr.arpa")) is ("A" in types)
    assert bool(world.lines("PTR", apex="ip6.arpa")) is ("AAAA" in types)
    problems = [problem.reason for problem in world.zones.service_problems(Key("shop", "web"))]
    assert problems == ([] if types else ["NoCommonFamily"])


def test_families_can_change():
    world = World(zone(), service(ip_families=(V4,)), pod("a", addresses=("10.0.0.1", "fd00::1")))
    world.put(service(ip_families=(V6,)))
    assert {line.split()[1] for line in world.lines("A", "AAAA")} == {"AAAA"}
    world.put(zone(ip_families=(V4,), generation=2))
    assert {line.split()[1] for line in world.lines("A", "AAAA")} == {"A"}


def test_unnamed_ports_have_no_srv():
    world = World(zone(), service(ports=(ServicePort(80),)), pod())
    assert world.lines("SRV") == []


def test_protocols_and_ports_are_labels():
    ports = (ServicePort(53, "dns", "UDP"), ServicePort(53, "dns-tcp", "TCP"), ServicePort(9, "x", "SCTP"))
    world = World(zone(), service(ports=ports), pod())
    assert [line.split()[0] for line in world.lines("SRV")] == [
        "_dns-tcp._tcp.web.shop",
        "_dns._udp.web.shop",
        "_x._sctp.web.shop",
    ]


def test_one_address_of_two_pods_is_one_record():
    world = World(zone(), service(), pod("a"), pod("b"))
    assert world.lines("A") == ["10-0-0-1.web.shop A 10.0.0.1", "web.shop A 10.0.0.1"]
    world.drop(Pod, Key("shop", "a"))
    world.commit()
    assert world.lines("A") == ["10-0-0-1.web.shop A 10.0.0.1", "web.shop A 10.0.0.1"]


def test_pointers_lead_to_the_instance():
    world = World(
        zone(reverse_domains=("0.10.in-addr.arpa", "ip6.arpa")),
        service(),
        pod("a", addresses=("10.0.0.1", "fd00::1")),
        pod("b", address="10.9.0.1"),
    )
    assert world.lines("PTR", apex="0.10.in-addr.arpa") == ["1.0 PTR 10-0-0-1.web.shop.example.com."]
    (line,) = world.lines("PTR", apex="ip6.arpa")
    assert line.endswith(" PTR 10-0-0-1.web.shop.example.com.")


def test_pointers_follow_the_ttl_of_the_zone_also_where_the_service_has_its_own():
    reverse = ("10.in-addr.arpa",)
    world = World(zone(reverse_domains=reverse, ttl_seconds=30), service(), resource(ttl_seconds=1), pod())
    world.put(zone(reverse_domains=reverse, ttl_seconds=5, generation=2))
    rrsets = world.follower.zones[b"\x0210\x07in-addr\x04arpa\x00"]
    assert [ttl for (_, rdtype), (ttl, *_) in rrsets.items() if rdtype == 12] == [5]


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (Answer(), 8),
        (Answer(Policy.RANDOM, 3), 3),
        (Answer(Policy.ONE), 1),
        (Answer(Policy.ALL), all_up_to(64)),
    ],
)
def test_the_answer_policy_is_about_addresses(answer, count):
    world = World(zone(), service(), resource(answer=answer), pod())
    counts = {
        rdtype: rrset_count
        for (owner, rdtype), (_, rrset_count, *_) in world.follower.zones[b"\x07example\x03com\x00"].items()
        if owner
        in (
            b"\x03web\x04shop\x07example\x03com\x00",
            b"\x05_http\x04_tcp\x03web\x04shop\x07example\x03com\x00",
        )
    }
    assert counts == {1: count, 33: all_up_to(64)}


def test_ttls_come_from_the_service_then_the_zone():
    world = World(zone(ttl_seconds=30), service(), pod(), service("api"), resource("api", ttl_seconds=1))
    ttls = {
        owner: ttl for (owner, rdtype), (ttl, *_) in world.follower.zones[b"\x07example\x03com\x00"].items()
    }
    assert ttls[b"\x03web\x04shop\x07example\x03com\x00"] == 30
    assert ttls[b"\x03api\x04shop\x07example\x03com\x00"] == 1


def test_negative_ttls_are_the_zones_unless_the_service_has_its_own():
    world = World(
        zone(negative_ttl_seconds=10), service(), service("api"), resource("api", negative_ttl_seconds=1)
    )
    apex = b"\x07example\x03com\x00"
    assert world.follower.negative_ttls[apex] == {b"\x03api\x04shop\x07example\x03com\x00": 1}


def test_name_servers_inside_the_zone_have_their_addresses():
    servers = (NameServer("ns1.example.com", ("192.0.2.1", "2001:db8::1")), NameServer("ns.example.net"))
    world = World(zone(name_servers=servers))
    assert world.lines() == [
        "@ NS ns.example.net.",
        "@ NS ns1",
        "ns1 A 192.0.2.1",
        "ns1 AAAA 2001:db8::1",
    ]


def test_selection_by_namespace_label_and_wish():
    world = World(
        zone("shops", "shops.example", namespaces=("shop",)),
        zone("wish", "wish.example"),
        service(),
        pod(),
        service(namespace="blog"),
        service("api"),
        resource("api", zones=("wish",)),
    )
    assert world.lines("TXT", apex="shops.example")[0].startswith("_rollcall.web.shop TXT")
    assert len(world.lines("TXT", apex="shops.example")) == 1
    assert len(world.lines("TXT", apex="wish.example")) == 3


def test_of_many_versions_that_share_labels_the_first_few_are_named():
    """A condition has room for 32,768 characters, and a service may have thousands of versions."""
    versions = [f"v{i}{mark}0" for i in range(8) for mark in (".", "_")]
    pods = (
        pod(f"web-{i}", f"10.0.0.{i}", labels={"app": "web", "version": v}) for i, v in enumerate(versions)
    )
    (problem,) = World(zone(), service(), *pods).zones.service_problems(Key("shop", "web"))
    assert problem.reason == "VersionCollision"
    assert "v0-0, v1-0, v2-0, v3-0, v4-0 and 3 more" in problem.message


FLAT = zone(naming=Naming.FLAT, flat_names=(FlatName("web", "shop"),))


def test_a_flat_name_is_its_namespaces_through_a_deletion_and_a_new_beginning():
    """Another namespace's service, older than the new one and waiting, has none of it at any time."""
    waiting = service(namespace="blog", created="2026-01-01T00:00:00Z")
    world = World(FLAT, waiting, pod(namespace="blog", address="10.9.0.1"), service(), pod())
    assert "web A 10.0.0.1" in world.lines("A")
    world.drop(Service, Key("shop", "web"))
    world.commit()
    assert world.lines("A") == []
    world.put(service(created="2026-01-02T00:00:00Z", uid="uid-web-again"))
    assert "web A 10.0.0.1" in world.lines("A")
    assert not any("10.9.0.1" in line for line in world.lines("A"))
    (problem,) = world.zones.service_problems(Key("blog", "web"))
    assert problem.reason == "NameNotGranted"
    assert "to the namespace shop" in problem.message


def test_a_flat_name_can_be_given_to_another_namespace():
    theirs = service(namespace="blog"), pod(namespace="blog", address="10.9.0.1")
    world = World(FLAT, service(), pod(), *theirs)
    world.put(zone(naming=Naming.FLAT, flat_names=(FlatName("web", "blog"),), generation=2))
    assert "web A 10.9.0.1" in world.lines("A")
    assert not any("10.0.0.1" in line for line in world.lines("A"))
    assert world.zones.service_problems(Key("shop", "web"))[0].reason == "NameNotGranted"
    assert world.zones.service_problems(Key("blog", "web")) == []


@pytest.mark.parametrize(
    ("namespaces", "flat_names", "has_name"),
    [
        (("shop",), (), True),  # nobody else could want it
        (("shop",), (FlatName("api", "shop"),), False),  # only what is listed
        (("shop", "blog"), (), False),
        ((), (), False),  # as zones were before there was leave to give
    ],
)
def test_who_needs_leave_for_a_flat_name(namespaces, flat_names, has_name):
    made = zone(naming=Naming.FLAT, namespaces=namespaces, flat_names=flat_names)
    world = World(made, service(), pod())
    assert ("web A 10.0.0.1" in world.lines("A")) is has_name
    reasons = [problem.reason for problem in world.zones.service_problems(Key("shop", "web"))]
    assert reasons == ([] if has_name else ["NameNotGranted"])


def test_a_name_server_keeps_its_name():
    servers = (NameServer("web.example.com", ("192.0.2.1",)),)
    world = World(zone(naming=Naming.FLAT, namespaces=("shop",), name_servers=servers), service(), pod())
    assert world.lines("A") == ["web A 192.0.2.1"]
    assert world.zones.service_problems(Key("shop", "web"))[0].reason == "NameCollision"


def test_a_zone_inside_a_zone_hides_names_of_the_outer_one():
    world = World(zone(), service(), pod(), zone("inner", "shop.example.com", namespaces=("blog",)))
    (problem,) = world.zones.service_problems(Key("shop", "web"))
    assert problem.reason == "ShadowedByZone"
    assert world.lines("A") == []
    world.drop(DiscoveryZone, Key("", "inner"))
    world.commit()
    assert "web.shop A 10.0.0.1" in world.lines("A")


OUTER, INNER = "10.in-addr.arpa", "1.10.in-addr.arpa"
OF_BLOG = zone("inner", "inner.example", namespaces=("blog",), reverse_domains=(INNER,))


def test_a_reverse_zone_inside_a_reverse_zone_hides_pointers_of_the_outer_one():
    world = World(zone(reverse_domains=(OUTER,)), service(), pod("a", "10.1.0.1"), pod("b", "10.2.0.1"))
    assert len(world.lines("PTR", apex=OUTER)) == 2
    world.put(OF_BLOG)
    assert world.lines("PTR", apex=OUTER) == ["1.0.2 PTR 10-2-0-1.web.shop.example.com."]
    (problem,) = world.zones.service_problems(Key("shop", "web"))
    assert problem.reason == "ShadowedByZone"
    assert "1.0.1.10.in-addr.arpa" in problem.message
    assert "web.shop A 10.1.0.1" in world.lines("A")
    world.drop(Pod, Key("shop", "a"))
    world.commit()
    assert world.zones.service_problems(Key("shop", "web")) == []
    world.put(pod("c", "10.1.0.2"))
    assert world.zones.service_problems(Key("shop", "web"))
    world.drop(DiscoveryZone, Key("", "inner"))
    world.commit()
    assert len(world.lines("PTR", apex=OUTER)) == 2
    assert world.zones.service_problems(Key("shop", "web")) == []


def test_an_inner_reverse_zone_that_selects_the_service_has_its_pointers():
    inner = zone("inner", "inner.example", reverse_domains=(INNER,))
    world = World(zone(reverse_domains=(OUTER,)), inner, service(), pod("a", "10.1.0.1"))
    assert world.lines("PTR", apex=INNER) == ["1.0 PTR 10-1-0-1.web.shop.inner.example."]
    assert world.lines("PTR", apex=OUTER) == []
    assert world.zones.service_problems(Key("shop", "web")) == []


def test_an_inner_reverse_domain_of_the_same_zone_hides_nothing():
    world = World(zone(reverse_domains=(OUTER, INNER)), service(), pod("a", "10.1.0.1"), pod("b", "10.2.0.1"))
    assert len(world.lines("PTR", apex=OUTER)) == len(world.lines("PTR", apex=INNER)) == 1
    assert world.zones.service_problems(Key("shop", "web")) == []


def test_a_domain_belongs_to_the_oldest_zone():
    world = World(zone("new", created="2026-01-02T00:00:00Z", ttl_seconds=30), service(), pod(), zone("old"))
    assert world.zones.problem("new").reason == "DomainTaken"
    assert world.zones.problem("old") is None
    world.drop(DiscoveryZone, Key("", "old"))
    world.commit()
    assert world.zones.problem("new") is None
    assert "web.shop A 10.0.0.1" in world.lines("A")


def test_two_versions_with_one_label_have_no_version_name():
    other = {"app": "web", "app.kubernetes.io/version": "v1-2"}
    world = World(zone(), service(), pod("a", labels=VERSION), pod("b", address="10.0.0.2", labels=other))
    assert not [line for line in world.lines() if "versions" in line]
    assert world.zones.service_problems(Key("shop", "web"))[0].reason == "VersionCollision"
    assert len([line for line in world.lines("A") if line.startswith("web.shop")]) == 2


def test_a_name_that_is_too_long_quarantines_its_service_only():
    domain = ".".join(["d" * 60] * 2 + ["example"])
    world = World(zone(domain=domain), service("s" * 63), service(), pod())
    assert world.zones.service_problems(Key("shop", "s" * 63))[0].reason == "InvalidName"
    assert "web.shop A 10.0.0.1" in world.lines("A", apex=domain)


def test_a_port_whose_name_makes_no_label_has_no_srv():
    ports = (ServicePort(80, "p" * 63), ServicePort(81, "q" * 62))
    world = World(zone(), service(ports=ports), pod())
    assert [line.split()[0] for line in world.lines("SRV")] == [f"_{'q' * 62}._tcp.web.shop"]
    (problem,) = world.zones.service_problems(Key("shop", "web"))
    assert problem.reason == "InvalidPortName"


def test_the_longest_names_that_are_published_fit():
    long = {"app": "web", "app.kubernetes.io/version": "v" * 63}
    for length in range(1, 60):
        domain = f"{'d' * 60}.{'e' * length}"
        ports = (ServicePort(80, "p" * 62, "SCTP"),)
        held = pod(hostname="h" * 63, labels=long)
        world = World(zone(domain=domain), service("s" * 50, ports=ports), held)
        assert world.lines("SRV", apex=domain) or world.zones.service_problems(Key("shop", "s" * 50))


def test_a_service_that_breaks_us_keeps_its_records_and_hurts_no_other():
    world = World(zone(), service(), pod("a"), service("api", selector={"app": "api"}))
    judged = world.directory.get(Key("shop", "web")).instances[Key("shop", "a")]
    broken = msgspec.structs.replace(judged, label="x" * 64)
    world.directory.get(Key("shop", "web")).instances[Key("shop", "a")] = broken
    world.zones.place({Key("shop", "web"): ServiceChange(pods={Key("shop", "a")})})
    world.put(pod("b", address="10.0.0.2", labels={"app": "api"}))
    assert "web.shop A 10.0.0.1" in world.lines("A")
    assert "api.shop A 10.0.0.2" in world.lines("A")
    (problem,) = world.zones.service_problems(Key("shop", "web"))
    assert problem.reason == "InternalError"


def test_a_new_zone_is_handed_out_when_it_is_whole():
    world = World(service(), pod(), service("api"))
    world.apply(zone())
    assert world.zones.place_backlog(1)
    assert world.zones.commit(1000).deltas == ()
    assert not world.zones.place_backlog(1)
    (delta,) = world.zones.commit(1000).deltas
    assert len(delta.rrsets) > 3


def test_a_live_change_overtakes_the_backlog():
    world = World(zone(), *(service(f"s{number}") for number in range(20)), pod())
    world.apply(zone(generation=2, ttl_seconds=30))
    world.apply(pod(ready=False))
    world.zones.place(world.directory.take_changes())
    commit = world.zones.commit(1000)
    assert Key("shop", "s7") in commit.services


def test_a_flip_costs_the_records_of_one_instance():
    world = World(
        zone(), service(), *(pod(f"p{n}", address=f"10.0.{n // 250}.{n % 250 + 1}") for n in range(2000))
    )
    commit = world.put(pod("p7", address="10.0.0.8", ready=False))
    (delta,) = commit.deltas
    assert [len(rrset.remove) for rrset in delta.rrsets] == [1, 1, 1]
    assert not any(rrset.add for rrset in delta.rrsets)


def test_a_change_and_its_reversal_are_no_version():
    world = World(zone(), service(), pod())
    before = world.zones.get("main").content.serial
    world.apply(pod(ready=False))
    world.zones.place(world.directory.take_changes())
    world.apply(pod())
    assert world.put(now=2000).deltas == ()
    assert world.zones.get("main").content.serial == before


def test_serials_rise_with_each_version_and_with_the_clock():
    world = World(zone(), service(), pod())
    content = world.zones.get("main").content
    serials = [content.serial]
    for now, ready in ((1000, False), (1000, True), (5000, False), (10, True)):
        world.put(pod(ready=ready), now=now)
        serials.append(content.serial)
    assert serials == [1000, 1001, 1002, 5000, 5001]


APEX = b"\x07example\x03com\x00"


def test_a_restart_that_finds_nothing_changed_keeps_the_serial():
    first = World(zone(), service(), pod()).zones.get("main").content
    again = World(past={APEX: Past(first.serial, first.serial, first.digest)})
    again.put(zone(), service(), pod(), now=99999)
    assert again.zones.get("main").content.serial == first.serial
    assert again.follower.serials[APEX] == first.serial


def test_a_restart_after_a_crash_goes_on_above_the_ceiling():
    again = World(zone(), service(), pod(), past={APEX: Past(123456)})
    assert again.zones.get("main").content.serial == 123457


def test_a_restart_that_finds_a_change_goes_on_above_the_last_serial():
    first = World(zone(), service(), pod()).zones.get("main").content
    again = World(past={APEX: Past(first.serial, first.serial, first.digest)})
    again.put(zone(), service(), pod(ready=False), now=10)
    assert again.zones.get("main").content.serial == first.serial + 1


def test_a_zone_that_returns_goes_on_above_its_last_serial():
    world = World(zone(), service(), pod())
    world.drop(DiscoveryZone, Key("", "main"))
    (gone,) = world.commit().deltas
    assert gone.gone
    world.put(zone(uid="another"), now=10)
    assert world.zones.get("main").content.serial == 1001


APEX = b"\x07example\x03com\x00"
PORT_NAME = b"\x05_http\x04_tcp\x03web\x04shop" + APEX


def test_the_names_of_ports_are_known_while_the_service_is():
    world = World(zone(), service(), pod(ready=False))
    assert world.follower.known[APEX] == {PORT_NAME}
    world.put(service(ports=(ServicePort(80, "web", "TCP", 80), ServicePort(53, "", "UDP", 53))))
    assert world.follower.known[APEX] == {b"\x04_web" + PORT_NAME[6:]}
    world.drop(Service, Key("shop", "web"))
    world.commit()
    assert world.follower.known[APEX] == set()
    assert all(not delta.names for delta in world.zones.full_deltas())


def test_a_new_consumer_is_told_of_known_names():
    world = World(zone(), service())
    (delta,) = world.zones.full_deltas()
    assert delta.names == ((PORT_NAME, True),)


def test_what_is_cut_is_known():
    pods = [pod(f"web-{number}", f"10.0.0.{number}") for number in range(1, 71)]
    world = World(zone(), service(), resource(answer=Answer(Policy.ALL, max=60)), *pods)
    key = Key("shop", "web")
    assert world.zones.cut(key) == {PORT_NAME: (60, 70), PORT_NAME[11:]: (60, 70)}
    world.put(*(msgspec.structs.replace(each, ready=False) for each in pods[:10]))
    assert world.zones.cut(key) == {}
    world.put(*pods)
    assert len(world.zones.cut(key)) == 2
    world.put(resource(answer=Answer(Policy.RANDOM, max=60), generation=2))
    assert world.zones.cut(key) == {PORT_NAME: (60, 70)}
    world.drop(Service, key)
    world.commit()
    assert [content.cut.sets for content in world.zones.contents()] == [{}]
