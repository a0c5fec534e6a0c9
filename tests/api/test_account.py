"""The operator under the chart's own account: no right is missing, and none is there that it doesn't use."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from api.access import Right, wait_granted
from api.test_operator import ZONE, apply, condition, file, pod, status
from api.test_publication_gate import Kubelet
from api.workload_objects import FLAGGER, ROLLOUTS, installed
from controlplane import ControlPlane
from rollcall_process import Rollcall
from waiting import eventually

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "rollcall"
NAMESPACE = "rollcall-system"

EVERYBODY = {("create", "authorization.k8s.io")}
"""What every account may do, reviews of its own rights among it."""


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ControlPlane, Path]]:
    """Start an API server that writes down who asked for what."""
    folder = tmp_path_factory.mktemp("audit")
    policy, log = folder / "policy.yaml", folder / "audit.log"
    policy.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "audit.k8s.io/v1",
                "kind": "Policy",
                "omitStages": ["RequestReceived"],
                "rules": [{"level": "Metadata"}],
            }
        )
    )
    flags = [f"--audit-policy-file={policy}", f"--audit-log-path={log}", "--audit-log-mode=blocking"]
    with ControlPlane(apiserver_flags=flags) as plane:
        yield plane, log


def asked(log: Path, account: str) -> dict[tuple[str, str, str], set[int]]:
    """Return the status codes of an account's requests by (verb, group, resource)."""
    found: dict[tuple[str, str, str], set[int]] = {}
    *lines, _ = log.read_text().split("\n")  # the last one may be half written
    for line in lines:
        event = json.loads(line)
        target = event.get("objectRef")
        if event["user"]["username"] != account or not target:
            continue
        resource = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
        right = event["verb"], target.get("apiGroup", ""), resource
        found.setdefault(right, set()).add(event.get("responseStatus", {}).get("code", 0))
    return found


def granted(*roles: str) -> set[Right]:
    """Return the rights in parts of rules.yaml."""
    rules = yaml.safe_load((CHART / "rules.yaml").read_text())
    return {
        Right(verb, group, resource)
        for role in roles or ("namespaced", "files", "own", "cluster")
        for rule in rules[role]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.fixture
def workload_kinds(audited: tuple[ControlPlane, Path]) -> Iterator[None]:
    """Have the kinds of Argo Rollouts and Flagger in the cluster."""
    plane, _ = audited
    with installed(plane, ROLLOUTS, "Rollout"), installed(plane, FLAGGER, "Canary"):
        yield


def following(namespace: str, kind: str) -> dict[str, object]:
    spec = {"selector": {"app": "nobody"}, "release": {"follow": kind}}
    metadata = {"name": kind.lower(), "namespace": namespace}
    return {
        "apiVersion": "rollcall.dev/v1alpha1",
        "kind": "ServiceInstance",
        "metadata": metadata,
        "spec": spec,
    }


def test_no_right_is_missing_and_none_unused(audited, workload_kinds, tmp_path):
    plane, log = audited
    plane.helm("install", "rollcall", str(CHART), "--namespace", NAMESPACE, "--create-namespace")
    apply(plane, ZONE)
    plane.workloads.make_namespace("shop")
    plane.workloads.make_service("shop", "web", selector={"app": "web"})
    for number in range(3):
        pod(plane, "shop", number)
    plane.workloads.make_service("shop", "external", spec={"selector": None})
    apply(plane, file("shop", "mine"), *(following("shop", kind) for kind in ("Deployment", "Rollout")))
    account = f"system:serviceaccount:{NAMESPACE}:rollcall"
    wait_granted(plane, account, granted(), NAMESPACE)
    account_kubeconfig = plane.account_kubeconfig(NAMESPACE, "rollcall")
    with Rollcall(
        account_kubeconfig, tmp_path, "--leader-elect", f"--operator-namespace={NAMESPACE}"
    ) as rollcall:
        rollcall.wait_answers("web.shop.test.example", {"10.20.0.1", "10.20.0.2", "10.20.0.3"})
        eventually(lambda: condition(plane, "df", "mine", "shop") == "Written", "the file is written")
        for number in range(3):
            plane.workloads.set_ready("shop", f"web-{number}", False)
        rollcall.wait_answers("web.shop.test.example", set())
        eventually(lambda: status(plane, "si", "web", "shop").get("ready") == "0/3", "READY 0/3")
        eventually(lambda: condition(plane, "dz", "test") == "Published", "the zone is published")
        plane.workloads.make_service("shop", "passing", selector={"app": "web"})
        eventually(lambda: status(plane, "si", "passing", "shop"), "it has a ServiceInstance")
        plane.kubectl("delete", "service", "passing", "-n", "shop")
        eventually(lambda: granted() <= asked(log, account).keys(), "every right has been used")
        refused = {right for right, codes in asked(log, account).items() if codes & {401, 403}}
    used = {right for right in asked(log, account) if right[:2] not in EVERYBODY}
    assert refused == set()
    assert used - granted() == set()
    assert not {right for right in used if right[2].startswith("pods") and right[0] not in ("list", "watch")}


def test_the_publication_gate_writes_the_status_of_pods_and_nothing_else_of_them(audited, tmp_path):
    plane, log = audited
    home = "rollcall-gate"
    flags = ["--create-namespace", "--set", "publicationGate.enabled=true"]
    plane.helm("install", "gate", str(CHART), "--namespace", home, *flags)
    apply(plane, ZONE)
    plane.workloads.make_namespace("gated")
    plane.workloads.make_service("gated", "web", selector={"app": "web"})
    account = f"system:serviceaccount:{home}:gate-rollcall"
    wait_granted(plane, account, granted() | granted("publicationGate"), home)
    kubeconfig = plane.account_kubeconfig(home, "gate-rollcall")
    options = ["--leader-elect", f"--operator-namespace={home}", "--publication-gate"]
    with Rollcall(kubeconfig, tmp_path, *options) as rollcall:
        Kubelet(plane, "gated").start("web-0", "10.20.0.9")
        rollcall.wait_answers("web.gated.test.example", {"10.20.0.9"})
        Kubelet(plane, "gated").make_ready("web-0")
        # A pod of the first list is published without a watch, which comes after it.
        eventually(lambda: ("watch", "", "pods") in asked(log, account), "pods are watched")
    used = asked(log, account)
    assert {right for right in used if right[2].startswith("pods")} == {
        ("list", "", "pods"),
        ("watch", "", "pods"),
        ("patch", "", "pods/status"),
    }
    assert not any(codes & {401, 403} for codes in used.values())


def test_files_are_written_where_the_chart_says_and_it_is_said_elsewhere(audited, tmp_path):
    plane, _ = audited
    home = "rollcall-narrow"
    for namespace in ("narrow", "beside"):
        plane.workloads.make_namespace(namespace)
        plane.workloads.make_service(namespace, "web", selector={"app": "web"})
    flags = ["--create-namespace", "--set", "fileNamespaces={narrow}"]
    plane.helm("install", "narrow", str(CHART), "--namespace", home, *flags)
    apply(plane, file("narrow", "mine"), file("beside", "mine"))
    account = f"system:serviceaccount:{home}:narrow-rollcall"
    wait_granted(plane, account, granted("namespaced", "own", "cluster"), home)
    wait_granted(plane, account, granted("files"), "narrow")
    kubeconfig = plane.account_kubeconfig(home, "narrow-rollcall")
    with Rollcall(kubeconfig, tmp_path, "--leader-elect", f"--operator-namespace={home}") as rollcall:
        rollcall.wait_ready()
        eventually(lambda: condition(plane, "df", "mine", "narrow") == "Written", "the file is written")
        eventually(lambda: condition(plane, "df", "mine", "beside") == "Forbidden", "it is said")
    labelled = ["--selector=app.kubernetes.io/managed-by=rollcall", "--output=name"]
    assert plane.kubectl("get", "configmaps", "-n", "narrow", *labelled)
    assert not plane.kubectl("get", "configmaps", "-n", "beside", *labelled)
