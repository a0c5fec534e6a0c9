"""Which of several installations has a zone; what one that hasn't it, or can't fill it, does."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.model import Key, parse_selector
from rollcall.zone import Installation
from unit.world import World, pod, service, zone

SHOP = Installation("shop-team", "shop")
ALL = Installation("all")
WEB = Key("shop", "web")


def world(installation: Installation, *zones: Any) -> World:
    return World(service(), pod(), *zones, installation=installation)


def test_a_zone_of_another_installation_is_not_answered() -> None:
    made = world(SHOP, zone(owner="all"))
    assert made.zones.get("main") is None
    assert not made.follower.zones
    ((_, problem),) = made.zones.refused()
    assert problem.reason == "OwnedByAnother"
    assert "main belongs to the installation all" in problem.message
    assert "kubectl annotate --overwrite dz main rollcall.dev/owner=shop-team" in problem.message


def test_one_that_nobody_has_is_answered_but_goes_nowhere_until_it_is_ours() -> None:
    made = world(ALL, zone(owner=""))
    assert made.lines("A")
    assert not made.zones.is_owned("main")
    made.put(zone(owner="all"))
    assert made.zones.is_owned("main")


def test_becoming_ours_costs_no_service_another_look() -> None:
    made = world(ALL, zone(owner=""))
    made.apply(zone(owner="all", labels={"a": "b"}))
    served = made.zones.get("main")
    assert served is not None
    assert not served.backlog
    assert served.zone.owner == "all"


def test_it_leaves_when_another_has_taken_it_and_not_before() -> None:
    made = world(ALL, zone(owner="all"))
    made.put(zone(owner="all", assigned="shop-team"))
    assert made.lines("A"), "the other has not taken it"
    (commit,) = made.put(zone(owner="shop-team", assigned="shop-team")).deltas
    assert commit.gone


def test_what_a_user_has_given_to_another_is_not_taken() -> None:
    made = world(ALL, zone(owner="", assigned="shop-team"))
    assert made.zones.get("main") is None
    ((_, problem),) = made.zones.refused()
    assert "given to the installation shop-team" in problem.message


def test_a_selector_leaves_zones_to_others_without_a_word() -> None:
    picky = Installation("picky", zone_selector=parse_selector("team=shop"))
    made = world(picky, zone(owner=""), zone("ours", "b.test", owner="", labels={"team": "shop"}))
    assert made.zones.get("main") is None
    assert made.zones.get("ours") is not None
    assert not list(made.zones.refused())


def test_two_installations_may_have_one_domain() -> None:
    made = world(ALL, zone(owner="other"), zone("younger", owner="all", created="2026-06-01T00:00:00Z"))
    assert made.zones.problem("younger") is None
    assert made.lines("A")


# --- namespaces -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", ["", "shop-team"])
def test_a_zone_of_namespaces_that_are_not_watched_is_refused(owner: str) -> None:
    made = world(SHOP, zone(owner=owner, namespaces=("pay", "ship")))
    assert made.zones.get("main") is None
    problem = made.zones.problem("main")
    assert problem is not None
    assert problem.reason == "NamespaceNotWatched"
    for part in ("DiscoveryZone main", "pay, ship", "watches shop alone", "name shop there"):
        assert part in problem.message


@pytest.mark.parametrize("namespaces", [(), ("shop",), ("pay", "shop")])
def test_one_of_namespaces_that_are_watched_is_not(namespaces: tuple[str, ...]) -> None:
    made = world(SHOP, zone(owner="shop-team", namespaces=namespaces))
    assert made.zones.problem("main") is None
    assert made.lines("A")


def test_who_watches_all_refuses_none() -> None:
    assert world(ALL, zone(owner="all", namespaces=("pay",))).zones.problem("main") is None


def test_a_zone_that_is_edited_so_keeps_what_it_had() -> None:
    made = world(SHOP, zone(owner="shop-team", namespaces=("shop",)))
    before = made.lines("A")
    made.put(zone(owner="shop-team", namespaces=("pay",), generation=2))
    problem = made.zones.problem("main")
    assert problem is not None
    assert problem.message.endswith("What was published before stays until then.")
    made.put(pod("web-1", "10.0.0.2"))
    assert len(made.lines("A")) > len(before), "and it goes on"
    made.put(zone(owner="shop-team", namespaces=("pay", "shop"), generation=3))
    assert made.zones.problem("main") is None


# --- who writes of a service ----------------------------------------------------------------------------


def test_a_service_is_told_of_by_the_owner_of_its_oldest_zone() -> None:
    older, younger = zone(owner="all"), zone("b", "b.test", owner="shop-team", created="2026-06-01T00:00:00Z")
    for installation in (ALL, SHOP):
        made = world(installation, younger, older)
        assert made.zones.reporter(WEB) == "all"
        made.put(zone(owner="all", namespaces=("pay",), generation=2))
        assert made.zones.reporter(WEB) == "shop-team"


def test_a_service_in_no_zone_is_told_of_by_whoever_looks() -> None:
    assert world(ALL, zone(owner="all", namespaces=("pay",))).zones.reporter(WEB) is None


def test_nobody_tells_of_a_service_whose_zone_is_about_to_be_taken() -> None:
    assert world(ALL, zone(owner="")).zones.reporter(WEB) == ""


# --- serials --------------------------------------------------------------------------------------------


def test_serials_go_on_from_those_of_the_owner_before() -> None:
    made = world(ALL, zone(owner="other"))
    made.zones.resume(b"\x07example\x03com\x00", 5000)
    made.put(zone(owner="all"))
    served = made.zones.get("main")
    assert served is not None
    assert served.content.serial == 5001


# --- no two owners --------------------------------------------------------------------------------------

IDENTITIES = ("a", "b", "c")


class Object:
    """The zone at the API server, with its version."""

    def __init__(self) -> None:
        self.zone = zone(owner="")
        self.version = 0

    def write(self, **fields: Any) -> None:
        self.zone = msgspec.structs.replace(self.zone, **fields)
        self.version += 1


@given(
    st.integers(),
    st.lists(st.sampled_from(["read", "write", "wipe", "label", "give", "choose"]), max_size=60),
)
def test_an_owner_changes_only_as_a_user_wants(seed: int, steps: list[str]) -> None:
    """Installations read and write one zone in any order; in the end one that may have it has it."""
    draw = random.Random(seed)
    server = Object()
    them = {name: Installation(name) for name in IDENTITIES}
    seen = dict.fromkeys(IDENTITIES, (server.zone, 0))

    def look(name: str) -> None:
        seen[name] = server.zone, server.version

    def act(name: str) -> None:
        view, version = seen[name]
        owner = them[name].owner_to_write(view)
        if owner is None or owner == view.owner or version != server.version:
            return
        if view.owner not in ("", name):
            assert view.assigned == name, "from another only where a user has said so"
        server.write(owner=owner)

    for step in steps:
        name = draw.choice(IDENTITIES)
        match step:
            case "read":
                look(name)
            case "write":
                act(name)
            case "wipe":
                server.write(owner="")
            case "label":
                server.write(labels={"team": draw.choice("xy")})
            case "give":
                server.write(assigned=draw.choice(["", *IDENTITIES]))
            case _:
                selector = parse_selector(draw.choice(["", "team=x", "team!=x"]))
                them[name] = msgspec.structs.replace(them[name], zone_selector=selector)
    for _ in range(4):
        for name in draw.sample(IDENTITIES, 3):
            look(name)
            act(name)
    now = server.zone
    having = [name for name in IDENTITIES if them[name].owner_to_write(now) == name]
    assert having == ([now.owner] if now.owner else []), "one has it, and no other wants it"
    if now.assigned and them[now.assigned].selects(now):
        assert now.owner == now.assigned
    elif not now.assigned and any(each.selects(now) for each in them.values()):
        assert now.owner
