"""`rollcall check` where the rights and the CRDs are real ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from api.access import Right, wait_granted
from api.cli.conftest import Run
from controlplane import ControlPlane
from waiting import eventually

ROOT = Path(__file__).parents[3]


def results(command: Run, *arguments: str, **environment: str) -> dict[str, tuple[str, str]]:
    ended = command("check", "-o", "json", *arguments, **environment)
    return {
        each["check"]: (each["result"], "\n".join([each["message"], *each["details"]]))
        for each in ended.json["checks"]
    }


@pytest.fixture
def account(cluster: ControlPlane, namespace: str) -> Iterator[str]:
    """Make a service account with the rights that the chart grants in one namespace."""
    rules = yaml.safe_load((ROOT / "charts" / "rollcall" / "rules.yaml").read_text())
    cluster.kubectl("create", "serviceaccount", "operator", "-n", namespace)
    for kind, name, granted in (
        ("Role", "operator", [*rules["namespaced"], *rules["files"], *rules["own"]]),
        ("ClusterRole", namespace, rules["cluster"]),
    ):
        where = {"namespace": namespace} if kind == "Role" else {}
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name, **where},
            "rules": granted,
        }
        cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump(role))
    user = f"{namespace}:operator"
    cluster.kubectl(
        "create", "rolebinding", "operator", "--role=operator", f"--serviceaccount={user}", "-n", namespace
    )
    cluster.kubectl(
        "create", "clusterrolebinding", namespace, f"--clusterrole={namespace}", f"--serviceaccount={user}"
    )
    account = f"system:serviceaccount:{user}"
    rights = Right("get", "coordination.k8s.io", "leases"), Right("list", "rollcall.dev", "discoveryzones")
    wait_granted(cluster, account, rights, namespace)
    yield account
    cluster.kubectl("delete", "clusterrolebinding,clusterrole", namespace)


def test_the_crds_of_this_repository(command: Run) -> None:
    found = results(command)
    assert found["api"][0] == "OK"
    for plural in ("serviceinstances", "discoveryzones", "discoveryfiles"):
        assert found[f"{plural}.rollcall.dev"] == ("OK", "established, with all fields of this version")


def test_an_administrator_may_all(command: Run) -> None:
    assert results(command)["rights"][0] == "OK"


def test_an_account_may_what_it_was_granted(command: Run, namespace: str, account: str) -> None:
    assert results(command, "--as", account, "-n", namespace)["rights"][0] == "OK"
    everywhere = results(command, "--as", account)["rights"]
    assert everywhere[0] == "FAIL"
    assert "list, watch pods, services, configmaps in all namespaces" in everywhere[1]
    assert "discoveryzones" not in everywhere[1]


def test_the_publication_gate_is_a_right_of_its_own(
    cluster: ControlPlane, command: Run, namespace: str, account: str
) -> None:
    asked = ("--publication-gate", "--as", account, "-n", namespace)
    found = results(command, *asked)
    assert (found["rights"][0], found["publication gate"][0]) == ("OK", "FAIL")
    user = account.removeprefix("system:serviceaccount:")
    cluster.kubectl("create", "role", "gate", "--verb=patch", "--resource=pods/status", "-n", namespace)
    cluster.kubectl(
        "create", "rolebinding", "gate", "--role=gate", f"--serviceaccount={user}", "-n", namespace
    )
    eventually(lambda: results(command, *asked)["publication gate"][0] == "OK", "the right is there")


def test_an_account_checks_itself(cluster: ControlPlane, command: Run, namespace: str, account: str) -> None:
    """It may not read CRDs, which is a warning: the operator doesn't need to."""
    kubeconfig = cluster.account_kubeconfig(namespace, "operator")
    where = ("-n", namespace, "--operator-namespace", namespace)
    ended = command("check", "-o", "json", *where, "--kubeconfig", str(kubeconfig))
    found = {each["check"]: each["result"] for each in ended.json["checks"]}
    assert found["rights"] == "OK"
    assert found["serviceinstances.rollcall.dev"] == "WARN"


def test_an_account_without_rights(cluster: ControlPlane, command: Run, namespace: str) -> None:
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    kubeconfig = str(cluster.account_kubeconfig(namespace, "nobody"))
    ended = command("check", "--kubeconfig", kubeconfig)
    assert ended.code == 1
    assert "FAIL     rights" in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) < 300
    denied = command("status", "-n", namespace, "--kubeconfig", kubeconfig)
    assert denied.code == 1
    assert denied.stderr.startswith("Error: a right is missing:")
    assert len(denied.stderr.splitlines()) == 1
