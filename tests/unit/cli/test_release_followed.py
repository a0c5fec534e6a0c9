"""`rollcall release` of a service that follows a roll-out: it is shown, and left to the roll-out."""

import pytest

from unit.cli.conftest import Rollcall
from unit.cli.shop import LATER, Json, condition
from unit.cli.test_release import Shop, shop, version, web

__all__ = ["shop"]  # the fixture

ROLLING = {
    "strategy": "Canary",
    "active": "7d9f",
    "canary": "5c8b",
    "weight": 10,
    "versionLabel": "pod-template-hash",
    "summary": "7d9f 90%, 5c8b 10%",
    "since": LATER,
}
OVER = {"strategy": "Canary", "active": "5c8b", "summary": "5c8b", "versionLabel": "pod-template-hash"}
SIDES = (version("7d9f", 3, "90%"), version("5c8b", 1, "10%"))
STEPS = [{"weight": 10, "pause": "10m"}, {"weight": 100}]

ALL = web({"follow": "Deployment"}, {}, *SIDES)
BLUE_GREEN = web(
    {"follow": "Deployment", "blueGreen": {"minReady": 2}},
    {"strategy": "BlueGreen", "active": "7d9f", "previous": "5c8b", "summary": "7d9f"},
    *SIDES,
)
CANARY = web({"follow": "Deployment", "canary": {"weight": 10}}, ROLLING, *SIDES)
STEPPING = web(
    {"follow": "Deployment", "canary": {"steps": STEPS}},
    ROLLING
    | {"steps": {"stable": "7d9f", "canary": "5c8b", "step": 1, "state": "Progressing", "since": LATER}},
    *SIDES,
)
ALONE = web({"follow": "Deployment", "canary": {"weight": 10}}, OVER, version("5c8b", 3, "100%"))
ROLLOUT = web({"follow": "Rollout"}, ROLLING, *SIDES)


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        (ALL, "follows a Deployment"),
        (BLUE_GREEN, "follows a Deployment, blue/green (minReady 2)"),
        (CANARY, "follows a Deployment, canary, 10%"),
        (STEPPING, "follows a Deployment, canary, 10%, 100%, step by step"),
        (ROLLOUT, "follows a Rollout"),
    ],
)
def test_status(shop: Shop, rollcall: Rollcall, start: Json, asked: str) -> None:
    shop.put(start)
    ended = rollcall("release", "status", "web")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[0] == f"shop/web: {asked}"


def test_status_shows_the_step_and_a_target_that_is_gone(shop: Shop, rollcall: Rollcall) -> None:
    shop.put(STEPPING)
    assert "step: 1 of 2, Progressing for 12s of 10m" in rollcall("release", "status", "web").stdout
    shop.web["status"]["conditions"] = [
        condition("Released", False, "FollowTargetNotFound", "There is no Deployment.")
    ]
    assert "FollowTargetNotFound: There is no Deployment." in rollcall("release", "status", "web").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("switch", "web", "5c8b"),
        ("switch", "web", "5c8b", "--force"),
        ("rollback", "web"),
        ("promote", "web"),
        ("abort", "web"),
        ("weight", "web", "50"),
    ],
)
@pytest.mark.parametrize("start", [ALL, BLUE_GREEN, CANARY, ROLLOUT])
def test_what_is_up_to_the_roll_out(
    shop: Shop, rollcall: Rollcall, start: Json, arguments: tuple[str, ...]
) -> None:
    if start is CANARY and arguments[0] == "weight":
        return
    shop.put(start)
    ended = rollcall("release", *arguments)
    assert (ended.code, ended.stdout) == (1, "")
    kind, onward = ("Rollout", "argo rollouts") if start is ROLLOUT else ("Deployment", "rollout undo")
    assert f"shop/web follows a {kind} (spec.release.follow)" in ended.stderr
    assert f"`kubectl {onward}" in ended.stderr
    assert shop.patches == []


@pytest.mark.parametrize(
    ("start", "patch", "told"),
    [
        (CANARY, {"weight": 50}, "asked for 50% for 5c8b, after 10%."),
        (STEPPING, {"weight": 50, "steps": None}, "asked for 50% for 5c8b, after 10%."),
        (ALONE, {"weight": 50}, "asked for 50% for the canary, after 10%."),
    ],
)
def test_the_weight_of_its_canary_can_be_changed(
    shop: Shop, rollcall: Rollcall, start: Json, patch: Json, told: str
) -> None:
    shop.put(start)
    ended = rollcall("release", "weight", "web", "50")
    assert ended.stdout == f"shop/web: {told}\n"
    assert ("counts from the next roll-out on" in ended.stderr) is (start is ALONE)
    assert shop.patches == [{"canary": patch}]


def test_it_can_be_waited_for(shop: Shop, rollcall: Rollcall) -> None:
    def obey(service: Json) -> None:
        generation = service["metadata"]["generation"]
        service["status"]["observedGeneration"] = generation
        service["status"]["release"] |= {"weight": 50, "summary": "7d9f 50%, 5c8b 50%"}
        service["status"]["publications"][0]["serial"] = 20
        service["status"]["conditions"] = [condition("Released", True, "Released", "So it is.", generation)]
        shop.serve(20)

    shop.put(CANARY)
    shop.looks = [lambda: None, lambda: obey(shop.web)]
    ended = rollcall("release", "weight", "web", "50", "--wait")
    assert (ended.code, ended.stdout) == (0, "shop/web: in force, every target has it (1 of 1).\n")
