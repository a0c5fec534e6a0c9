"""An address that means another machine to each who asks is in no record and in no file."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.model import Eligibility, EndpointSlice, InstanceNames, Key, Pod
from rollcall.publish.files import FORMATS, render
from thorough import examples
from unit.publish.files.builders import file
from unit.world import World, endpoint_slice, pod, resource, service, zone

NETWORKS = [
    ip_network(text)
    for text in (
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "fe80::/10",
        "ff00::/8",
    )
]
GOOD = {"IPv4": "10.0.0.1", "IPv6": "fd00::1"}
REVERSE = ("10.in-addr.arpa", "127.in-addr.arpa", "254.169.in-addr.arpa", "ip6.arpa")


def _within(network: IPv4Network | IPv6Network) -> st.SearchStrategy[str]:
    first, last = int(network.network_address), int(network.broadcast_address)
    kind = IPv6Address if isinstance(network, IPv6Network) else IPv4Address
    return st.integers(first, last).map(lambda number: str(kind(number)))


unreachable_v4 = st.one_of(
    st.just("0.0.0.0"), *(_within(network) for network in NETWORKS if network.version == 4)
)
unreachable_v6 = st.one_of(
    st.sampled_from(["::1", "::", "fe80::1%eth0", "fd00::9%1"]),
    unreachable_v4.map(lambda text: f"::ffff:{text}"),
    *(_within(network) for network in NETWORKS if network.version == 6),
)
unreachable = st.one_of(unreachable_v4, unreachable_v6)


def published(*objects: Pod | EndpointSlice, selector: dict[str, str] | None) -> tuple[list[str], list[str]]:
    """Return all records, those of reverse zones too, and the file in each format."""
    live = resource(
        eligibility=Eligibility(instance_names=InstanceNames.LIVE, publish_not_ready_addresses=True)
    )
    world = World(zone(reverse_domains=REVERSE), service(selector=selector), live, *objects)
    entry = world.directory.get(Key("shop", "web"))
    assert entry is not None
    files = [render(file(form), [entry.members()], 1).text for form in FORMATS]
    return [line for apex in ("example.com", *REVERSE) for line in world.lines(apex=apex)], files


@settings(max_examples=examples(200))
@given(bad=st.lists(unreachable, min_size=1, max_size=2), good=st.sampled_from([None, *GOOD.values()]))
def test_of_a_pod(bad: list[str], good: str | None) -> None:
    app = {"app": "web"}
    addresses = (*bad[:1], *([good] if good else []), *bad[1:])
    odd = published(pod("a", addresses=addresses, hostname="one", impossible=True), selector=app)
    if good:
        assert odd == published(pod("a", addresses=(good,), hostname="one"), selector=app)
    else:
        assert odd == published(selector=app)


@settings(max_examples=examples(200))
@given(bad=unreachable, with_good=st.booleans())
def test_of_an_endpoint_slice(bad: str, with_good: bool) -> None:
    family = "IPv6" if ":" in bad else "IPv4"
    good = [GOOD[family]] if with_good else []
    odd = endpoint_slice("s", bad, *good, service="web", address_type=family)
    fine = endpoint_slice("s", *good, service="web", address_type=family)
    assert published(odd, selector=None) == published(fine, selector=None)


@pytest.mark.parametrize("bad", ["127.0.0.1", "169.254.169.254", "::1"])
def test_it_is_said_which_and_why(bad: str) -> None:
    odd = pod("b", addresses=(bad, GOOD["IPv4" if ":" in bad else "IPv6"]))
    world = World(zone(), service(), pod("a", address=bad), odd)
    entry = world.directory.get(Key("shop", "web"))
    assert entry is not None
    alone, beside = (entry.instances[Key("shop", name)] for name in "ab")
    assert (alone.eligible, alone.reason) == (False, "InvalidAddress")
    assert f"no address to answer: {bad} is " in alone.message
    assert beside.eligible
    assert f"Not answered: {bad} is " in beside.message
