"""Two installations in one cluster, one for everything and one for a namespace: a zone is one's at a time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import eventually

ANNOTATION = "rollcall.dev/owner"
NOERROR, REFUSED = 0, 5


class Two(NamedTuple):
    """One installation that watches everything, and one that watches a namespace; both run."""

    everything: Rollcall
    one: Rollcall


@pytest.fixture
def domain(cluster: ControlPlane, namespace: str) -> Iterator[str]:
    """Make a zone of the test's name; both start to look at it at the same moment."""
    spec = {"domain": f"{namespace}.example", "namespaces": [namespace]}
    apply(cluster, namespace, spec)
    yield f"{namespace}.example"
    cluster.kubectl("delete", "dz", namespace)


def apply(cluster: ControlPlane, name: str, spec: dict[str, Any]) -> None:
    body = {"apiVersion": "rollcall.dev/v1alpha1", "kind": "DiscoveryZone", "metadata": {"name": name}}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(body | {"spec": spec}))


@pytest.fixture
def two(cluster: ControlPlane, namespace: str, domain: str, tmp_path: Path) -> Iterator[Two]:
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    cluster.workloads.make_pod(namespace, "web-0", ip="10.20.0.1", labels={"app": "web"})
    with (
        Rollcall(cluster.kubeconfig, tmp_path / "everything", "--identity=everything") as everything,
        Rollcall(cluster.kubeconfig, tmp_path / "one", "--identity=one", f"--namespace={namespace}") as one,
    ):
        everything.wait_ready()
        one.wait_ready()
        yield Two(everything, one)


def status(cluster: ControlPlane, kind: str, name: str, *where: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("get", kind, name, *where, "-o", "json"))
    return found.get("status") or {}


def reason(told: dict[str, Any]) -> str:
    return next((each["reason"] for each in told.get("conditions", ()) if each["type"] == "Ready"), "")


def wait_owner(cluster: ControlPlane, zone: str, owner: str = "") -> str:
    """Wait until an installation has published a zone; return which."""

    def is_so() -> bool:
        told = status(cluster, "dz", zone)
        return reason(told) == "Published" and told["owner"] == (owner or told["owner"])

    eventually(is_so, lambda: f"an owner, {owner}: {status(cluster, 'dz', zone)}")
    return str(status(cluster, "dz", zone)["owner"])


def refused(off: Rollcall, zone: str, why: str) -> bool:
    return f'rollcall_zone_refused{{reason="{why}",zone="{zone}"}} 1.0' in off.get("/metrics")[1]


def wait_answered_by(which: Rollcall, other: Rollcall, domain: str, namespace: str) -> None:
    name = f"web.{namespace}.{domain}"
    which.wait_answers(name, {"10.20.0.1"})
    eventually(lambda: other.ask(name).rcode() == REFUSED, "the other answers nothing")
    eventually(lambda: refused(other, namespace, "OwnedByAnother"), "the other says so")
    eventually(lambda: not refused(which, namespace, "OwnedByAnother"), "the one does not")


def test_a_zone_is_one_installations_and_can_be_handed_over(
    cluster: ControlPlane, namespace: str, two: Two, domain: str
) -> None:
    by_name = two._asdict()
    first = wait_owner(cluster, namespace)
    second = next(name for name in by_name if name != first)
    wait_answered_by(by_name[first], by_name[second], domain, namespace)
    eventually(lambda: "OwnedByAnother" in events(cluster, namespace), "an Event on the zone")
    before = status(cluster, "dz", namespace)
    cluster.workloads.set_ready(namespace, "web-0", False)
    by_name[first].wait_answers(f"web.{namespace}.{domain}", set())
    cluster.workloads.set_ready(namespace, "web-0", True)
    wait_answered_by(by_name[first], by_name[second], domain, namespace)
    assert status(cluster, "dz", namespace)["owner"] == before["owner"]

    cluster.kubectl("annotate", "dz", namespace, f"{ANNOTATION}={second}")
    wait_owner(cluster, namespace, second)
    wait_answered_by(by_name[second], by_name[first], domain, namespace)
    after = status(cluster, "dz", namespace)
    assert after["serial"] >= before["serial"]
    eventually(
        lambda: status(cluster, "si", "web", "-n", namespace).get("reason") == "Published",
        "its service is told of by the new owner",
    )
    eventually(lambda: "TakenOver" in events(cluster, namespace), "an Event on the zone")

    cluster.kubectl("patch", "dz", namespace, "--subresource=status", "--type=merge", "-p", '{"status":null}')
    wait_owner(cluster, namespace, second)


def events(cluster: ControlPlane, zone: str) -> list[str]:
    found = json.loads(
        cluster.kubectl(
            "get", "events", "-n", "default", f"--field-selector=involvedObject.name={zone}", "-o", "json"
        )
    )
    return [each["reason"] for each in found["items"]]


def test_a_zone_of_namespaces_that_are_not_watched_is_refused_until_somebody_watches_them(
    cluster: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    spec = {"domain": f"{namespace}.example", "namespaces": [namespace]}
    apply(cluster, namespace, spec)
    try:
        with Rollcall(cluster.kubeconfig, tmp_path / "one", "--identity=one", "--namespace=default") as one:
            one.wait_ready()
            eventually(lambda: reason(status(cluster, "dz", namespace)) == "NamespaceNotWatched", "a refusal")
            assert status(cluster, "dz", namespace)["owner"] == ""
            assert one.ask(f"x.{namespace}.example").rcode() == REFUSED
            with Rollcall(cluster.kubeconfig, tmp_path / "all", "--identity=all") as everything:
                wait_owner(cluster, namespace, "all")
                eventually(lambda: refused(one, namespace, "OwnedByAnother"), "it keeps off")
                assert everything.ask(f"{namespace}.example", "SOA").rcode() == NOERROR
    finally:
        cluster.kubectl("delete", "dz", namespace)
