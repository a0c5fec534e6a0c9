"""The places that a service is published at: all that its zones go to, and what is wrong there."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.model import Answer, InstanceStatus
from rollcall.propagation.report import AHEAD, BEHIND, CURRENT, PartialTrouble, TargetReport
from rollcall.status.service_places import MAX_PUBLICATIONS
from rollcall.zone.names import from_text
from unit.status.cluster import START, World, condition, states
from unit.world import pod, resource, service, zone

DOMAIN = from_text("example.com")
ROOT = from_text("web.shop.example.com")
LATER = START + 60
PUBLISHED = ("True", "Published")


def report(target: str, serial: int = START, reason: str = CURRENT, **fields: Any) -> TargetReport:
    """Make a report that something is wrong, unless it is about serials only."""
    fields.setdefault("domain", DOMAIN)
    fields.setdefault("healthy", reason in (CURRENT, BEHIND, AHEAD))
    message = "" if fields["healthy"] else f"{reason} it is."
    return TargetReport(
        "main", target=target, serial=serial, at=START, reason=reason, message=message, **fields
    )


def taken(target: str, *names: str, reason: str = "NamesTaken") -> TargetReport:
    """Make a report that some names aren't there."""
    partial = (PartialTrouble(reason, f"{reason} it is.", frozenset(map(from_text, names))),)
    return report(target, reason=reason, partial=partial)


def world(*targets: str, **spec: Any) -> World:
    made = World(zone(**spec), service(), resource(), pod())
    made.send_to(*targets)
    return made


def entries(status: dict[str, Any]) -> list[tuple[str, str, int, str]]:
    """Return the publications: zone, target, serial, reason."""
    return [
        (each["zone"], each["target"], each["serial"], each.get("reason", ""))
        for each in status["publications"]
    ]


def test_every_place_of_a_zone_counts() -> None:
    made = world("bind", "knot")
    made.hear(report("bind"), START)
    made.hear(report("knot"), START)
    status = made.service()
    assert (status["targets"], status["reason"]) == ("3/3", "Published")
    assert entries(status) == [
        ("main", "serve", START, ""),
        ("main", "bind", START, ""),
        ("main", "knot", START, ""),
    ]
    assert {each["dnsName"] for each in status["publications"]} == {"web.shop.example.com"}
    assert {each["time"] for each in status["publications"]} == {"2027-01-15T08:00:00Z"}


def test_what_other_servers_get_of_a_large_set_is_said_where_there_are_any() -> None:
    pods = [pod(f"web-{number}", f"10.0.0.{number}") for number in range(1, 71)]
    made = World(zone(), service(), resource(answer=Answer(max=1000)), *pods)
    assert states(made.service())["Ready"] == PUBLISHED
    made.send_to("bind", "knot")
    made.hear(report("bind"), START)
    made.hear(report("knot"), START)
    status = made.service()
    assert (states(status)["Ready"], status["targets"]) == (("True", "AnswerCut"), "3/3")
    told = condition(status, "Ready")
    assert told is not None
    assert told["message"] == (
        "Other servers (bind, knot) get the same 64 of the 70 records of _http._tcp.web.shop.example.com: no"
        " set that is published to them is larger. The same goes for 1 more of its names."
    )
    made.put(*(msgspec.structs.replace(each, ready=False) for each in pods[:6]))
    for target in ("bind", "knot"):
        made.hear(report(target, serial=START + 1), START)
    assert states(made.service())["Ready"] == PUBLISHED


def test_a_dead_server_is_said_and_comes_first() -> None:
    made = world("bind", "knot")
    made.hear(report("bind"), START)
    made.hear(report("knot"), START)
    before = made.service()
    made.hear(report("knot", reason="Unreachable"), LATER)
    status = made.service(before)
    assert (status["targets"], status["reason"]) == ("2/3", "Unreachable")
    assert entries(status)[0] == ("main", "knot", START, "Unreachable")
    assert states(status)["Ready"] == ("False", "Unreachable")
    assert condition(status, "Ready")["message"] == "knot of the zone main: Unreachable it is."  # type: ignore[index]
    made.hear(report("knot"), LATER)
    assert made.service(status)["reason"] == "Published"
    assert entries(made.service(status)) == entries(before)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("web.shop.example.com", "NamesTaken"),
        ("10-0-0-1.web.shop.example.com", "NamesTaken"),
        ("_http._tcp.web.shop.example.com", "NamesTaken"),
        ("shop.example.com", "NamesTaken"),  # a delegation of others
        ("api.shop.example.com", ""),
        ("web.shop2.example.com", ""),
        ("1.0.0.10.in-addr.arpa", ""),
    ],
)
def test_a_name_that_is_taken_is_said_of_its_service_only(name: str, reason: str) -> None:
    made = world("bind")
    made.hear(taken("bind", name), START)
    status = made.service()
    assert status["targets"] == ("1/2" if reason else "2/2")
    assert status["reason"] == (reason or "Published")


def test_each_of_several_troubles_is_said_of_its_own_names() -> None:
    made = world("bind")
    marked = PartialTrouble("OwnedByAnother", "Theirs.", frozenset({from_text("api.shop.example.com")}))
    rejected = PartialTrouble("Rejected", "It answers REFUSED.", frozenset({ROOT}))
    made.hear(report("bind", reason="OwnedByAnother", partial=(marked, rejected)), START)
    assert made.service()["reason"] == "Rejected"


def test_the_first_time_it_is_on_its_way_until_all_have_it() -> None:
    made = world("bind")
    status = made.service()
    assert status["targets"] == "1/2"
    assert states(status)["Ready"] == ("False", "Publishing")
    assert "bind of the zone main" in condition(status, "Ready")["message"]  # type: ignore[index]
    assert entries(status)[0] == ("main", "bind", 0, "Behind")
    made.hear(report("bind", 0, BEHIND), START)
    assert made.service(status) == status
    made.hear(report("bind"), START)
    assert (made.service(status)["targets"], made.service(status)["reason"]) == ("2/2", "Published")


def test_a_change_that_is_on_its_way_leaves_it_ready() -> None:
    made = world("bind")
    made.hear(report("bind"), START)
    before = made.service()
    made.put(pod("web-1", "10.0.0.2"), now=LATER)
    status = made.service(before)
    assert (status["targets"], status["reason"]) == ("1/2", "Published")
    assert entries(status) == [("main", "bind", START, "Behind"), ("main", "serve", LATER, "")]
    made.hear(report("bind", LATER), LATER)
    assert made.service(status)["targets"] == "2/2"


def test_what_others_of_the_zone_do_changes_nothing() -> None:
    """Else each change of one service would be a write for all of its zone."""
    made = world("bind")
    made.hear(report("bind"), START)
    before = made.service()
    other = {"app": "api"}
    made.put(service("api", selector=other), pod("api-0", "10.0.0.9", labels=other), now=LATER)
    assert made.service(before) == before, "the target is behind in the zone, not with this service"
    made.hear(report("bind", LATER, BEHIND), LATER)
    assert made.service(before) == before
    made.hear(report("bind", LATER), LATER)
    assert made.service(before) == before


@pytest.mark.parametrize("first_word", [None, report("bind", 0, BEHIND)])
def test_over_a_restart_what_was_there_is_there(first_word: TargetReport | None) -> None:
    made = world("bind")
    made.hear(report("bind"), START)
    before = made.service()
    again = world("bind")
    if first_word is not None:
        again.hear(first_word, LATER)
    assert again.service(before) == before


def test_over_a_restart_what_was_wrong_is_found_out_anew() -> None:
    made = world("bind")
    made.hear(report("bind", reason="Unreachable"), START)
    before = made.service()
    assert before["reason"] == "Unreachable"
    again = world("bind")
    assert entries(again.service(before))[0] == ("main", "bind", 0, "Behind")
    again.hear(report("bind"), LATER)
    assert again.service(before)["targets"] == "2/2"


def test_a_target_that_takes_a_reverse_domain_only() -> None:
    reverse = "0.10.in-addr.arpa"
    made = world(reverse_domains=(reverse,))
    made.send_to("bind", domain=reverse)
    made.hear(report("bind", domain=from_text(reverse)), START)
    assert made.service()["targets"] == "2/2"
    made.hear(report("bind", reason="Refused", domain=from_text(reverse)), LATER)
    assert (made.service()["targets"], made.service()["reason"]) == ("1/2", "Refused")


def test_a_zone_that_selects_it_and_can_not_have_it_counts_with_all_places() -> None:
    made = World(zone(), zone("b", "b.test", namespaces=("shop",)), service(), resource(zones=("b",)), pod())
    made.send_to("knot", domain="b.test")
    assert made.service()["targets"] == "1/2"


def test_a_list_of_very_many_places_is_cut_with_what_is_wrong_in_it() -> None:
    names = [f"ns{number:03}" for number in range(MAX_PUBLICATIONS + 5)]
    made = world(*names)
    for name in names[:-1]:
        made.hear(report(name), START)
    made.hear(report(names[-1], reason="TimedOut"), START)
    status = made.service()
    assert len(status["publications"]) == MAX_PUBLICATIONS
    assert status["publications"][0]["target"] == names[-1]
    assert status["targets"] == f"{len(names)}/{len(names) + 1}"


REASONS = st.sampled_from([CURRENT, BEHIND, AHEAD, "Unreachable", "NamesTaken"])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), REASONS), max_size=20))
def test_whatever_targets_say_the_columns_agree_with_the_list(reports: list[tuple[str, int, str]]) -> None:
    made = world("a", "b", "c")
    status: dict[str, Any] = {}
    for number, (target, steps, reason) in enumerate(reports):
        if number % 3 == 0:
            made.put(pod(f"web-{number + 1}", f"10.0.1.{number}"), now=START + number)
        partial = taken(target, "x.example.com").partial if reason == "NamesTaken" else ()
        made.hear(report(target, START + steps if steps else 0, reason, partial=partial), START)
        status = made.service(status)
        reasons = {each["target"]: each.get("reason", "") for each in status["publications"]}
        assert reasons.keys() == {"serve", "a", "b", "c"}
        assert status["targets"] == f"{sum(not each for each in reasons.values())}/4"
        wrong = set(reasons.values()) - {"", BEHIND}
        assert (states(status)["Ready"][1] in wrong) == bool(wrong)
        assert status["publications"][0].get("reason", "") in (wrong or {"", BEHIND})
        again = made.service(status)
        assert again == status, "nothing new, nothing to write"
        assert msgspec.convert(status, InstanceStatus).reason == status["reason"]
