"""`rollcall check`: what it finds wrong, and what it says to do about it."""

from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from controlplane.ports import free_port
from rollcall.cli.rights import PUBLICATION_GATE, Right, Scope, rights, summed_up
from rollcall.cli.schema import KINDS, missing_fields
from rollcall.kube import Forbidden, Unreachable
from rollcall.serve.sockets import open_sockets
from unit.cli.canned import GROUP, CannedApi
from unit.cli.conftest import Rollcall
from unit.cli.nameserver import NameServer
from unit.cli.shop import INTERNAL, SECOND, Json

ROOT = Path(__file__).parents[3]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

SOUND = """\
RESULT   CHECK                           WHAT
OK       api                             Kubernetes v1.37.2
OK       serviceinstances.rollcall.dev   established, with all fields of this version
OK       discoveryzones.rollcall.dev     established, with all fields of this version
OK       discoveryfiles.rollcall.dev     established, with all fields of this version
OK       rights                          you may do all that the operator needs in all namespaces
OK       zone internal                   k8s.example.com: 14 records of 2 services, serial 1767268800
OK       dns port                        DNS is free for `rollcall run`
WARN     dns service                     There is no DNS Service of Rollcall in the cluster, and nobody answers on this machine. Install it: kubectl apply --server-side -f manifests/install.yaml, or `rollcall run` here.
OK       http port                       HTTP is free for `rollcall run`
"""  # noqa: E501  # as wide as what is printed


def crd(plural: str) -> Json:
    """Return a CRD as the API server shows it once it is established."""
    made: Json = yaml.safe_load((ROOT / "manifests" / "crds" / f"{plural}.yaml").read_text())
    return made | {"status": {"conditions": [{"type": "Established", "status": "True"}]}}


@pytest.fixture
def sound(api: CannedApi) -> CannedApi:
    """Make the canned cluster one with nothing wrong."""
    api.objects = [deepcopy(INTERNAL)]
    api.answers |= {f"{CRDS}/{plural}.rollcall.dev": crd(plural) for plural in KINDS}
    api.answers["/api/v1/services"] = {"items": []}
    return api


@pytest.fixture
def free() -> tuple[str, ...]:
    """Return options with free ports, which the kernel gives to nobody who doesn't ask for them."""
    return ("--dns-listen", f"127.0.0.1:{free_port()}", "--http-listen", f"127.0.0.1:{free_port()}")


def by_name(ended: Any) -> dict[str, Json]:
    return {each["check"]: each for each in ended.json["checks"]}


def test_a_sound_installation(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    ended = rollcall("check", *free)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.replace(free[1], "DNS").replace(free[3], "HTTP") == SOUND


def test_json(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    ended = rollcall("check", "-o", "json", *free)
    assert ended.json["result"] == "WARN"
    assert ended.json["checks"][0] == {
        "check": "api",
        "result": "OK",
        "message": "Kubernetes v1.37.2",
        "advice": "",
        "details": [],
    }


def test_an_api_server_that_is_not_there(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    sound.answers["/version"] = sound.answers["/api/v1/services"] = Unreachable("GET /version: refused")
    ended = rollcall("check", "-o", "json", *free)
    assert ended.code == 1
    assert by_name(ended)["api"]["message"].startswith(
        "the API server can't be reached: GET /version: refused"
    )
    assert by_name(ended).keys() == {"api", "dns port", "dns service", "http port"}


@pytest.mark.parametrize(
    ("version", "result"),
    [("v1.30.9", "FAIL"), ("v1.31.0", "OK"), ("v1.32.1-gke.100", "OK"), ("v2.0.0", "OK"), ("odd", "OK")],
)
def test_the_age_of_kubernetes(
    sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...], version: str, result: str
) -> None:
    sound.answers["/version"] = {"gitVersion": version}
    assert by_name(rollcall("check", "-o", "json", *free))["api"]["result"] == result


def without_field(made: Json) -> None:
    spec = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del spec["answer"]["properties"]["count"]
    del spec["zones"]


def not_established(made: Json) -> None:
    made["status"]["conditions"] = [
        {"type": "NamesAccepted", "status": "False", "message": '"si" is already in use'}
    ]


def not_served(made: Json) -> None:
    made["spec"]["versions"][0]["served"] = False


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (without_field, "it lacks spec.answer.count, spec.zones."),
        (not_established, 'The CRD is not established. "si" is already in use'),
        (not_served, "The CRD does not serve v1alpha1."),
    ],
)
def test_a_crd_that_is_not_as_it_should_be(
    sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...], break_it: Any, message: str
) -> None:
    break_it(sound.answers[f"{CRDS}/serviceinstances.rollcall.dev"])
    ended = rollcall("check", "-o", "json", *free)
    found = by_name(ended)["serviceinstances.rollcall.dev"]
    assert (ended.code, found["result"]) == (1, "FAIL")
    assert message in found["message"]
    assert found["advice"]


def test_an_old_crd_is_told_in_short(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    version = sound.answers[f"{CRDS}/discoveryfiles.rollcall.dev"]["spec"]["versions"][0]
    version["schema"] = {}
    found = by_name(rollcall("check", "-o", "json", *free))["discoveryfiles.rollcall.dev"]
    assert "spec.format" in found["message"]
    assert "more fields." in found["message"]


def test_a_crd_that_is_missing(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    del sound.answers[f"{CRDS}/discoveryzones.rollcall.dev"]
    found = by_name(rollcall("check", "-o", "json", *free))["discoveryzones.rollcall.dev"]
    assert (found["result"], found["message"]) == ("FAIL", "The CRD is missing.")


def test_crds_that_may_not_be_read(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    for plural in KINDS:
        sound.answers[f"{CRDS}/{plural}.rollcall.dev"] = Forbidden("GET /x", 403, "Forbidden", "no")
    ended = rollcall("check", "-o", "json", *free)
    assert (ended.code, by_name(ended)["discoveryzones.rollcall.dev"]["result"]) == (0, "WARN")


def test_rights_that_are_missing(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    sound.denied = {"watch pods", "patch serviceinstances/status"}
    ended = rollcall("check", "-o", "json", *free)
    assert ended.code == 1
    found = by_name(ended)["rights"]
    assert found["message"] == "you may not do all that the operator needs: 2 rights are missing."
    assert found["details"] == [
        "watch pods in all namespaces",
        "patch serviceinstances/status.rollcall.dev in all namespaces",
    ]


def test_files_may_be_written_in_some_namespaces_only(
    sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]
) -> None:
    """As with the chart's fileNamespaces: in all nothing is missing, in one without it is."""
    sound.denied = {f"{verb} configmaps" for verb in ("create", "get", "update")}
    for where, code, result in (((), 0, "WARN"), (("-n", "shop"), 1, "FAIL")):
        ended = rollcall("check", "-o", "json", *where, *free)
        found = by_name(ended)["rights"]
        assert (ended.code, found["result"]) == (code, result)
        assert found["details"][0].startswith("create, get, update configmaps in ")
    sound.denied |= {"list configmaps"}
    assert by_name(rollcall("check", "-o", "json", *free))["rights"]["result"] == "FAIL"


def test_missing_rights_are_rows_of_their_own(
    sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]
) -> None:
    sound.denied = {f"{right.verb} {right.resource}" for right in rights()}
    ended = rollcall("check", *free)
    assert ended.code == 1
    lines = ended.stdout.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("FAIL     rights"))
    assert f"{len(sound.denied)} rights are missing" in lines[first]
    column = lines[0].index("WHAT")
    listed = [line[column:] for line in lines[first + 1 :] if line.startswith(" " * column)]
    assert listed[:2] == [
        "- list, watch pods, services, configmaps in all namespaces",
        "- create, delete, list, patch, watch serviceinstances.rollcall.dev in all namespaces",
    ]
    assert listed[-1] == "- create events"
    assert max(map(len, listed)) < 110


@given(denied=st.sets(st.sampled_from(list(rights()))))
def test_what_is_summed_up_is_what_was_given(denied: set[Right]) -> None:
    given_rights = [right for right in rights() if right in denied]
    places: dict[Scope, str] = {"namespaced": "in all", "files": "in some", "own": "in own"}
    known = {right.verb for right in rights()}
    found = set()
    for line in summed_up(given_rights, places):
        scope: Scope = next((each for each, place in places.items() if line.endswith(f" {place}")), "cluster")
        words = line.removesuffix(f" {places.get(scope, '')}").replace(",", "").split()
        verbs = [word for word in words if word in known]
        found |= {(scope, name, verb) for name in words[len(verbs) :] for verb in verbs}
    assert found == {
        (right.scope, f"{right.resource}.{right.group}" if right.group else right.resource, right.verb)
        for right in denied
    }


def test_rights_in_the_namespace_of_the_operator(
    sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]
) -> None:
    sound.denied = {"list pods", "list secrets", "patch leases"}
    ended = rollcall("check", "-o", "json", "--operator-namespace", "names", *free)
    assert by_name(ended)["rights"]["details"] == [
        "list pods in all namespaces",
        "patch leases.coordination.k8s.io in the namespace names",
        "list secrets in the namespace names",
    ]
    account = "system:serviceaccount:dns:rollcall"
    ended = rollcall("check", "-o", "json", "--as", account, *free)
    assert by_name(ended)["rights"]["details"][-1].endswith("in the namespace dns")


def test_the_rights_of_an_account(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    account = "system:serviceaccount:rollcall-system:rollcall"
    rollcall("check", "--as", account, "-n", "shop", *free)
    assert {path for path, _ in sound.reviews} == {"/apis/authorization.k8s.io/v1/subjectaccessreviews"}
    specs = [body["spec"] for _, body in sound.reviews]
    assert {spec["user"] for spec in specs} == {account}
    assert specs[0]["groups"] == [
        "system:authenticated",
        "system:serviceaccounts",
        "system:serviceaccounts:rollcall-system",
    ]
    asked = {spec["resourceAttributes"]["resource"]: spec["resourceAttributes"] for spec in specs}
    assert asked["pods"]["namespace"] == "shop"
    assert asked["leases"]["namespace"] == asked["secrets"]["namespace"] == "rollcall-system"
    assert "namespace" not in asked["discoveryzones"]


def test_reviews_that_are_refused(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    sound.answers[path] = Forbidden("POST /x", 403, "Forbidden", "ann may not create subjectaccessreviews")
    found = by_name(rollcall("check", "--as", "ann", "-o", "json", *free))["rights"]
    assert "ann may not create subjectaccessreviews" in found["message"]


def test_the_rights_are_those_of_the_chart() -> None:
    rules = yaml.safe_load((ROOT / "charts" / "rollcall" / "rules.yaml").read_text())
    granted = {
        (group, resource, verb, part)
        for part, listed in rules.items()
        if part != "publicationGate"
        for rule in listed
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert {tuple(right) for right in rights()} == granted
    (gate,) = rules["publicationGate"]
    assert ([PUBLICATION_GATE.group], [PUBLICATION_GATE.resource], [PUBLICATION_GATE.verb]) == tuple(
        gate.values()
    )


def test_the_publication_gate_is_checked_where_that_is_asked_for(
    sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]
) -> None:
    sound.denied = {"patch pods/status"}
    assert "publication gate" not in by_name(rollcall("check", "-o", "json", *free))
    assert "pods/status" not in {body["spec"]["resourceAttributes"]["resource"] for _, body in sound.reviews}
    ended = rollcall("check", "--publication-gate", "-n", "shop", "-o", "json", *free)
    found = by_name(ended)
    assert (ended.code, found["rights"]["result"], found["publication gate"]["result"]) == (1, "OK", "FAIL")
    assert found["publication gate"]["message"].startswith(
        "you may not patch pods/status in the namespace shop: "
    )
    assert "publicationGate.enabled" in found["publication gate"]["advice"]
    sound.denied.clear()
    ended = rollcall("check", "--publication-gate", "-o", "json", *free)
    assert (ended.code, by_name(ended)["publication gate"]["message"]) == (
        0,
        "you may patch pods/status in all namespaces",
    )


@pytest.mark.parametrize("plural", list(KINDS))
def test_the_crds_have_all_fields(plural: str) -> None:
    (version,) = crd(plural)["spec"]["versions"]
    assert missing_fields(plural, version["schema"]["openAPIV3Schema"]) == []
    assert len(missing_fields(plural, {})) > 15


def test_zones(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    waiting = {**deepcopy(INTERNAL), "metadata": {"name": "waiting", "generation": 2}}
    sound.objects = [deepcopy(INTERNAL), deepcopy(SECOND), waiting]
    ended = rollcall("check", "-o", "json", *free)
    found = by_name(ended)
    assert ended.code == 1
    assert [found[f"zone {name}"]["result"] for name in ("internal", "second", "waiting")] == [
        "OK",
        "FAIL",
        "WARN",
    ]
    assert "DomainTaken: The domain belongs to internal" in found["zone second"]["message"]


def test_no_zones(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    sound.objects = []
    found = by_name(rollcall("check", "-o", "json", *free))["zones"]
    assert (found["result"], found["message"]) == (
        "WARN",
        "There is no DiscoveryZone: nothing is published in DNS.",
    )


def test_zones_that_may_not_be_listed(sound: CannedApi, rollcall: Rollcall, free: tuple[str, ...]) -> None:
    sound.answers[f"{GROUP}/discoveryzones"] = Forbidden("GET /x", 403, "Forbidden", "no zones for ann")
    assert "no zones for ann" in by_name(rollcall("check", "-o", "json", *free))["zones"]["message"]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    """Answer DNS wherever one asks."""
    made = NameServer()
    monkeypatch.setattr("rollcall.cli.ask._udp", made.udp)
    return made


@pytest.fixture
def taken() -> Iterator[str]:
    """Return an address whose ports somebody else has."""
    (pair,) = open_sockets("127.0.0.1:0", 1)
    with closing(pair):
        yield f"127.0.0.1:{pair.udp.getsockname()[1]}"


def test_a_dns_port_that_answers(
    sound: CannedApi, rollcall: Rollcall, answering: NameServer, taken: str
) -> None:
    found = by_name(rollcall("check", "-o", "json", "--dns-listen", taken))
    assert (found["dns port"]["result"], found["dns port"]["message"]) == (
        "OK",
        f"{taken} answers for all zones",
    )
    assert "dns service" not in found


def test_a_dns_port_that_is_behind(
    sound: CannedApi, rollcall: Rollcall, answering: NameServer, taken: str
) -> None:
    sound.objects[0]["status"]["serial"] += 5
    other = deepcopy(INTERNAL) | {"metadata": {"name": "other"}, "spec": {"domain": "example.org"}}
    sound.objects.append(other)
    found = by_name(rollcall("check", "-o", "json", "--dns-listen", taken))["dns port"]
    assert found["result"] == "WARN"
    assert "k8s.example.com (serial 1767268800, the status says 1767268805)" in found["message"]
    assert "example.org (REFUSED)" in found["message"]


def test_ports_that_somebody_else_has(
    sound: CannedApi, rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    monkeypatch.setattr("rollcall.cli.ask.UDP_SECONDS", 0.01)
    monkeypatch.setattr("rollcall.cli.ask.TCP_SECONDS", 0.01)
    monkeypatch.setattr("rollcall.cli.ports.HTTP_SECONDS", 0.01)
    ended = rollcall("check", "-o", "json", "--dns-listen", taken, "--http-listen", taken)
    assert ended.code == 1
    for name in ("dns port", "http port"):
        assert by_name(ended)[name]["result"] == "FAIL"
        assert taken.rpartition(":")[2] in by_name(ended)[name]["message"]


def test_default_ports_that_somebody_else_has(
    sound: CannedApi, rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    """Perhaps nobody means to run Rollcall on this machine."""
    monkeypatch.setattr("rollcall.cli.ask.UDP_SECONDS", 0.01)
    monkeypatch.setattr("rollcall.cli.ask.TCP_SECONDS", 0.01)
    monkeypatch.setattr("rollcall.cli.ports.DNS_LISTEN", taken)
    assert by_name(rollcall("check", "-o", "json"))["dns port"]["result"] == "WARN"


@pytest.mark.parametrize("text", ["nonsense", "127.0.0.1:", "127.0.0.1:99999", "[::1:53"])
def test_addresses_that_are_none(sound: CannedApi, rollcall: Rollcall, text: str) -> None:
    found = by_name(rollcall("check", "-o", "json", "--dns-listen", text, "--http-listen", text))
    assert (found["dns port"]["result"], found["http port"]["result"]) == ("FAIL", "FAIL")


def test_the_dns_service(
    sound: CannedApi, rollcall: Rollcall, answering: NameServer, free: tuple[str, ...]
) -> None:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}]
    metadata = {"name": "rollcall-dns", "namespace": "rollcall-system"}
    sound.answers["/api/v1/services"] = {
        "items": [{"metadata": metadata, "spec": {"clusterIP": "10.96.0.53", "ports": ports}}]
    }
    name = "dns service rollcall-system/rollcall-dns"
    assert by_name(rollcall("check", "-o", "json", *free))[name]["result"] == "OK"
    answering.down = True
    found = by_name(rollcall("check", "-o", "json", *free))[name]
    assert found["result"] == "WARN"
    assert "That is usual outside the cluster." in found["message"]
