"""The status of a DiscoveryZone."""

import pytest

from rollcall.model import NameServer, ZoneStatus, parse_selector
from rollcall.propagation.report import TargetReport
from rollcall.publish.update.reasons import implausible
from rollcall.status.transitions import transitions
from rollcall.zone import Installation
from rollcall.zone.names import from_text
from unit.status.cluster import START, World, states
from unit.world import pod, resource, service, zone


def test_a_zone_as_it_should_be() -> None:
    made = World()
    made.put(main := zone(generation=4), service(), resource(), pod())
    status = made.zone(main)
    assert status.pop("conditions")
    assert len(status.pop("digest")) == 32
    assert status == {
        "observedGeneration": 4,
        "owner": "test",
        "serial": START,
        # SOA, NS; A of the service, A of the instance, SRV, TXT
        "records": 6,
        "names": 5,
        "services": 1,
        "publications": [
            {
                "domain": "example.com",
                "target": "serve",
                "serial": START,
                "time": "2027-01-15T08:00:00Z",
            }
        ],
    }
    assert states(made.zone(main)) == {"Ready": ("True", "Published")}


def test_an_empty_zone_is_published() -> None:
    status = World(main := zone()).zone(main)
    assert states(status) == {"Ready": ("True", "Published")}
    assert (status["records"], status["names"], status["services"]) == (2, 1, 0)


def test_reverse_domains_are_published_each_on_its_own() -> None:
    made = World(main := zone(reverse_domains=("0.10.in-addr.arpa",)), service(), pod())
    publications = made.zone(main)["publications"]
    assert [each["domain"] for each in publications] == ["example.com", "0.10.in-addr.arpa"]


def test_a_domain_that_another_zone_has() -> None:
    younger = zone("younger", created="2026-06-01T00:00:00Z")
    status = World(zone(), younger).zone(younger)
    assert states(status) == {"Ready": ("False", "DomainTaken"), "Stalled": ("True", "DomainTaken")}
    assert "serial" not in status


def test_a_spec_that_no_zone_can_be_made_of() -> None:
    odd = zone(name_servers=(NameServer("ns.example.com", ("not-an-address",)),))
    assert states(World(odd).zone(odd))["Stalled"] == ("True", "InvalidDomain")


def test_a_reverse_domain_that_another_zone_has() -> None:
    reverse = ("0.10.in-addr.arpa",)
    younger = zone("younger", "b.test", created="2026-06-01T00:00:00Z", reverse_domains=reverse)
    status = World(zone(reverse_domains=reverse), younger).zone(younger)
    assert states(status)["Stalled"] == ("True", "DomainTaken")
    assert status["serial"] == START, "it is served all the same"


def test_before_it_is_complete() -> None:
    made = World()
    made.directory.apply_service(service())
    made.zones.apply_zone(main := zone())
    status = made.zone(main)
    assert states(status) == {"Ready": ("False", "Building"), "Reconciling": ("True", "Building")}
    assert "serial" not in status


def test_before_a_dns_worker_has_it() -> None:
    made = World()
    made.zones.apply_zone(main := zone())
    made.commit()
    status = made.zone(main)
    assert states(status)["Reconciling"] == ("True", "Publishing")
    assert status["publications"] == []


def test_a_zone_that_was_never_taken_in() -> None:
    assert states(World().zone(zone()))["Reconciling"] == ("True", "Building")


def test_what_is_as_before_keeps_its_times() -> None:
    made = World(main := zone(), service(), pod())
    first = made.zone(main)
    made.now += 100
    assert made.zone(main, first) == first
    made.put(pod("web-1", "10.0.0.2"))
    second = made.zone(main, first)
    assert second["serial"] == START + 100
    assert second["publications"][0]["time"] == "2027-01-15T08:01:40Z"
    assert second["digest"] != first["digest"]


def report(reason: str, target: str = "bind", serial: int = 7, message: str = "") -> TargetReport:
    healthy = reason in ("Current", "Behind")
    return TargetReport("internal", from_text("example.com"), target, serial, START, reason, message, healthy)


def test_a_target_has_an_entry_with_its_lag() -> None:
    made = World(main := zone("internal"))
    assert made.hear(report("Behind"), START - 40)
    assert made.hear(report("TimedOut", message="No answer."), START - 30)
    assert not made.hear(report("TimedOut", message="No answer."), START - 20)
    assert made.zone(main)["publications"][1] == {
        "domain": "example.com",
        "target": "bind",
        "serial": 7,
        "time": "2027-01-15T08:00:00Z",
        "reason": "TimedOut",
        "message": "No answer.",
        "lagSeconds": 40,
    }
    made.hear(report("Current", serial=9), START)
    entry = made.zone(main)["publications"][1]
    assert (entry["serial"], entry["reason"], entry["lagSeconds"]) == (9, "Current", 0)


def test_a_target_that_is_on_its_way_makes_no_zone_unready() -> None:
    made = World(main := zone("internal"))
    made.hear(report("Behind"), START)
    assert states(made.zone(main)) == {"Ready": ("True", "Published")}


def test_failing_targets_are_named_in_the_condition() -> None:
    made = World(main := zone("internal"))
    made.hear(report("Current", "a"), START)
    for number in range(7):
        made.hear(report("BadKey", f"n{number}", message="Add the key."), START)
    status = made.zone(main)
    assert states(status) == {"Ready": ("False", "BadKey")}
    message = status["conditions"][0]["message"]
    assert message.startswith("n0, example.com: Add the key. n1")
    assert message.endswith("2 more targets are listed in status.publications.")


def test_a_marker_that_no_leader_wrote_is_an_event_that_says_what_to_do() -> None:
    made = World(main := zone("internal"))
    made.hear(report("Current"), START)
    before = made.zone_status(main, ZoneStatus())
    assert isinstance(before, ZoneStatus)
    message = implausible([from_text("web.shop.example.com")], 10**18)
    made.hear(report("ImplausibleMarker", message=message), START)
    after = made.zone_status(main, before)
    assert isinstance(after, ZoneStatus)
    (event,) = transitions(before, after)
    assert (event.type, event.reason) == ("Warning", "ImplausibleMarker")
    assert "update delete _rollcall.web.shop.example.com. TXT" in event.message
    made.hear(report("Current", serial=8), START)
    again = made.zone_status(main, after)
    assert isinstance(again, ZoneStatus)
    assert [each.type for each in transitions(after, again)] == ["Normal"]


def test_what_is_no_target_any_more_is_forgotten() -> None:
    made = World(main := zone("internal"))
    made.hear(report("BadKey", "old"), START)
    made.hear(report("Current", "new"), START)
    made.targets.keep({(from_text("example.com"), "new")})
    assert [each["target"] for each in made.zone(main)["publications"]] == ["serve", "new"]
    made.targets.keep(())
    assert list(made.targets) == []


# --- whose it is ----------------------------------------------------------------------------------------

SHOP = Installation("test", "shop")


def test_what_is_anothers_is_not_written() -> None:
    made = World(main := zone(owner="other"))
    assert made.zone_status(main, ZoneStatus(owner="other")) is None
    assert made.zone_status(zone(), ZoneStatus(owner="other")) is None, "the watch is behind"


def test_what_nobody_has_is_taken_with_the_write() -> None:
    made = World(main := zone(owner=""), service(), pod())
    status = made.zone(main)
    assert status["owner"] == "test"
    assert states(status) == {"Ready": ("True", "Published")}


def test_one_that_is_given_to_us_is_taken_from_its_owner_with_its_serials() -> None:
    made = World()
    made.zones.apply_zone(main := zone(owner="other", assigned="test"))
    status = made.zone(main, {"owner": "other", "serial": 77, "digest": "ab"})
    assert (status["owner"], status["serial"], status["digest"]) == ("test", 77, "ab")
    assert states(status)["Reconciling"] == ("True", "Building")


def test_one_that_is_given_to_another_is_published_until_that_one_has_taken_it() -> None:
    made = World(main := zone(assigned="shpo"))
    status = made.zone(main, {"owner": "test"})
    assert states(status) == {"Ready": ("True", "OwnerAwaited")}
    assert "shpo" in status["conditions"][0]["message"]
    assert made.zone_status(main, ZoneStatus()) is None, "wiped, it is the other's to take"


def test_one_that_the_selector_leaves_out_is_given_up_with_its_serials() -> None:
    picky = Installation("test", zone_selector=parse_selector("team=shop"))
    made = World(main := zone(), installation=picky)
    status = made.zone(main, {"owner": "test", "serial": 77})
    assert (status["owner"], status["serial"]) == ("", 77)
    assert states(status)["Stalled"] == ("True", "GivenUp")
    assert made.zone_status(main, ZoneStatus()) is None


def test_one_of_namespaces_that_are_not_watched_is_refused_and_left_to_who_watches_them() -> None:
    made = World(main := zone(owner="", namespaces=("pay",)), installation=SHOP)
    status = made.zone(main)
    assert (status["owner"], "serial" in status) == ("", False)
    assert states(status)["Stalled"] == ("True", "NamespaceNotWatched")
    assert made.zone_status(main, ZoneStatus(owner="other")) is None


def test_one_that_is_edited_so_is_still_ours_and_says_what_it_has() -> None:
    made = World(zone(namespaces=("shop",)), service(), pod(), installation=SHOP)
    made.put(edited := zone(namespaces=("pay",), generation=2))
    status = made.zone(edited, {"owner": "test"})
    assert (status["owner"], status["services"], status["serial"]) == ("test", 1, START)
    assert states(status)["Stalled"] == ("True", "NamespaceNotWatched")


@pytest.mark.parametrize(
    ("namespaces", "installation", "is_said"),
    [((), SHOP, True), (("shop",), SHOP, False), ((), Installation("test"), False)],
)
def test_one_of_all_namespaces_says_where_one_alone_is_watched(
    namespaces: tuple[str, ...], installation: Installation, is_said: bool
) -> None:
    made = World(main := zone(namespaces=namespaces), service(), pod(), installation=installation)
    status = made.zone(main, {"owner": "test"})
    assert states(status) == {"Ready": ("True", "Published")}
    assert ("The services of shop alone are in it" in status["conditions"][0]["message"]) is is_said


def test_one_of_which_some_namespaces_are_watched_says_which_are_not() -> None:
    made = World(main := zone(namespaces=("pay", "shop")), service(), pod(), installation=SHOP)
    status = made.zone(main, {"owner": "test"})
    assert states(status) == {"Ready": ("True", "NamespaceNotWatched")}
    assert "The services of pay are not in it" in status["conditions"][0]["message"]
