"""`rollcall release`: what each command writes, what it refuses, and when it has waited for long enough."""

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import click
import pytest

from rollcall.cli import release_session
from rollcall.cli.group import group
from rollcall.cli.objects import ServiceObject, ZoneObject
from rollcall.cli.release import release
from rollcall.cli.release_targets import Needed, behind, targets
from rollcall.kube import Conflict, Forbidden, Unreachable
from unit.cli.canned import GROUP, CannedApi
from unit.cli.conftest import NOW, Rollcall
from unit.cli.shop import INTERNAL, LATER, Json, condition, publication, service

WEB = f"{GROUP}/namespaces/shop/serviceinstances/web"
ZONE = f"{GROUP}/discoveryzones/internal"
BLUE_GREEN = {"blueGreen": {"active": "blue", "minReady": 2}}
CANARY = {"canary": {"stable": "v1", "canary": "v2", "weight": 10}}
RELEASED = condition("Released", True, "Released", "Answered as asked.")


def version(name: str, available: int, share: str = "0%") -> Json:
    counts = {"total": 3, "available": available, "eligible": 0}
    return {"version": name, "name": name, "share": share, **counts}


def web(ask: Json, in_force: Json, *versions: Json, serial: int = 10, **more: Any) -> Json:
    status = {
        "observedGeneration": 1,
        "release": {**in_force, "versions": list(versions)},
        "publications": [publication("web.shop.k8s.example.com", serial=serial)],
        "conditions": [RELEASED],
    }
    made = service("web", status | more, release=ask)
    made["metadata"]["resourceVersion"] = "7"
    return made


BLUE = {"strategy": "BlueGreen", "active": "blue", "previous": "red", "summary": "blue", "since": LATER}
SHOP_BLUE = web(BLUE_GREEN, BLUE, version("blue", 3, "100%"), version("green", 2), version("red", 3))
SHOP_CANARY = web(
    CANARY,
    {"strategy": "Canary", "active": "v1", "canary": "v2", "weight": 10, "summary": "v1 90%, v2 10%"},
    version("v1", 3, "90%"),
    version("v2", 1, "10%"),
)
STEPS = {
    "canary": {
        "stable": "v1",
        "canary": "v2",
        "steps": [{"weight": 5, "pause": "10m"}, {"weight": 25, "pause": "1h"}, {"weight": 100}],
    }
}
SHOP_STEPS = web(
    STEPS,
    {
        "strategy": "Canary",
        "active": "v1",
        "canary": "v2",
        "weight": 25,
        "summary": "v1 75%, v2 25%",
        "since": LATER,
        "steps": {"stable": "v1", "canary": "v2", "step": 2, "state": "Progressing", "since": LATER},
    },
    version("v1", 3, "75%"),
    version("v2", 1, "25%"),
)


class Shop(CannedApi):
    """Takes patches as the API server does, and has an operator that answers each with `follow`."""

    def __init__(self) -> None:
        super().__init__([deepcopy(SHOP_BLUE), deepcopy(INTERNAL)])
        self.patches: list[Json] = []
        self.conflicts: list[Callable[[], None]] = []
        self.follow: Callable[[Json], None] = lambda web: None
        self.looks: list[Callable[[], None]] = []
        self.serve(10)

    @property
    def web(self) -> Json:
        return self.objects[0]

    def put(self, web: Json) -> None:
        self.objects[0] = deepcopy(web)

    def serve(self, serial: int, **more: int) -> None:
        """Have targets tell of the serials that they have."""
        self.objects[1]["status"]["publications"] = [
            {"domain": "k8s.example.com", "target": target, "serial": has, "reason": "Current"}
            for target, has in {"serve": serial, **more}.items()
        ]

    async def get(self, path: str, params: Mapping[str, str] | None = None, **more: Any) -> Any:
        if path == ZONE and self.looks:
            self.looks.pop(0)()
        return await super().get(path, params, **more)

    async def patch(self, path: str, body: Json) -> Json:
        assert path == WEB
        assert body["metadata"] == {"resourceVersion": self.web["metadata"]["resourceVersion"]}
        assert body.keys() == {"metadata", "spec"}
        assert body["spec"].keys() == {"release"}
        if self.conflicts:
            self.conflicts.pop(0)()
            raise Conflict("PATCH", 409, "Conflict", "the object has been modified")
        self.patches.append(body["spec"]["release"])
        for strategy, fields in body["spec"]["release"].items():
            ask = self.web["spec"]["release"][strategy] | fields
            self.web["spec"]["release"][strategy] = {k: v for k, v in ask.items() if v is not None}
        self.web["metadata"]["generation"] += 1
        answer = deepcopy(self.web)
        self.follow(self.web)
        return answer


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    canned = Shop()
    monkeypatch.setattr("rollcall.cli.cluster.KubeClient", lambda credentials: canned)
    monkeypatch.setattr("rollcall.cli.output.utc_now", lambda: NOW)
    monkeypatch.setattr(release_session, "POLL_SECONDS", 0.001)
    return canned


def obey(web: Json) -> None:
    """Let a switch through, in version 20 of the zone."""
    ask = web["spec"]["release"]["blueGreen"]["active"]
    status = web["status"]
    status["observedGeneration"] = web["metadata"]["generation"]
    status["release"] |= {"active": ask, "previous": "blue", "summary": ask}
    status["publications"][0]["serial"] = 20
    status["conditions"] = [
        condition("Released", True, "Released", "As asked.", status["observedGeneration"])
    ]


@pytest.mark.parametrize(
    ("arguments", "patch"),
    [
        (("rollback", "web"), {"blueGreen": {"active": "blue"}}),
        (("switch", "web", "blue"), {"blueGreen": {"active": "blue"}}),
    ],
)
def test_right_after_a_switch_a_command_waits_for_its_status(
    shop: Shop,
    rollcall: Rollcall,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    patch: Json,
) -> None:
    """The status is that of the spec before: who reads it now goes back to the version before the last."""
    looks = 0

    async def status_comes(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            obey(shop.web)

    assert rollcall("release", "switch", "web", "green").code == 0
    monkeypatch.setattr("rollcall.cli.release_session.asyncio.sleep", status_comes)
    ended = rollcall("release", *arguments)
    assert (ended.code, ended.stderr) == (0, "")
    assert shop.patches[1:] == [patch]
    assert looks == 3


def test_a_status_that_does_not_come_is_no_ground_for_a_decision(
    shop: Shop, rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_session, "STATUS_SECONDS", 0.0)
    shop.web["metadata"]["generation"] += 1
    for arguments in (("rollback", "web"), ("switch", "web", "green")):
        ended = rollcall("release", *arguments)
        assert ended.code == 1
        assert "Rollcall has not taken in the last change of spec yet. Is it running?" in ended.stderr
    assert not shop.patches
    forced = rollcall("release", "switch", "web", "green", "--force")
    assert forced.code == 0, "what builds on no status waits for none"
    assert shop.patches == [{"blueGreen": {"active": "green"}}]


def test_wait_ends_where_somebody_must_act(shop: Shop, rollcall: Rollcall) -> None:
    def stall(web: Json) -> None:
        obey(web)
        generation = web["metadata"]["generation"]
        told = "spec.zones names what is not a DiscoveryZone: other."
        web["status"]["conditions"] += [
            condition("Ready", False, "ZoneNotFound", told, generation),
            condition("Stalled", True, "ZoneNotFound", told, generation),
        ]

    shop.follow = stall
    ended = rollcall("release", "switch", "web", "green", "--wait")
    assert ended.code == 1
    assert "ZoneNotFound: spec.zones names" in ended.stderr


def test_serials_of_other_places_are_not_what_is_needed(shop: Shop, rollcall: Rollcall) -> None:
    """A service's entry of a target says what that has; what it should have is in that of our own server."""
    behind_at = {"zone": "internal", "target": "ns1", "dnsName": "web.shop.k8s.example.com", "serial": 7}
    shop.web["status"]["publications"].insert(0, behind_at | {"reason": "Behind"})
    shop.serve(10, ns1=7)
    found = json.loads(rollcall("release", "status", "web", "-o", "json").stdout)["targets"]
    assert {each["needed"] for each in found} == {10}


def refuse(web: Json) -> None:
    generation = web["metadata"]["generation"]
    told = "The switch to green is refused."
    web["status"]["observedGeneration"] = generation
    web["status"]["conditions"] = [condition("Released", False, "TooFewReady", told, generation)]


@pytest.mark.parametrize(
    ("start", "arguments", "patch"),
    [
        (SHOP_BLUE, ("switch", "web", "green"), {"blueGreen": {"active": "green"}}),
        (SHOP_BLUE, ("switch", "web", "nope", "--force"), {"blueGreen": {"active": "nope"}}),
        (SHOP_BLUE, ("rollback", "web"), {"blueGreen": {"active": "red"}}),
        (SHOP_CANARY, ("weight", "web", "25"), {"canary": {"weight": 25}}),
        (SHOP_CANARY, ("weight", "web", "0"), {"canary": {"weight": 0}}),
        (SHOP_CANARY, ("promote", "web"), {"canary": {"stable": "v2", "canary": "v1", "weight": 0}}),
        (SHOP_CANARY, ("abort", "web"), {"canary": {"weight": 0}}),
        (SHOP_CANARY, ("rollback", "web"), {"canary": {"weight": 0}}),
        (SHOP_STEPS, ("weight", "web", "50"), {"canary": {"weight": 50, "steps": None}}),
        (SHOP_STEPS, ("weight", "web", "0"), {"canary": {"weight": 0, "steps": None}}),
        (SHOP_STEPS, ("abort", "web"), {"canary": {"steps": None}}),
        (SHOP_STEPS, ("promote", "web"), {"canary": {"stable": "v2", "canary": "v1", "steps": None}}),
    ],
)
def test_what_is_written(
    shop: Shop, rollcall: Rollcall, start: Json, arguments: tuple[str, ...], patch: Json
) -> None:
    shop.put(start)
    ended = rollcall("release", *arguments)
    assert ended.code == 0
    assert ended.stdout.startswith("shop/web: asked ")
    assert shop.patches == [patch]


@pytest.mark.parametrize(
    ("start", "arguments"),
    [
        (SHOP_BLUE, ("switch", "web", "blue")),
        (SHOP_CANARY, ("weight", "web", "10")),
        (web({"canary": CANARY["canary"] | {"weight": 0}}, {}), ("abort", "web")),
    ],
)
def test_what_is_so_already(shop: Shop, rollcall: Rollcall, start: Json, arguments: tuple[str, ...]) -> None:
    shop.put(start)
    ended = rollcall("release", *arguments)
    assert ended.code == 0
    assert ended.stdout.startswith("shop/web: nothing to do")
    assert shop.patches == []


NO_RELEASE = web({}, {})
FEW = web(BLUE_GREEN, BLUE, version("blue", 3), version("green", 1))


@pytest.mark.parametrize(
    ("start", "arguments", "code", "message"),
    [
        (NO_RELEASE, ("switch", "web", "green"), 1, "has no blue/green release"),
        (SHOP_CANARY, ("switch", "web", "green"), 1, "has a canary release"),
        (SHOP_BLUE, ("weight", "web", "5"), 1, "has a blue/green release"),
        (NO_RELEASE, ("promote", "web"), 1, "has no canary release"),
        (SHOP_BLUE, ("switch", "web", "nope"), 1, "no pod of version nope. Ready are: blue (3), green (2)"),
        (FEW, ("switch", "web", "green"), 1, "1 instance of green is ready, and 2 have to be"),
        (FEW, ("rollback", "web"), 1, "no pod of version red"),
        (web(BLUE_GREEN, {**BLUE, "previous": ""}), ("rollback", "web"), 1, "no previous version"),
        (web(CANARY, {}, version("v2", 0)), ("promote", "web"), 1, "0 instances of v2 are ready"),
        (web(BLUE_GREEN, {}, observedGeneration=0), ("switch", "web", "green"), 1, "not looked at"),
        (SHOP_CANARY, ("weight", "web", "101"), 2, "101 is not in the range"),
        (SHOP_BLUE, ("switch", "nope", "green"), 3, "there is no ServiceInstance shop/nope"),
    ],
)
def test_what_is_refused(
    shop: Shop, rollcall: Rollcall, start: Json, arguments: tuple[str, ...], code: int, message: str
) -> None:
    shop.put(start)
    ended = rollcall("release", *arguments)
    assert (ended.code, ended.stdout) == (code, "")
    assert message in ended.stderr
    assert shop.patches == []


def test_force_says_what_will_come_of_it(shop: Shop, rollcall: Rollcall) -> None:
    shop.put(FEW)
    ended = rollcall("release", "switch", "web", "green", "--force")
    assert ended.code == 0
    assert "The switch is refused until they are" in ended.stderr
    assert shop.patches == [{"blueGreen": {"active": "green"}}]


def test_a_switch_that_was_refused_is_called_off(shop: Shop, rollcall: Rollcall) -> None:
    """Not to what was active before: that has nothing to do with it."""
    asked = {"blueGreen": {"active": "green", "minReady": 2}}
    shop.put(web(asked, BLUE, version("blue", 3), version("red", 3)))
    assert "stay with blue" in rollcall("release", "rollback", "web").stdout
    assert shop.patches == [{"blueGreen": {"active": "blue"}}]


def test_an_abort_that_leaves_nothing_is_said(shop: Shop, rollcall: Rollcall) -> None:
    shop.put(web(CANARY, {}, version("v2", 3)))
    ended = rollcall("release", "abort", "web")
    assert ended.code == 0
    assert "nothing is answered" in ended.stderr


def test_a_status_that_is_written_meanwhile_is_no_hindrance(shop: Shop, rollcall: Rollcall) -> None:
    shop.conflicts = [lambda: shop.web["metadata"].update(resourceVersion="8")] * 3
    assert rollcall("release", "switch", "web", "green").code == 0
    assert shop.patches == [{"blueGreen": {"active": "green"}}]


def test_a_release_that_someone_else_changes_is_left_alone(shop: Shop, rollcall: Rollcall) -> None:
    shop.conflicts = [lambda: shop.web["spec"]["release"]["blueGreen"].update(active="red")]
    ended = rollcall("release", "switch", "web", "green")
    assert (ended.code, shop.patches) == (1, [])
    assert "someone else" in ended.stderr


def test_a_right_that_is_missing(shop: Shop, rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch) -> None:
    async def denied(path: str, body: Json) -> Json:
        raise Forbidden("PATCH", 403, "Forbidden", "ann cannot patch serviceinstances")

    monkeypatch.setattr(shop, "patch", denied)
    ended = rollcall("release", "switch", "web", "green")
    assert (ended.code, len(ended.stderr.splitlines())) == (1, 1)
    assert "a right is missing: ann cannot patch" in ended.stderr


def test_wait_for_every_target(shop: Shop, rollcall: Rollcall) -> None:
    """The operator first, then our server, then a secondary; `green` counts only in version 20."""
    shop.objects[1]["spec"]["transfer"] = {"secondaries": [{"name": "ns1", "address": "192.0.2.1"}]}
    shop.serve(10, ns1=10)
    seen: list[str] = []

    def look(name: str, change: Callable[[], None]) -> Callable[[], None]:
        def looked() -> None:
            seen.append(name)
            change()

        return looked

    shop.looks = [
        look("before", lambda: None),
        look("asked", lambda: obey(shop.web)),
        look("let through", lambda: shop.serve(10, ns1=10)),
        look("served", lambda: shop.serve(20, ns1=10)),
        look("transferred", lambda: shop.serve(22, ns1=21)),
    ]
    ended = rollcall("release", "switch", "web", "green", "--wait")
    assert ended.code == 0
    assert ended.stdout == "shop/web: in force, every target has it (2 of 2).\n"
    assert len(seen) == 5
    assert "targets 0/2  waiting for ns1 serve" in ended.stderr
    assert "targets 1/2  waiting for ns1" in ended.stderr
    assert "blue 100%" in ended.stderr


def test_wait_ends_with_a_refusal(shop: Shop, rollcall: Rollcall) -> None:
    shop.follow = refuse
    ended = rollcall("release", "switch", "web", "green", "--wait")
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.endswith("Error: TooFewReady: The switch to green is refused.\n")


def test_wait_ends_in_time(shop: Shop, rollcall: Rollcall) -> None:
    ended = rollcall("release", "switch", "web", "green", "--wait", "--timeout", "0.05")
    assert ended.code == 4
    assert "Rollcall has not taken it in yet" in ended.stderr
    assert shop.patches == [{"blueGreen": {"active": "green"}}]


def test_time_is_up_for_a_target(shop: Shop, rollcall: Rollcall) -> None:
    shop.follow = obey
    ended = rollcall("release", "switch", "web", "green", "--wait", "--timeout", "0.05")
    assert ended.code == 4
    assert "serve (k8s.example.com)" in ended.stderr


def test_wait_for_what_someone_else_undoes(shop: Shop, rollcall: Rollcall) -> None:
    shop.follow = lambda web: web["spec"]["release"]["blueGreen"].update(active="red")
    ended = rollcall("release", "switch", "web", "green", "--wait")
    assert ended.code == 1
    assert "someone else has changed the release" in ended.stderr


def test_wait_without_a_view_of_zones_changes_nothing(shop: Shop, rollcall: Rollcall) -> None:
    shop.answers[ZONE] = Forbidden("GET", 403, "Forbidden", "ann cannot get discoveryzones")
    ended = rollcall("release", "switch", "web", "green", "--wait")
    assert (ended.code, shop.patches) == (1, [])
    assert "ann cannot get discoveryzones. --wait reads DiscoveryZones" in ended.stderr
    assert rollcall("release", "switch", "web", "green").code == 0


def test_wait_outlives_an_api_server_that_is_away(shop: Shop, rollcall: Rollcall) -> None:
    def away() -> None:
        raise Unreachable("GET /x: no route")

    shop.follow = obey
    shop.looks = [lambda: None, away, lambda: shop.serve(20)]
    assert rollcall("release", "switch", "web", "green", "--wait").code == 0


def test_wait_for_a_service_of_no_zone(shop: Shop, rollcall: Rollcall) -> None:
    def follow(web: Json) -> None:
        obey(web)
        web["status"]["publications"] = []

    shop.follow = follow
    ended = rollcall("release", "switch", "web", "green", "--wait")
    assert (ended.code, ended.stdout) == (0, "shop/web: in force, and no zone publishes it.\n")


def test_json_of_a_change(shop: Shop, rollcall: Rollcall) -> None:
    shop.follow = obey
    shop.looks = [lambda: None, lambda: shop.serve(20)]
    assert rollcall("release", "switch", "web", "green", "--wait", "-o", "json").json == {
        "namespace": "shop",
        "name": "web",
        "changed": True,
        "message": "shop/web: in force, every target has it (1 of 1).",
        "note": "",
    }


STATUS = """\
shop/web: blue/green, blue is asked for (minReady 2)
answered: blue, for 12s
before: red

VERSION   PODS   READY   ANSWERED   SHARE
blue         3       3          0   100%
green        3       2          0   0%
red          3       3          0   0%

ZONE       DOMAIN            TARGET   SERIAL   NEEDED   STATE
internal   k8s.example.com   serve        10       10   has it
"""


def test_status(shop: Shop, rollcall: Rollcall) -> None:
    assert rollcall("release", "status", "web") == (0, STATUS, "")


def test_status_of_steps(shop: Shop, rollcall: Rollcall) -> None:
    shop.put(SHOP_STEPS)
    assert rollcall("release", "status", "web").stdout.splitlines()[:3] == [
        "shop/web: canary, 5%, 25%, 100% for v2 and the rest for v1, step by step",
        "answered: v1 75%, v2 25%, for 12s",
        "step: 2 of 3, Progressing for 12s of 1h",
    ]
    found = rollcall("release", "status", "web", "-o", "json").json
    assert (found["release"]["steps"]["step"], found["release"]["steps"]["state"]) == (2, "Progressing")


def test_a_weight_by_hand_says_that_the_steps_are_over(shop: Shop, rollcall: Rollcall) -> None:
    shop.put(SHOP_STEPS)
    ended = rollcall("release", "weight", "web", "50")
    assert ended.stdout == "shop/web: asked for 50% for v2, after 25%.\n"
    assert "The steps are removed from spec.release.canary" in ended.stderr


def test_status_of_a_refusal(shop: Shop, rollcall: Rollcall) -> None:
    refuse(shop.web)
    shown = rollcall("release", "status", "web").stdout
    assert "TooFewReady: The switch to green is refused." in shown


def test_status_without_a_view_of_zones(shop: Shop, rollcall: Rollcall) -> None:
    shop.answers[ZONE] = Forbidden("GET", 403, "Forbidden", "ann cannot get discoveryzones")
    ended = rollcall("release", "status", "web")
    assert ended.code == 0
    assert "Targets are not shown: ann cannot get discoveryzones" in ended.stdout


def test_status_that_goes_on(shop: Shop, rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe a line for each change, until Ctrl-C; an API server that is away is waited for."""

    def away() -> None:
        raise Unreachable("GET /x: no route")

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rollcall.cli.release_run.REDRAW_SECONDS", 0.001)
    shop.looks = [lambda: None, lambda: None, away, lambda: shop.serve(9), interrupt]
    ended = rollcall("release", "status", "web", "--watch")
    assert ended.code == 0
    assert ended.stderr == "Trying again: GET /x: no route\n"
    shares = "blue 100%, green 0%, red 0%"
    lines = [line.partition("  ")[2] for line in ended.stdout.splitlines()]
    assert lines == [f"{shares}  targets 1/1", f"{shares}  targets 0/1  waiting for serve"]


def test_status_as_json(shop: Shop, rollcall: Rollcall) -> None:
    found = rollcall("release", "status", "web", "-o", "json").json
    assert found.keys() == {"namespace", "name", "health", "reason", "message", "asked", "release", "targets"}
    assert found["release"]["versions"][1] == version("green", 2)
    assert found["targets"] == [
        {
            "zone": "internal",
            "domain": "k8s.example.com",
            "target": "serve",
            "serial": 10,
            "needed": 10,
            "current": True,
            "reason": "Current",
            "message": "",
        }
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("-n", "test", "release", "status", "web"),
        ("release", "-n", "test", "status", "web"),
        ("-n", "shop", "release", "-n", "test", "status", "web"),
        ("-n", "shop", "release", "status", "web", "-n", "test"),
    ],
)
def test_options_may_stand_before(shop: Shop, rollcall: Rollcall, arguments: tuple[str, ...]) -> None:
    assert "ServiceInstance test/web" in rollcall(*arguments).stderr


def test_examples_are_valid(rollcall: Rollcall) -> None:
    for name, command in release.commands.items():
        _, _, examples = rollcall("release", name, "--help").stdout.partition("Examples:\n")
        lines = re.findall(rf"^ +rollcall release {name}.*$", examples, re.MULTILINE)
        assert lines
        for line in lines:
            command.make_context(name, re.split(r" {3,}", line.strip())[0].split()[3:])
    context = click.Context(group)
    for line in re.findall(r"^ +rollcall release .*$", rollcall("release", "--help").stdout, re.MULTILINE):
        words = re.split(r" {2,}", line.strip())[0].split()[2:]
        release.commands[words[0]].make_context(words[0], words[1:], parent=context)


def read(obj: Json, zone: Json) -> tuple[ServiceObject, dict[str, ZoneObject]]:
    import msgspec

    return msgspec.convert(obj, ServiceObject), {"internal": msgspec.convert(zone, ZoneObject)}


def zone(serials: Mapping[tuple[str, str], int], **spec: Any) -> Json:
    publications = [{"domain": at, "target": to, "serial": has} for (at, to), has in serials.items()]
    domains = {"domain": "K8s.example.com.", "reverseDomains": ["10.in-addr.arpa"]}
    status = {"publications": publications}
    return {"metadata": {"name": "internal"}, "spec": {**domains, **spec}, "status": status}


FORWARD, REVERSE = "k8s.example.com", "10.in-addr.arpa"


def test_a_reverse_domain_counts_by_itself() -> None:
    """Its serial is another one: what our server has of it once it has the change."""
    spec = {"updates": [{"name": "bind", "server": "192.0.2.1", "keySecret": "key"}]}
    has = {(FORWARD, "serve"): 9, (REVERSE, "serve"): 4, (FORWARD, "bind"): 10, (REVERSE, "bind"): 4}
    pinned: Needed = {}
    found = targets(*read(SHOP_BLUE, zone(has, **spec)), pinned)
    assert [each.is_current for each in found] == [False, True, False, False]
    has |= {(FORWARD, "serve"): 10, (REVERSE, "serve"): 5}
    found = targets(*read(SHOP_BLUE, zone(has, **spec)), pinned)
    assert behind(found) == f"bind ({REVERSE})"
    has |= {(FORWARD, "serve"): 12, (REVERSE, "serve"): 7, (REVERSE, "bind"): 5}
    assert behind(targets(*read(SHOP_BLUE, zone(has, **spec)), pinned)) == ""


def test_a_target_gets_its_own_domains_only() -> None:
    octodns = [{"name": "cloud", "configSecret": "key", "domains": [FORWARD]}]
    found = targets(*read(SHOP_BLUE, zone({}, octodns=octodns)))
    named = [(each.domain, each.target) for each in found]
    assert named == [(FORWARD, "serve"), (FORWARD, "cloud"), (REVERSE, "serve")]
    assert {each.reason for each in found} == {"Unreported"}


def test_serials_wrap_around() -> None:
    obj = deepcopy(SHOP_BLUE)
    obj["status"]["publications"][0]["serial"] = 2**32 - 5
    assert behind(targets(*read(obj, zone({(FORWARD, "serve"): 3}, reverseDomains=[])))) == ""
