"""Which records of a zone go to a provider, and in which form."""

from typing import Any

import pytest

from rollcall.publish.octodns.desired import desired
from rollcall.zone.marker import is_own_string
from unit.publish.octodns.zones import IDENTITY, Domain, web


def form(domain: Domain, identity: str = IDENTITY) -> tuple[dict[tuple[str, str], Any], list[str]]:
    left_out: list[str] = []
    found = list(desired(domain.rrsets(), domain.published.apex, identity, left_out))
    assert all(each.data["ttl"] == 5 for each in found)
    values = {(each.name, each.data["type"]): each.data["values"] for each in found}
    return {key: sorted(held, key=str) for key, held in values.items()}, sorted(left_out)


def test_a_service() -> None:
    domain = Domain()
    domain.hold("@ NS ns1", "ns1 A 192.0.2.1", *web("10.0.0.1", "fd00::1"))
    own = "10-0-0-1.web.shop", "fd00--1.web.shop"
    ports = [{"priority": 0, "weight": 100, "port": 80, "target": f"{name}.k8s.example.com."} for name in own]
    ports.sort(key=str)
    assert form(domain) == (
        {
            ("web.shop", "A"): ["10.0.0.1"],
            ("web.shop", "AAAA"): ["fd00::1"],
            (own[0], "A"): ["10.0.0.1"],
            (own[1], "AAAA"): ["fd00::1"],
            ("_http._tcp.web.shop", "SRV"): ports,
            ("_rollcall.web.shop", "TXT"): ["heritage=rollcall,owner=prod,service=shop/web"],
        },
        [],
    )


def test_a_pointer_gets_a_marker() -> None:
    domain = Domain("0.10.in-addr.arpa")
    domain.hold("@ NS ns1.example.com.", "1.0 PTR a.example.com.", "1.0 PTR b.example.com.")
    assert form(domain) == (
        {
            ("1.0", "PTR"): ["a.example.com.", "b.example.com."],
            ("_rollcall.1.0", "TXT"): ["heritage=rollcall,owner=prod"],
        },
        [],
    )


def test_the_generation_is_no_change() -> None:
    first, second = Domain(), Domain()
    first.hold(*web("10.0.0.1", generation=1))
    second.hold(*web("10.0.0.1", generation=2))
    assert form(first) == form(second)


def test_what_octodns_has_no_form_for_is_named() -> None:
    domain = Domain()
    domain.hold(*web("10.0.0.1"), r"a\.b.web.shop A 10.0.0.2", "x.web.shop MX 1 y")
    found, left_out = form(domain)
    assert len(found) == 4
    assert left_out == [r"a\.b.web.shop.k8s.example.com (type 1)", "x.web.shop.k8s.example.com (type 15)"]


@pytest.mark.parametrize("identity", ["prod", "a;b", 'a"b\\', "ä b", "a,b"])
def test_a_marker_needs_no_escapes_and_is_known_again(identity: str) -> None:
    domain = Domain("0.10.in-addr.arpa")
    domain.hold("1.0 PTR a.example.com.")
    (text,) = form(domain, identity)[0]["_rollcall.1.0", "TXT"]
    assert not set(text) & set("\\\"; '")
    assert is_own_string(text, identity)
    assert is_own_string(f"{text},service=shop/web", identity)
    assert not is_own_string(f"{text}x", identity)
    assert not is_own_string(text, "other")
