"""How each consumer is told of weights: 0 means no requests, unless that would leave nobody."""

import re

import msgspec
import pytest

from rollcall.model import Key, Members
from rollcall.model.weights import divide
from rollcall.publish.files import render
from rollcall.publish.files.formats.haproxy import scaled
from unit.publish.files.builders import file, instance, members


def weighted(*weights: int) -> Members:
    return members("web", *(instance(n, ipv6=False, weight=weight) for n, weight in enumerate(weights, 1)))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([], []),
        ([100, 0], [100, 0]),
        ([256, 1], [256, 1]),
        ([1000, 500, 1, 0], [256, 128, 1, 0]),
        ([51200, 51200, 1034], [198, 198, 4]),
        ([65535, 128], [256, 1]),
    ],
)
def test_haproxy_takes_0_to_256(weights: list[int], expected: list[int]) -> None:
    assert scaled(weights) == expected


@pytest.mark.parametrize(
    ("form", "pattern", "expected"),
    [
        ("nginx", r"server 10\S+ (.*);", ["weight=7", "down"]),
        ("haproxy", r"server .* weight (\d+)", ["7", "0"]),
        ("envoy-eds", r'"load_balancing_weight":(\d+)', ["7", "1"]),
        ("envoy-eds", r'"health_status":"(\w+)"', ["HEALTHY", "DRAINING"]),
        ("prometheus", r'weight":"(\d+)"', ["7", "0"]),
        ("json", r'"weight":(\d+)', ["7", "0"]),
        ("env", r"WEB_HOSTS=(.*)", ["10.0.0.1:8080"]),
        ("hosts", r" (web\.shop)", ["web.shop"]),
        ("zonefile", r"\nweb\.shop IN A (.*)", ["10.0.0.1"]),
        ("zonefile", r" SRV 0 (\d+)", ["0", "7"]),
        ("dnsmasq", r"\nhost-record=web\.shop,(.*),", ["10.0.0.1"]),
    ],
)
def test_a_weight_of_0(form: str, pattern: str, expected: list[str]) -> None:
    service = members("web", instance(1, ipv6=False, weight=7), instance(3, ipv6=False, weight=0))

    assert re.findall(pattern, render(file(form), [service], 1).text) == expected


@pytest.mark.parametrize(
    ("form", "pattern", "count"),
    [
        ("nginx", r"weight=1;", 2),
        ("haproxy", r"weight 1\n", 2),
        ("envoy-eds", r'"HEALTHY"', 2),
        ("env", r"WEB_\d_HOST=", 2),
        ("hosts", r" web\.shop\n", 2),
        ("zonefile", r"\nweb\.shop IN A ", 2),
        ("dnsmasq", r"\nhost-record=web\.shop,", 2),
    ],
)
def test_weights_of_0_throughout_say_nothing(form: str, pattern: str, count: int) -> None:
    assert len(re.findall(pattern, render(file(form), [weighted(0, 0)], 1).text)) == count


@pytest.mark.parametrize("percent", [1, 2, 5, 10, 25, 50, 75, 99])
@pytest.mark.parametrize("pods", [(1, 1), (2, 1), (3, 2), (10, 1)])
def test_haproxy_has_the_share_of_a_canary(percent: int, pods: tuple[int, int]) -> None:
    stable, canary = ({Key("shop", f"{n}-{i}"): 100 for i in range(count)} for n, count in enumerate(pods))
    shares = scaled(list(divide(stable, canary, percent).values()))
    got = 100 * sum(shares[pods[0] :]) / sum(shares)
    if 256 * (100 - percent) < percent * pods[0]:  # less than one step for each of the others
        assert abs(got - percent) < 3
    else:
        assert got == pytest.approx(percent, abs=0.15)


@pytest.mark.parametrize(
    ("form", "pattern", "expected"),
    [
        ("hosts", r" (web\.shop)\n", 1),
        ("zonefile", r"\nweb\.shop IN A ", 1),
        ("zonefile", r" SRV 0 ", 2),
        ("dnsmasq", r"\nhost-record=web\.shop,", 1),
        ("env", r"WEB_\d_HOST=", 1),
        ("nginx", r"weight=", 2),
        ("envoy-eds", r"load_balancing_weight", 2),
    ],
)
def test_an_instance_that_is_not_listed_is_where_weights_are(form: str, pattern: str, expected: int) -> None:
    service = members("web", instance(1, ipv6=False), instance(3, ipv6=False, listed=False))

    assert len(re.findall(pattern, render(file(form), [service], 1).text)) == expected


def test_json_tells_what_is_draining() -> None:
    service = msgspec.structs.replace(members("web", instance(1)), draining=(instance(2),), drain_seconds=60)
    (block,) = msgspec.json.decode(render(file("json"), [service], 1).text)["services"]
    assert [each["pod"] for each in block["instances"]] == ["web-1"]
    assert [each["pod"] for each in block["draining"]] == ["web-2"]
    assert block["drainSeconds"] == 60


def test_a_zone_file_that_is_cut_holds_both_sides_of_a_canary_with_their_shares() -> None:
    sides = [[instance(number) for number in range(1, 199)], [instance(number) for number in (201, 202)]]
    stable, canary = ({each.pod: 100 for each in side} for side in sides)
    weights = divide(stable, canary, 10)
    released = [
        msgspec.structs.replace(each, weight=weights[each.pod], canary=each.pod in canary)
        for side in sides
        for each in side
    ]
    text = render(file("zonefile"), [members("web", *released)], 1).text
    lines = re.findall(r"^_http\._tcp\.web\.shop IN SRV 0 (\d+) 8080 (\S+)$", text, re.MULTILINE)
    found = [(int(weight), target) for weight, target in lines]
    assert len(found) == 64
    on_trial = {f"{each.label}.web.shop" for each in sides[1]}
    part = sum(weight for weight, target in found if target in on_trial)
    assert abs(100 * part / sum(weight for weight, _ in found) - 10) < 0.1
