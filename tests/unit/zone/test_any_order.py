"""Whatever happens, in whatever order, the zone ends as the final state alone gives it."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.directory import Directory
from rollcall.model import (
    Answer,
    BlueGreen,
    Canary,
    Eligibility,
    InstanceNames,
    Key,
    NameServer,
    Naming,
    Policy,
    Release,
    UnweightedTargets,
)
from rollcall.zone import Zones
from rollcall.zone.content import digest_of
from unit.records import Follower
from unit.world import pod, resource, service, zone

NAMESPACES = ("shop", "blog")
namespaces = st.sampled_from(NAMESPACES)
labels = st.fixed_dictionaries(
    {"app": st.sampled_from(("web", "api"))},
    optional={"app.kubernetes.io/version": st.sampled_from(("1.0", "1-0", "v2", "_"))},
)
addresses = st.sampled_from(
    (("10.0.0.9",), (), ("10.0.0.1",), ("10.0.0.2",), ("10.0.0.2", "fd00::2"), ("fd00::3",), ("bad",))
)


@st.composite
def pods(draw):
    phase = draw(st.sampled_from(("Running",) * 5 + ("Pending", "Failed", "Unknown")))
    return pod(
        draw(st.sampled_from(("a", "b", "c", "d"))),
        namespace=draw(namespaces),
        labels=draw(labels),
        phase=phase,
        ready=draw(st.sampled_from((True, True, False, None))) if phase == "Running" else False,
        deleting=draw(st.sampled_from((False, False, False, True))),
        addresses=draw(addresses),
        hostname=draw(st.sampled_from(("", "one", "versions", "Not_Valid"))),
        weight=draw(st.sampled_from((None, "0", "7", "x"))),
        drain=draw(st.sampled_from((None, None, "true", "no"))),
    )


services = st.builds(
    service,
    st.sampled_from(("web", "api", "ns1")),
    namespace=namespaces,
    selector=st.sampled_from(({"app": "web"}, {"app": "web"}, {"app": "api"}, None)),
    publish_not_ready=st.booleans(),
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
        Eligibility, st.sampled_from((None, True, False)), st.sampled_from(tuple(InstanceNames))
    ),
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
    ttl_seconds=st.sampled_from((5, 30)),
    name_servers=st.sampled_from(((), (NameServer("ns1.example.com", ("192.0.2.1",)),))),
    reverse_domains=st.sampled_from(((), ("0.0.10.in-addr.arpa",), ("10.in-addr.arpa", "ip6.arpa"))),
)
events = st.one_of(
    st.tuples(st.just("pod"), pods()),
    st.tuples(st.just("service"), services),
    st.tuples(st.just("resource"), resources),
    st.tuples(st.just("zone"), zones),
    st.tuples(st.just("drop pod"), st.builds(Key, namespaces, st.sampled_from("abcd"))),
    st.tuples(st.just("drop service"), st.builds(Key, namespaces, st.sampled_from(("web", "api", "ns1")))),
    st.tuples(st.just("drop resource"), st.builds(Key, namespaces, st.sampled_from(("web", "api", "own")))),
    st.tuples(st.just("drop zone"), st.sampled_from(("main", "other", "third"))),
    st.tuples(st.just("commit"), st.integers(0, 3)),
)


class World:
    """The pure core as the app drives it, beside a plain record of the state."""

    def __init__(self):
        self.directory = Directory()
        self.zones = Zones(self.directory, "test")
        self.follower = Follower()
        self.state = {}

    def happen(self, kind, value):
        directory = self.directory
        match kind:
            case "pod":
                directory.apply_pod(value)
            case "service":
                directory.apply_service(value)
            case "resource":
                directory.apply_resource(value)
            case "zone":
                self.zones.apply_zone(value)
            case "drop pod":
                directory.remove_pod(value)
            case "drop service":
                directory.remove_service(value)
            case "drop resource":
                directory.remove_resource(value)
            case "drop zone":
                self.zones.remove_zone(value)
            case "commit":
                self.zones.place(directory.take_changes())
                self.zones.place_backlog(value)
                self.follower.apply(self.zones.commit(0).deltas)
        if kind.startswith("drop "):
            self.state.pop((kind[5:], value), None)
        elif kind != "commit":
            self.state[kind, value.name if kind == "zone" else value.key] = value

    def settle(self):
        self.zones.place(self.directory.take_changes())
        while self.zones.place_backlog(2):
            pass
        self.follower.apply(self.zones.commit(0).deltas)


beginnings = st.tuples(
    st.tuples(st.just("zone"), zones),
    st.tuples(st.just("service"), st.builds(service, namespace=st.just("shop"))),
    st.tuples(st.just("service"), services),
    st.tuples(st.just("pod"), st.builds(pod, labels=labels, hostname=st.just("one"))),
)


@settings(max_examples=400)
@given(beginnings, st.lists(events, min_size=10, max_size=60), st.randoms(use_true_random=False))
def test_the_zone_is_what_the_final_state_alone_gives(beginning, story, random):
    world = World()
    for kind, value in (*beginning, *story):
        world.happen(kind, value)
    world.settle()

    # What a release has let through so far is no part of the final state: it is read back from the status.
    fresh = World()
    for (kind, key), value in world.state.items():
        if kind == "resource":
            entry = world.directory.get(key)
            assert entry is not None
            world.state[kind, key] = msgspec.structs.replace(value, released=entry.released)
    state = list(world.state.items())
    random.shuffle(state)
    for (kind, _), value in state:
        fresh.happen(kind, value)
    fresh.settle()

    assert world.follower.zones == fresh.follower.zones
    assert world.follower.negative_ttls == fresh.follower.negative_ttls
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
