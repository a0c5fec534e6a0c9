"""`rollcall status`, word for word: what people read, and the JSON that programs may rely on."""

from copy import deepcopy

import pytest

from rollcall.kube import CredentialsError, Forbidden, KindMissing, NotFound, Unreachable
from unit.cli.canned import GROUP, CannedApi
from unit.cli.conftest import Rollcall
from unit.cli.shop import INTERNAL, TAKEN, WEB, Json, condition, instance, service

EVERYTHING = """\
ZONE       DOMAIN                SERIAL   RECORDS   SERVICES   STATE
internal   k8s.example.com   1767268800        14          2   Published
second     k8s.example.com            0         0          0   DomainTaken

NAMESPACE   SERVICE   DNS NAME                   READY   TARGETS   LEFT OUT                 CHANGED   STATE
shop        api       api.shop.k8s.example.com   0/1     1/1       1 Pending                5m        NoEligibleInstances
shop        web       web.shop.k8s.example.com   3/5     1/1       1 NotReady, 1 Deleting   12s       Published
test        new       -                          -       -                                            Unknown
test        web       -                          0/0     0/1                                          NameCollision

NAMESPACE   FILE      FORMAT       CONFIGMAP            SERVICES   INSTANCES   CHANGED   STATE
shop        targets   prometheus   prometheus-targets          2           3   12s       Written

zone second DomainTaken: The domain belongs to internal, which is older.
service test/web NameCollision: The name belongs to shop/web, which is older.
"""  # noqa: E501  # as wide as what is printed

ONE_ZONE = """\
ZONE       DOMAIN                SERIAL   RECORDS   SERVICES   STATE
internal   k8s.example.com   1767268800        14          2   Published

NAMESPACE   SERVICE   DNS NAME                   READY   TARGETS   LEFT OUT                 CHANGED   STATE
shop        api       api.shop.k8s.example.com   0/1     1/1       1 Pending                5m        NoEligibleInstances
shop        web       web.shop.k8s.example.com   3/5     1/1       1 NotReady, 1 Deleting   12s       Published
"""  # noqa: E501  # as wide as what is printed

ONE_SERVICE = """\
shop/web: 3 of 5 instances answered

ZONE       TARGET   DNS NAME                       SERIAL   PUBLISHED
internal   serve    web.shop.k8s.example.com   1767268800   12s

POD     NAME        ADDRESSES                PORTS       NODE     ZONE   VERSION   WEIGHT   STATE
web-3   10-1-0-13   10.1.0.13                http:8080   node-1   a      v1           100   NotReady: containers with unready status: [app]
web-4   10-1-0-14   10.1.0.14                http:8080   node-1   a      v1           100   Deleting: The pod is being deleted.
web-0   10-1-0-10   10.1.0.10 2001:db8::10   http:8080   node-1   a      v1           100   answered
web-1   10-1-0-11   10.1.0.11                http:8080   node-1   a      v1           100   answered
web-2   10-1-0-12   10.1.0.12                http:8080   node-1   a      v2            10   answered
"""  # noqa: E501  # as wide as what is printed

NOBODY_READY = """\
shop/api: 0 of 1 instance answered
NoEligibleInstances: 0 of 1 instance is answered: 1 Pending. See status.instances.

ZONE       TARGET   DNS NAME                       SERIAL   PUBLISHED
internal   serve    api.shop.k8s.example.com   1767268800   12s

POD     WEIGHT   STATE
api-0        0   Pending: The pod has not started yet.
"""


def test_everything(api: CannedApi, rollcall: Rollcall) -> None:
    assert rollcall("status", "-A") == (0, EVERYTHING, "")


def test_one_zone(api: CannedApi, rollcall: Rollcall) -> None:
    assert rollcall("status", "-A", "--zone", "internal") == (0, ONE_ZONE, "")


@pytest.mark.parametrize(
    "arguments", [("web",), ("web", "-n", "shop"), ("shop/web",), ("shop/web", "-n", "shop")]
)
def test_one_service(api: CannedApi, rollcall: Rollcall, arguments: tuple[str, ...]) -> None:
    assert rollcall("status", *arguments) == (0, ONE_SERVICE, "")


def test_a_service_with_nobody_ready(api: CannedApi, rollcall: Rollcall) -> None:
    assert rollcall("status", "api") == (0, NOBODY_READY, "")


def test_a_service_that_rollcall_has_not_looked_at(api: CannedApi, rollcall: Rollcall) -> None:
    ended = rollcall("status", "test/new")
    assert ended.stdout.splitlines()[1] == "Unknown: Rollcall has not looked at it yet. Is it running?"


def test_a_change_that_rollcall_has_not_taken_in(api: CannedApi, rollcall: Rollcall) -> None:
    api.objects[0]["metadata"]["generation"] = 2
    assert "Outdated: Rollcall has not taken in the last change" in rollcall("status", "web").stdout


def test_a_service_that_is_published_with_a_but(api: CannedApi, rollcall: Rollcall) -> None:
    two = "Two versions share the DNS label v1-0."
    api.objects = [
        service(
            "web",
            {"observedGeneration": 1, "conditions": [condition("Ready", True, "VersionCollision", two)]},
        )
    ]
    assert f"VersionCollision: {two}" in rollcall("status", "web").stdout


def test_a_list_that_is_cut(api: CannedApi, rollcall: Rollcall) -> None:
    status = {
        "counts": {"total": 3000, "eligible": 2500},
        "truncated": True,
        "instances": [instance("web-0", 1)],
    }
    api.objects = [service("web", status)]
    assert rollcall("status", "web").stdout.splitlines()[-1] == "The list holds 1 of 3000 instances."
    assert rollcall("status", "web", "-o", "json").json["leftOut"] == {"Unlisted": 500}


def test_of_many_that_one_reason_leaves_out_some_are_shown(api: CannedApi, rollcall: Rollcall) -> None:
    listed = [instance(f"ok-{n}", n) for n in range(12)]
    listed += [instance(f"bad-{n}", n, "NotReady") for n in range(40)]
    listed += [instance(f"end-{n}", n, "Deleting") for n in range(3)]
    status = {
        "counts": {"total": 55, "eligible": 12},
        "leftOut": {"Deleting": 3, "Failed": 1100, "NotReady": 40},
        "instances": listed,
    }
    api.objects = [service("web", status)]
    lines = rollcall("status", "web").stdout.splitlines()
    assert [sum(line.startswith(name) for line in lines) for name in ("ok-", "bad-", "end-")] == [12, 10, 3]
    assert next(line for line in lines if line.startswith(("ok-", "bad-"))).startswith("bad-")
    assert lines[-1] == "and 30 more NotReady; -o json has them all"
    assert rollcall("status", "web", "-o", "json").json["leftOut"] == status["leftOut"]
    assert "1100 Failed, 40 NotReady, 3 Deleting" in " ".join(rollcall("status").stdout.split())


def test_a_namespace_of_its_own(api: CannedApi, rollcall: Rollcall) -> None:
    """Without -n and -A it is that of the context, as with kubectl."""
    assert "test" not in rollcall("status").stdout.replace("service test/web", "")
    there = rollcall("status", "--context", "there")
    assert "No services in the namespace default; -A shows all." in there.stdout


def test_an_empty_cluster(api: CannedApi, rollcall: Rollcall) -> None:
    api.objects = []
    ended = rollcall("status", "-A")
    assert ended.code == 0
    assert ended.stdout.splitlines()[0].startswith("No DiscoveryZone: nothing is published in DNS.")
    assert ended.stdout.splitlines()[2] == "No services in any namespace."


def test_many_problems_are_counted(api: CannedApi, rollcall: Rollcall) -> None:
    api.objects = [service(f"web-{n}", TAKEN["status"]) for n in range(30)]
    lines = rollcall("status", "-A").stdout.splitlines()
    assert lines[-1] == "and 10 more; -o json has them all"
    assert lines[-2].startswith("service shop/web-")


def test_json_of_everything(api: CannedApi, rollcall: Rollcall) -> None:
    ended = rollcall("status", "-A", "-o", "json")
    assert ended.code == 0
    assert ended.json.keys() == {"zones", "services", "files"}
    zone, second = ended.json["zones"]
    assert zone == {
        "name": "internal",
        "domain": "k8s.example.com",
        "health": "good",
        "reason": "Published",
        "message": "",
        "observedGeneration": 1,
        "owner": "rollcall",
        "serial": 1767268800,
        "records": 14,
        "names": 9,
        "services": 2,
        "digest": "5eed",
        "publications": [
            {
                "domain": "k8s.example.com",
                "target": "serve",
                "serial": 1767268800,
                "time": "2026-01-01T12:04:48Z",
            }
        ],
        "conditions": zone["conditions"],
    }
    assert (second["health"], second["reason"]) == ("bad", "DomainTaken")
    names = [f"{each['namespace']}/{each['name']}" for each in ended.json["services"]]
    assert names == ["shop/api", "shop/web", "test/new", "test/web"]
    assert ended.json["services"][1]["leftOut"] == {"NotReady": 1, "Deleting": 1}
    assert "instances" not in ended.json["services"][1]
    (file,) = ended.json["files"]
    assert file["configMap"] == {"name": "prometheus-targets", "key": "targets.json"}
    assert (file["format"], file["services"], file["instances"]) == ("prometheus", 2, 3)


def test_json_of_one_service(api: CannedApi, rollcall: Rollcall) -> None:
    found = rollcall("status", "web", "-o", "json").json
    assert found.keys() == {
        "namespace",
        "name",
        "health",
        "reason",
        "message",
        "observedGeneration",
        "dnsName",
        "ready",
        "targets",
        "counts",
        "publications",
        "instances",
        "truncated",
        "lastChangeTime",
        "conditions",
        "leftOut",
    }
    assert found["counts"] == WEB["status"]["counts"]
    assert found["instances"][0] == WEB["status"]["instances"][0] | {"live": True, "endpointSlice": ""}
    assert found["instances"][2] == WEB["status"]["instances"][2] | {
        "reason": "",
        "message": "",
        "endpointSlice": "",
    }


@pytest.mark.parametrize(("name", "health"), [("api", "warn"), ("web", "good")])
def test_json_says_how_a_state_is_to_be_taken(
    api: CannedApi, rollcall: Rollcall, name: str, health: str
) -> None:
    assert rollcall("status", name, "-o", "json").json["health"] == health


def test_pods_can_not_talk_to_the_terminal(api: CannedApi, rollcall: Rollcall) -> None:
    """A readiness message is written by whoever owns the pod."""
    evil = instance("web-0", 1, "NotReady", "\x1b]0;owned\x07[bold]x[/bold]\nsecond :smile: line")
    api.objects = [service("web", {"instances": [evil]})]
    shown = rollcall("status", "web").stdout
    assert "NotReady:  ]0;owned [bold]x[/bold] second :smile: line" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("status", "nope"), 3, "there is no ServiceInstance shop/nope"),
        (("status", "--zone", "nope"), 3, "there is no DiscoveryZone nope"),
        (("status", "-A", "-n", "shop"), 2, "-A and -n exclude each other"),
        (("status", "web", "-A"), 2, "SERVICE excludes -A and --zone"),
        (("status", "shop/web", "-n", "test"), 2, "shop/web is not in the namespace test"),
        (("status", "a/b/c"), 2, "'a/b/c' is not the name of a service"),
        (("status", "--kubeconfig", "nope"), 2, "'nope' does not exist"),
        (("status", "-o", "yaml"), 2, "'yaml' is not one of 'table', 'json'"),
    ],
)
def test_what_is_asked_wrongly(
    api: CannedApi, rollcall: Rollcall, arguments: tuple[str, ...], code: int, message: str
) -> None:
    ended = rollcall(*arguments)
    assert (ended.code, ended.stdout) == (code, "")
    assert message in ended.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            Unreachable("GET /x: Connection refused"),
            "the API server can't be reached: GET /x: Connection refused.",
        ),
        (CredentialsError("a file: broken."), "a file: broken. Say which cluster with --kubeconfig"),
        (Forbidden("GET /x", 403, "Forbidden", "ann may not list"), "a right is missing: ann may not list."),
        (
            KindMissing("GET /x", 404, "NotFound", "no such page"),
            "the API server doesn't know our resources: Rollcall is not",
        ),
        (NotFound("GET /x", 404, "NotFound", "web is gone"), "GET /x: 404 NotFound: web is gone"),
    ],
)
def test_what_the_api_server_says_no_to(
    api: CannedApi, rollcall: Rollcall, error: Exception, message: str
) -> None:
    api.answers[f"{GROUP}/serviceinstances"] = error
    ended = rollcall("status", "-A")
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Error: {message}")
    assert len(ended.stderr.splitlines()) == 1


def test_objects_of_another_version(api: CannedApi, rollcall: Rollcall) -> None:
    api.objects[0]["status"]["counts"] = "many"
    ended = rollcall("status", "-A")
    assert ended.code == 1
    assert "an object that this version can't read" in ended.stderr


def test_whose_the_zones_are_shows_where_there_are_several(api: CannedApi, rollcall: Rollcall) -> None:
    assert "OWNER" not in rollcall("status", "-A").stdout
    other: Json = deepcopy(INTERNAL)
    other["metadata"]["name"] = "other"
    other["status"]["owner"] = "shop-team"
    api.objects.append(other)
    shown = rollcall("status", "-A").stdout
    assert "OWNER" in shown
    assert "shop-team" in shown
