"""Whatever happens, in whatever order, the zone ends as the final state alone gives it."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.model import (
    Answer,
    BlueGreen,
    Canary,
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
    Release,
    Service,
    ServiceInstance,
    Terminating,
    UnweightedTargets,
)
from rollcall.zone.content import digest_of
from thorough import examples
from unit.records import Follower
from unit.world import World, pod, resource, service, zone

NAMESPACES = ("shop", "blog")
namespaces = st.sampled_from(NAMESPACES)
labels = st.fixed_dictionaries(
    {"app": st.sampled_from(("web", "api"))},
    optional={"app.kubernetes.io/version": st.sampled_from(("1.0", "1-0", "v2", "1_0"))},
)
addresses = st.sampled_from(
    (("10.0.0.9",), (), ("10.0.0.1",), ("10.0.0.2",), ("10.0.0.2", "fd00::2"), ("fd00::3",), ("010.0.0.4",))
)


@st.composite
def pods(draw):
    phase = draw(st.sampled_from(("Running",) * 5 + ("Pending", "Failed", "Unknown")))
    ips = draw(addresses)
    return pod(
        draw(st.sampled_from(("a", "b", "c", "d"))),
        namespace=draw(namespaces),
        labels=draw(labels),
        phase=phase,
        ready=draw(st.sampled_from((True, True, False, None))) if phase == "Running" and ips else False,
        deleting=draw(st.sampled_from((False, False, False, True))),
        addresses=ips,
        hostname=draw(st.sampled_from(("", "one", "versions", "10-0-0-9"))),
        weight=draw(st.sampled_from((None, "0", "7", "x"))),
        drain=draw(st.sampled_from((None, None, "true", "no"))),
    )


families = st.sampled_from(((), (IPFamily.IPV4,), (IPFamily.IPV6,), (IPFamily.IPV6, IPFamily.IPV4)))
services = st.builds(
    service,
    st.sampled_from(("web", "api", "ns1")),
    namespace=namespaces,
    selector=st.sampled_from(({"app": "web"}, {"app": "web"}, {"app": "api"}, None)),
    publish_not_ready=st.booleans(),
    ip_families=families,
    created=st.sampled_from(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")),
    type=st.sampled_from(("ClusterIP", "ClusterIP", "ExternalName")),
)
resources = st.builds(
    resource,
    st.sampled_from(("web", "api", "own")),
    namespace=namespaces,
    generation=st.integers(1, 3),
    selector=st.sampled_from((None, {"app": "web"})),
    ttl_seconds=st.sampled_from((None, 1, 5)),
    negative_ttl_seconds=st.sampled_from((None, 1, 5)),
    answer=st.sampled_from((Answer(), Answer(Policy.ONE), Answer(Policy.RANDOM, 2))),
    eligibility=st.builds(
        Eligibility,
        st.sampled_from((None, True, False)),
        st.sampled_from(tuple(InstanceNames)),
        st.sampled_from((None, *Terminating)),
    ),
    ip_families=st.sampled_from(((), (), (IPFamily.IPV4,), (IPFamily.IPV6,))),
    release=st.sampled_from(
        (
            *[Release()] * 2,
            Release("app"),
            Release(blue_green=BlueGreen("v2")),
            Release(blue_green=BlueGreen("1.0", 2)),
            Release(canary=Canary("1.0", "v2", 10)),
            Release(canary=Canary("v2", "1-0", 100)),
            Release(canary=Canary("1.0", "v2", 50, UnweightedTargets.STABLE_ONLY)),
            Release(canary=Canary("1.0", "v2", 70, UnweightedTargets.BY_COUNT)),
        )
    ),
    zones=st.sampled_from(((), ("main",), ("other",))),
)
zones = st.builds(
    zone,
    st.sampled_from(("main", "other", "third")),
    domain=st.sampled_from(("example.com", "shop.example.com", "web.shop.example.com", "example.net")),
    created=st.sampled_from(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")),
    namespaces=st.sampled_from(((), ("shop",))),
    naming=st.sampled_from(tuple(Naming)),
    flat_names=st.sampled_from(((), (FlatName("web", "shop"),))),
    ttl_seconds=st.sampled_from((5, 30)),
    ip_families=families,
    name_servers=st.sampled_from(((), (NameServer("ns1.example.com", ("192.0.2.1",)),))),
    reverse_domains=st.sampled_from(
        ((), ("0.0.10.in-addr.arpa",), ("10.in-addr.arpa", "ip6.arpa"), ("0.10.in-addr.arpa",))
    ),
)
changes = st.one_of(pods(), services, resources, zones)
drops = st.one_of(
    st.tuples(st.just(Pod), st.builds(Key, namespaces, st.sampled_from("abcd"))),
    st.tuples(st.just(Service), st.builds(Key, namespaces, st.sampled_from(("web", "api", "ns1")))),
    st.tuples(st.just(ServiceInstance), st.builds(Key, namespaces, st.sampled_from(("web", "api", "own")))),
    st.tuples(
        st.just(DiscoveryZone), st.builds(Key, st.just(""), st.sampled_from(("main", "other", "third")))
    ),
)
events = st.one_of(*[changes] * 4, *[drops] * 4, st.integers(0, 3))
"""What is made or changed, what is deleted, and how much of the backlog a version takes."""


def tell(world, event):
    """Let something happen, as it can happen now."""
    match event:
        case int():
            world.commit(event)
        case (kind, key):
            world.drop(kind, key)
        case _:
            world.apply(world.history.possible(event))


beginnings = st.tuples(
    zones,
    st.builds(service, namespace=st.just("shop")),
    services,
    st.builds(pod, labels=labels, hostname=st.just("one")),
)


@settings(max_examples=examples(400))
@given(beginnings, st.lists(events, min_size=10, max_size=60), st.randoms(use_true_random=False))
def test_the_zone_is_what_the_final_state_alone_gives(beginning, story, random):
    world = World(now=0)
    for event in (*beginning, *story):
        tell(world, event)
    world.commit()

    # What a release has let through so far is no part of the final state: it is read back from the status.
    state = world.history.present()
    for index, each in enumerate(state):
        if isinstance(each, ServiceInstance):
            entry = world.directory.get(each.key)
            assert entry is not None
            state[index] = msgspec.structs.replace(each, released=entry.released)
    random.shuffle(state)
    fresh = World(now=0)
    fresh.put(*state)

    assert world.follower.zones == fresh.follower.zones
    assert world.follower.negative_ttls == fresh.follower.negative_ttls
    assert world.follower.known == fresh.follower.known
    for told in ("cut", "cut_elsewhere"):
        found = [{c.apex: getattr(c, told).sets for c in each.zones.contents()} for each in (world, fresh)]
        assert found[0] == found[1]
    for name in ("main", "other", "third"):
        assert world.zones.problem(name) == fresh.zones.problem(name)
    for entry in world.directory:
        twin = fresh.directory.get(entry.key)
        assert twin is not None
        assert entry.counts == twin.counts
        assert entry.instances == twin.instances
        assert (entry.released, entry.release_problem) == (twin.released, twin.release_problem)
        assert world.zones.service_problems(entry.key) == fresh.zones.service_problems(entry.key)
    whole = Follower()
    whole.apply(world.zones.full_deltas())
    assert whole.zones == world.follower.zones
    for content in world.zones.contents():
        records = [
            (key, ttl, data, data not in withheld)
            for key, (ttl, _, members, withheld) in world.follower.zones[content.apex].items()
            for data in members
        ]
        assert content.digest == digest_of(records)
        assert content.record_count == len(records)
        assert content.name_count == len({owner for (owner, _), *_ in records})
