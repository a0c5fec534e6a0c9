"""The account of the chart may do what rules.yaml lists, as the API server tells it, and nothing else."""

import ssl
from collections.abc import Iterable, Iterator, Set
from functools import partial

import pytest
from manifests.generate import CHART

from api.manifests.resources import Json
from controlplane import Client, ControlPlane, path
from unit.manifests.sources import chart_file
from waiting import eventually

NAMESPACE = "rollcall-system"
RULES = chart_file("rules.yaml")
AUTHORIZATION = "authorization.k8s.io/v1"

Right = tuple[str, str, str]
"""Verb, group, resource with its subresource."""


def rights(rules: Iterable[Json]) -> set[Right]:
    return {
        (verb, group, resource)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


class Account:
    """A service account that asks the API server what it may do. `everybody` are rights that all have."""

    def __init__(
        self, cluster: ControlPlane, namespace: str, name: str, everybody: Set[Right] = frozenset()
    ) -> None:
        self._everybody = everybody
        context = ssl.create_default_context(cafile=str(cluster.ca))
        self._client = Client(cluster.url, context, cluster.account_token(namespace, name))

    def rights(self, namespace: str) -> set[Right]:
        status = self._review("SelfSubjectRulesReview", {"namespace": namespace})
        assert not status["incomplete"]
        return rights(status["resourceRules"])

    def wait_rights(self, namespace: str, own: Set[Right]) -> None:
        """Wait until it has rights of its own in a namespace, and no others: the API server has a cache."""
        eventually(
            lambda: self.rights(namespace) - self._everybody == own,
            lambda: f"{namespace}: {sorted((self.rights(namespace) - self._everybody) ^ own)}",
        )

    def may(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        name, _, subresource = resource.partition("/")
        attributes = {
            "verb": verb,
            "group": group,
            "resource": name,
            "subresource": subresource,
            "namespace": namespace,
        }
        return bool(self._review("SelfSubjectAccessReview", {"resourceAttributes": attributes})["allowed"])

    def _review(self, kind: str, spec: Json) -> Json:
        review = {"apiVersion": AUTHORIZATION, "kind": kind, "spec": spec}
        try:
            status: Json = self._client.create(path(AUTHORIZATION, f"{kind.lower()}s"), review)["status"]
        finally:
            self._client.close()
        return status


def install(cluster: ControlPlane, *flags: str) -> Account:
    """Install the chart; return its account."""
    cluster.helm("install", "rollcall", str(CHART), "--namespace", NAMESPACE, "--create-namespace", *flags)
    nobody = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}}
    cluster.client.create(path("v1", "serviceaccounts", NAMESPACE), nobody)
    everybody = Account(cluster, NAMESPACE, "nobody").rights("default")
    return Account(cluster, NAMESPACE, "rollcall", everybody)


@pytest.fixture
def cluster_without_release(empty_cluster: ControlPlane) -> Iterator[ControlPlane]:
    yield empty_cluster
    empty_cluster.helm("uninstall", "rollcall", "--namespace", NAMESPACE)
    empty_cluster.client.delete(path("v1", "serviceaccounts", NAMESPACE, "nobody"))


def test_all_namespaces(cluster_without_release: ControlPlane) -> None:
    account = install(cluster_without_release)
    listed = rights((*RULES["namespaced"], *RULES["files"], *RULES["cluster"]))
    account.wait_rights("default", listed)
    account.wait_rights(NAMESPACE, listed | rights(RULES["own"]))


def test_one_namespace(cluster_without_release: ControlPlane) -> None:
    cluster_without_release.workloads.make_namespace("shop")
    account = install(cluster_without_release, "--set", "watchNamespace=shop")
    account.wait_rights("shop", rights((*RULES["namespaced"], *RULES["files"], *RULES["cluster"])))
    account.wait_rights("default", rights(RULES["cluster"]))
    account.wait_rights(NAMESPACE, rights((*RULES["own"], *RULES["cluster"])))


def test_files_are_written_where_the_values_say(cluster_without_release: ControlPlane) -> None:
    for namespace in ("shop", "desk"):
        cluster_without_release.workloads.make_namespace(namespace)
    account = install(cluster_without_release, "--set", "fileNamespaces={shop,desk}")
    listed, files = rights((*RULES["namespaced"], *RULES["cluster"])), rights(RULES["files"])
    for namespace in ("shop", "desk"):
        account.wait_rights(namespace, listed | files)
    for namespace in ("default", "kube-system"):
        account.wait_rights(namespace, listed)
    assert not account.may("update", "", "configmaps", "kube-system")


@pytest.mark.parametrize("watched", ["", "shop"], ids=["everywhere", "one namespace"])
def test_the_publication_gate_brings_one_right(cluster_without_release: ControlPlane, watched: str) -> None:
    cluster_without_release.workloads.make_namespace("shop")
    account = install(
        cluster_without_release, "--set", f"watchNamespace={watched},publicationGate.enabled=true"
    )
    more = rights(RULES["publicationGate"])
    assert more == {("patch", "", "pods/status")}
    everywhere = rights(RULES["cluster"])
    there = rights((*RULES["namespaced"], *RULES["files"])) | everywhere | more
    account.wait_rights("shop", there)
    account.wait_rights("default", everywhere if watched else there)


@pytest.mark.parametrize(
    "resource", ["pods", "pods/status", "pods/eviction", "pods/exec", "services", "services/status"]
)
@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection"])
def test_pods_and_services_are_out_of_reach(rollcall_account: Account, verb: str, resource: str) -> None:
    assert not rollcall_account.may(verb, "", resource, "default")


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("patch", "coordination.k8s.io", "leases"),
        ("delete", "", "configmaps"),
        ("update", "rollcall.dev", "serviceinstances"),
        ("delete", "rollcall.dev", "discoveryfiles"),
        ("patch", "rollcall.dev", "discoveryzones"),
        ("create", "rollcall.dev", "discoveryfiles"),
        ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
    ],
)
def test_other_writes_are_out_of_reach(
    rollcall_account: Account, verb: str, group: str, resource: str
) -> None:
    assert not rollcall_account.may(verb, group, resource, "default")


@pytest.mark.parametrize("verb", ["get", "create", "update", "patch", "delete", "deletecollection"])
def test_secrets_are_only_followed(rollcall_account: Account, verb: str) -> None:
    assert not rollcall_account.may(verb, "", "secrets", "rollcall-reach")
    assert rollcall_account.may("watch", "", "secrets", "rollcall-reach")


@pytest.fixture(scope="module")
def rollcall_account(empty_cluster: ControlPlane) -> Iterator[Account]:
    """Return the account of a release beside those that other tests install and remove."""
    empty_cluster.helm(
        "install", "reach", str(CHART), "--namespace", "rollcall-reach", "--create-namespace", "--skip-crds"
    )
    account = Account(empty_cluster, "rollcall-reach", "reach-rollcall")
    # What it may not do is asked once it may what the Role and the ClusterRole grant.
    for group, resource in (("", "secrets"), ("rollcall.dev", "discoveryzones")):
        may = partial(account.may, "watch", group, resource, "rollcall-reach")
        eventually(may, f"it may watch {resource}")
    yield account
    empty_cluster.helm("uninstall", "reach", "--namespace", "rollcall-reach")


def test_users_of_a_namespace_get_our_kinds_with_it(
    rollcall_account: Account, empty_cluster: ControlPlane
) -> None:
    roles = empty_cluster.client.list(path("rbac.authorization.k8s.io/v1", "clusterroles"))["items"]
    granted = {
        aggregate: rights(
            rule
            for role in roles
            for rule in role["rules"] or ()
            if role["metadata"]["name"].startswith("reach-rollcall")
            and f"rbac.authorization.k8s.io/aggregate-to-{aggregate}" in role["metadata"].get("labels", {})
        )
        for aggregate in ("view", "edit", "admin")
    }
    assert {resource for _, _, resource in granted["view"]} == {
        "discoveryfiles",
        "discoveryzones",
        "serviceinstances",
    }
    assert {verb for verb, _, _ in granted["view"]} == {"get", "list", "watch"}
    assert granted["edit"] == granted["admin"] > granted["view"]
    assert not {right for right in granted["edit"] - granted["view"] if right[2] == "discoveryzones"}
