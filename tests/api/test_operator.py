"""The whole path on real input: pods in a real API server, answers, files, status and Events out."""

import functools
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from controlplane import ApiError, ControlPlane, path
from controlplane.client import APPLY
from rollcall_process import PROGRAM, Rollcall
from waiting import SECONDS, eventually

ZONE = {
    "apiVersion": "rollcall.dev/v1alpha1",
    "kind": "DiscoveryZone",
    "metadata": {"name": "test"},
    "spec": {"domain": "test.example"},
}


KINDS = {
    "dz": ("rollcall.dev/v1alpha1", "discoveryzones"),
    "df": ("rollcall.dev/v1alpha1", "discoveryfiles"),
    "si": ("rollcall.dev/v1alpha1", "serviceinstances"),
    "pod": ("v1", "pods"),
    "svc": ("v1", "services"),
    "cm": ("v1", "configmaps"),
    "deployment": ("apps/v1", "deployments"),
}
"""apiVersion and plural, by the name that kubectl's users write."""

Json = dict[str, Any]


def apply(plane: ControlPlane, *documents: Mapping[str, Any]) -> None:
    """Write objects as `kubectl apply --server-side` does, without a process that has to start for it."""
    for document in documents:
        metadata, plural = document["metadata"], f"{document['kind'].lower()}s"
        target = path(document["apiVersion"], plural, metadata.get("namespace"), metadata["name"])
        options = {"fieldManager": "test", "force": "true", "fieldValidation": "Strict"}
        plane.client.patch(target, document, APPLY, **options)


def zone(name: str, domain: str, **spec: object) -> Json:
    return ZONE | {"metadata": {"name": name}, "spec": {"domain": domain, **spec}}


def file(namespace: str, name: str, **spec: object) -> Json:
    config_map = {"name": name, "key": "file"}
    return {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "DiscoveryFile",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"format": "json", "configMap": config_map} | spec,
    }


def get(plane: ControlPlane, kind: str, name: str, namespace: str = "") -> Json:
    version, plural = KINDS[kind]
    return plane.client.get(path(version, plural, namespace or None, name))


def status(plane: ControlPlane, kind: str, name: str, namespace: str = "") -> Json:
    try:
        return get(plane, kind, name, namespace).get("status") or {}
    except ApiError as error:
        if error.status != 404:
            raise
        return {}  # it isn't there yet


def wait_instance(plane: ControlPlane, namespace: str) -> None:
    """Wait for the ServiceInstance of the service `web`."""
    instances = path("rollcall.dev/v1alpha1", "serviceinstances", namespace)

    def is_there() -> bool:
        return any(each["metadata"]["name"] == "web" for each in plane.client.list(instances)["items"])

    eventually(is_there, "its object")


def condition(plane: ControlPlane, kind: str, name: str, namespace: str = "") -> str:
    """Return the reason of an object's Ready condition."""
    for each in status(plane, kind, name, namespace).get("conditions") or ():
        if each["type"] == "Ready":
            return str(each["reason"])
    return ""


def event_reasons(plane: ControlPlane, namespace: str, kind: str, name: str) -> set[str]:
    """Return what the Events of an object say."""
    of = f"involvedObject.kind={kind},involvedObject.name={name}"
    events = plane.client.list(path("v1", "events", namespace), fieldSelector=of)["items"]
    return {str(each["reason"]) for each in events}


@pytest.fixture(scope="module")
def rollcall(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollcall]:
    apply(cluster, ZONE)
    with Rollcall(cluster.kubeconfig, tmp_path_factory.mktemp("state")) as running:
        running.wait_ready()
        yield running
    cluster.kubectl("delete", "dz", "test")
    assert "Traceback" not in running.text


@pytest.fixture
def web(cluster: ControlPlane, namespace: str) -> str:
    """Make a service `web` of three ready pods; return its name in DNS."""
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    for number in range(3):
        pod(cluster, namespace, number)
    return f"web.{namespace}.test.example"


def pod(plane: ControlPlane, namespace: str, number: int) -> None:
    plane.workloads.make_pod(
        namespace,
        f"web-{number}",
        ip=f"10.20.0.{number + 1}",
        labels={"app": "web"},
        ports=[("http", 8080)],
    )


def test_a_normal_start_reports_no_trouble(cluster, tmp_path):
    with Rollcall(
        cluster.kubeconfig, tmp_path, "--dns-workers=2", "--transfer-listen=127.0.0.1:0"
    ) as started:
        started.wait_ready()
        for trouble in ("Errno", "no feed", "No such file", "WARNING", "ERROR"):
            assert trouble not in started.text, started.text


def test_a_pod_that_becomes_unready_leaves_and_comes_back(cluster, namespace, rollcall, web):
    everyone = {"10.20.0.1", "10.20.0.2", "10.20.0.3"}
    rollcall.wait_answers(web, everyone)
    cluster.workloads.set_ready(namespace, "web-0", False)
    rollcall.wait_answers(web, everyone - {"10.20.0.1"})
    wait_left_out(cluster, namespace, "web-0", "NotReady")
    assert status(cluster, "si", "web", namespace)["ready"] == "2/3"
    cluster.workloads.set_ready(namespace, "web-0", True)
    rollcall.wait_answers(web, everyone)


def wait_left_out(plane: ControlPlane, namespace: str, name: str, reason: str) -> None:
    """Wait until the status of `web` leaves out this pod alone: 2/3 it may have said as the pods came."""

    def left_out() -> list[tuple[str, str]]:
        instances = status(plane, "si", "web", namespace).get("instances") or ()
        return [(each["pod"], each["reason"]) for each in instances if not each["eligible"]]

    eventually(lambda: left_out() == [(name, reason)], f"{name} alone is left out: {reason}")


def test_pods_that_are_deleted_or_added_are_followed(cluster, namespace, rollcall, web):
    cluster.workloads.terminate(namespace, "web-1")
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.3"})
    cluster.workloads.delete_pod(namespace, "web-1")
    pod(cluster, namespace, 3)
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.3", "10.20.0.4"})


def test_a_service_scaled_to_zero_is_empty_and_no_broken_resource(cluster, namespace, rollcall, web):
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.2", "10.20.0.3"})
    eventually(lambda: status(cluster, "si", "web", namespace).get("ready") == "3/3", "READY 3/3")
    for number in range(3):
        cluster.workloads.delete_pod(namespace, f"web-{number}")
    rollcall.wait_answers(web, set())
    answer = rollcall.ask(web)
    assert answer.rcode() == 0
    assert answer.authority[0].ttl == 5
    eventually(lambda: status(cluster, "si", "web", namespace).get("ready") == "0/0", "READY 0/0")
    conditions = {
        each["type"]: (each["status"], each["reason"])
        for each in status(cluster, "si", "web", namespace)["conditions"]
    }
    assert conditions["Ready"] == ("True", "Published")
    assert conditions["EndpointsAvailable"] == ("False", "NoPods")


def test_every_kind_of_name_is_answered(cluster, namespace, rollcall, web):
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.2", "10.20.0.3"})
    assert len(rollcall.answers(f"_http._tcp.{web}", "SRV")) == 3
    assert rollcall.answers(f"10-20-0-2.{web}") == {"10.20.0.2"}
    assert f'"service={namespace}/web"' in rollcall.answers(f"_rollcall.{web}", "TXT").pop()
    assert rollcall.ask(web, "AAAA").rcode() == 0
    assert rollcall.ask(f"nobody.{web}").rcode() == 3
    assert rollcall.ask(web, tcp=True).answer


def test_a_service_instance_is_made_and_has_no_owner(cluster, namespace, rollcall, web):
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.2", "10.20.0.3"})
    eventually(lambda: condition(cluster, "si", "web", namespace) == "Published", "Published")
    assert "ownerReferences" not in get(cluster, "si", "web", namespace)["metadata"]


def test_transitions_are_events_on_the_service_too(cluster, namespace, rollcall, web):
    # Only what has been told can be lost: a first status may say that there are no pods yet.
    eventually(lambda: status(cluster, "si", "web", namespace).get("ready") == "3/3", "READY 3/3")
    for number in range(3):
        cluster.workloads.set_ready(namespace, f"web-{number}", False)

    def is_told(kind: str) -> bool:
        return "NoEligibleInstances" in event_reasons(cluster, namespace, kind, "web")

    for kind in ("Service", "ServiceInstance"):
        eventually(functools.partial(is_told, kind), f"an Event NoEligibleInstances on the {kind}")
        assert "NoEligibleInstances" in cluster.kubectl("describe", kind.lower(), "web", "-n", namespace)


def test_a_service_instance_with_a_selector_needs_no_service(cluster, namespace, rollcall):
    own = {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "ServiceInstance",
        "metadata": {"name": "own", "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 8080}], "ttlSeconds": 1},
    }
    apply(cluster, own)
    pod(cluster, namespace, 7)
    rollcall.wait_answers(f"own.{namespace}.test.example", {"10.20.0.8"})
    assert rollcall.ask(f"own.{namespace}.test.example").answer[0].ttl == 1
    assert get(cluster, "si", "own", namespace)["spec"]["selector"] == {"app": "web"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"selector": {}, "spec": {"selector": None}}, "NoSelector"),
        (
            {
                "selector": {},
                "headless": False,
                "spec": {"type": "ExternalName", "externalName": "x.example", "selector": None},
            },
            "ExternalName",
        ),
    ],
)
def test_a_service_without_pods_of_its_own_gets_no_object_and_its_users_says_what_to_do(
    cluster, namespace, rollcall, options, reason
):
    cluster.workloads.make_service(namespace, "odd", **options)
    cluster.workloads.make_service(namespace, "usual", selector={"app": "web"})
    eventually(lambda: condition(cluster, "si", "usual", namespace) == "Published", "the one made after it")
    made = cluster.kubectl("get", "si", "-n", namespace, "-o", "name")
    assert made.split() == ["serviceinstance.rollcall.dev/usual"]
    asked = {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "ServiceInstance",
        "metadata": {"name": "odd", "namespace": namespace},
    }
    apply(cluster, asked)
    eventually(lambda: condition(cluster, "si", "odd", namespace) == reason, reason)


def test_a_selector_that_matches_nothing_is_said(cluster, namespace, rollcall):
    cluster.workloads.make_service(namespace, "none", selector={"app": "nobody"})
    eventually(lambda: condition(cluster, "si", "none", namespace) == "Published", "Published")
    message = next(
        each["message"]
        for each in status(cluster, "si", "none", namespace)["conditions"]
        if each["type"] == "EndpointsAvailable"
    )
    assert "app=nobody" in message


def test_two_zones_with_one_domain_and_a_zone_in_a_zone(cluster, namespace, rollcall, web):
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.2", "10.20.0.3"})
    apply(
        cluster, zone("late", "test.example"), zone("inner", f"{namespace}.test.example", namespaces=["none"])
    )
    try:
        eventually(lambda: condition(cluster, "dz", "late") == "DomainTaken", "DomainTaken")
        eventually(lambda: condition(cluster, "si", "web", namespace) == "ShadowedByZone", "ShadowedByZone")
        eventually(lambda: rollcall.ask(web).rcode() == 3, "NXDOMAIN: status waits for no DNS worker")
    finally:
        cluster.kubectl("delete", "dz", "late", "inner")
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.2", "10.20.0.3"})


def test_a_flat_name_is_the_namespaces_that_has_leave(cluster, namespace, rollcall, web):
    cluster.workloads.make_namespace(f"{namespace}-b")
    leave = [{"name": "web", "namespace": namespace}]
    namespaces = [namespace, f"{namespace}-b"]
    apply(cluster, zone("flat", "flat.example", naming="Flat", namespaces=namespaces, flatNames=leave))
    try:
        rollcall.wait_answers("web.flat.example", {"10.20.0.1", "10.20.0.2", "10.20.0.3"})
        cluster.workloads.make_service(f"{namespace}-b", "web", selector={"app": "web"})
        eventually(
            lambda: condition(cluster, "si", "web", f"{namespace}-b") == "NameNotGranted", "NameNotGranted"
        )
        assert len(rollcall.answers("web.flat.example")) == 3
    finally:
        cluster.kubectl("delete", "dz", "flat")


def test_a_file_is_written_and_served_over_http(cluster, namespace, rollcall, web):
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.2", "10.20.0.3"})  # so that its first content is whole
    apply(cluster, file(namespace, "mine"))
    eventually(lambda: condition(cluster, "df", "mine", namespace) == "Written", "Written")
    in_config_map = get(cluster, "cm", "mine", namespace)["data"]["file"]
    code, body, headers = rollcall.get(f"/v1/files/{namespace}/mine")
    assert (code, body) == (200, in_config_map)
    assert "10.20.0.1" in body
    cluster.workloads.set_ready(namespace, "web-0", False)
    eventually(
        lambda: "10.20.0.1" not in get(cluster, "cm", "mine", namespace)["data"]["file"],
        "the ConfigMap follows",
    )
    assert rollcall.get(f"/v1/files/{namespace}/mine")[2]["ETag"] != headers["ETag"]
    assert rollcall.get(f"/v1/files/{namespace}/other")[0] == 404


def test_a_config_map_that_is_not_ours_is_left_alone(cluster, namespace, rollcall, web):
    cluster.kubectl("create", "configmap", "theirs", "--from-literal=file=precious", "-n", namespace)
    apply(cluster, file(namespace, "theirs"))
    eventually(
        lambda: condition(cluster, "df", "theirs", namespace) == "ConfigMapNotOurs", "ConfigMapNotOurs"
    )
    assert get(cluster, "cm", "theirs", namespace)["data"] == {"file": "precious"}
    eventually(
        lambda: "ConfigMapNotOurs" in event_reasons(cluster, namespace, "DiscoveryFile", "theirs"), "an Event"
    )
    assert "ConfigMapNotOurs" in cluster.kubectl("describe", "df", "theirs", "-n", namespace)


def test_pods_are_never_written(cluster, namespace, rollcall, web):
    before = get(cluster, "pod", "web-2", namespace)["metadata"]["resourceVersion"]
    cluster.workloads.set_ready(namespace, "web-0", False)
    rollcall.wait_answers(web, {"10.20.0.2", "10.20.0.3"})
    wait_left_out(cluster, namespace, "web-0", "NotReady")
    assert get(cluster, "pod", "web-2", namespace)["metadata"]["resourceVersion"] == before


def metrics(rollcall: Rollcall) -> str:
    return rollcall.get("/metrics")[1]


def test_metrics_time_each_change_to_the_answer(cluster, namespace, rollcall, web):
    rollcall.wait_answers(web, {"10.20.0.1", "10.20.0.2", "10.20.0.3"})

    def timed(stage: str) -> float:
        found = re.search(rf'programming_duration_seconds_count{{stage="{stage}"}} (\S+)', metrics(rollcall))
        return float(found[1]) if found else 0.0

    eventually(lambda: timed("committed") > 0 and timed("served") > 0, "told by the workers once they answer")
    text = metrics(rollcall)
    assert 'rollcall_watch_synced{resource="pods"} 1.0' in text
    assert 'rollcall_zone_serial{zone="test.example"}' in text


def test_every_metric_is_in_the_manual_and_every_one_there_exists(rollcall):
    rollcall.wait_ready()
    shown = {
        line.split()[2] for line in metrics(rollcall).splitlines() if line.startswith("# TYPE rollcall_")
    }
    manual = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text()
    listed = set(re.findall(r"^\| `(rollcall_\w+)`", manual, re.MULTILINE))
    assert {name for name in shown if not name.endswith("_created")} == listed


def test_every_process_logs_json_where_that_is_asked_for(cluster, tmp_path: Path):
    with Rollcall(cluster.kubeconfig, tmp_path, "--log-format=json") as running:
        running.wait_ready()
    assert [line for line in running.log if not line.startswith("{")] == []
    lines = [json.loads(line) for line in running.log]
    assert {line["process"] for line in lines} >= {"rollcall", "control", "dns worker 0", "dns worker 1"}
    assert all({"ts", "level", "logger", "msg"} <= line.keys() for line in lines)


def test_a_port_in_use_is_named(cluster, rollcall, tmp_path: Path):
    for option, port in (("--dns-listen", rollcall.ports["dns"]), ("--http-listen", rollcall.ports["http"])):
        done = subprocess.run(
            [
                PROGRAM,
                "run",
                f"--kubeconfig={cluster.kubeconfig}",
                f"--state-dir={tmp_path}",
                "--dns-listen=127.0.0.1:0",
                "--http-listen=127.0.0.1:0",
                f"{option}=127.0.0.1:{port}",
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 1
        assert str(port) in done.stderr
        assert "in use" in done.stderr
        assert "Traceback" not in done.stderr
