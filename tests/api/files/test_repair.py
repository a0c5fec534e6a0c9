"""What others do to a ConfigMap of ours, on a real API server: put right at once, not ready before."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from api.files.conftest import Publishing, running
from controlplane import ApiError, ControlPlane, path
from rollcall.kube.client import KubeClient
from rollcall.publish.config_maps import FileReport
from rollcall_process import Rollcall
from unit.publish.files.builders import EMPTY, WEB, file, many
from waiting import eventually, until

HOSTS = file("hosts")
WITHIN_SECONDS = 60.0
"""Long before the next read-back, in five minutes: who puts it right is the watch."""

Json = dict[str, Any]

EDITS: dict[str, Json] = {
    "data": {"data": {"file": "edited"}},
    "a key gone": {"data": {"file": None}},
    "a key more": {"data": {"more": "text"}},
    "binary data": {"binaryData": {"more": "AAAA"}},
    "the label": {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
    "another label": {"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}},
    "the file": {"metadata": {"annotations": {"rollcall.dev/file": None}}},
    "the owner": {"metadata": {"ownerReferences": None}},
}


@pytest.fixture(params=["all namespaces", "one namespace"])
async def watching(
    request: pytest.FixtureRequest, cluster: ControlPlane, namespace: str, client: KubeClient
) -> AsyncIterator[Publishing]:
    watched = namespace if request.param == "one namespace" else ""
    async with running(Publishing(cluster, namespace, client, watched)) as made:
        yield made


@contextmanager
def no_new_config_maps(cluster: ControlPlane, namespace: str) -> Iterator[None]:
    """Have the API server refuse ConfigMaps that are made in a namespace."""
    api = "admissionregistration.k8s.io/v1"
    policies = path(api, "validatingadmissionpolicies")
    bindings = path(api, "validatingadmissionpolicybindings")
    name = f"none-{namespace}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    constraints = {"resourceRules": [rule]}
    policy = {"matchConstraints": constraints, "validations": [{"expression": "false"}]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": selector},
    }
    cluster.client.create(policies, {"metadata": {"name": name}, "spec": policy})
    cluster.client.create(bindings, {"metadata": {"name": name}, "spec": binding})

    def is_refused() -> bool:
        try:
            target = path("v1", "configmaps", namespace)
            cluster.client.request("POST", target, {"metadata": {"name": "try"}}, query={"dryRun": "All"})
        except ApiError:
            return True
        return False

    try:
        eventually(is_refused)
        yield
    finally:
        cluster.client.delete(f"{bindings}/{name}")
        cluster.client.delete(f"{policies}/{name}")
        eventually(lambda: not is_refused())  # what is tried again must not find it in force still


def essence(config_map: Json) -> Json:
    kept = {"labels", "annotations", "ownerReferences"}
    metadata = {key: value for key, value in config_map["metadata"].items() if key in kept}
    return {"data": config_map.get("data"), "binary": config_map.get("binaryData"), **metadata}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_an_edit_is_undone_at_once(edit: Json, watching: Publishing) -> None:
    made = watching.make(HOSTS)
    await watching.published(made, WEB)
    right = essence(watching.read())

    for _ in range(2):
        watching.cluster.client.patch(watching.path("web"), edit)
        assert essence(watching.read()) != right
        await until(lambda: essence(watching.read()) == right, seconds=WITHIN_SECONDS)


async def test_a_deleted_one_is_back_at_once(watching: Publishing) -> None:
    made = watching.make(HOSTS)
    await watching.published(made, WEB)
    right = essence(watching.read())

    for _ in range(3):
        watching.cluster.client.delete(watching.path("web"))
        await until(lambda: watching.exists("web"), seconds=WITHIN_SECONDS)
        assert essence(watching.read()) == right


async def test_one_that_was_replaced_is_ours_again(watching: Publishing) -> None:
    """As `kubectl replace --force` does with the copy that somebody has kept."""
    made = watching.make(HOSTS)
    await watching.published(made, WEB)
    right = essence(watching.read())
    kept = watching.read()
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        kept["metadata"].pop(field, None)
    kept["data"] = {"file": "kept"}

    watching.cluster.client.delete(watching.path("web"))
    watching.cluster.client.create(watching.path(), kept)
    await until(lambda: essence(watching.read()) == right, seconds=WITHIN_SECONDS)


async def test_one_that_lost_all_marks_is_ours_still(watching: Publishing) -> None:
    """As `kubectl replace` does with a manifest that has none."""
    made = watching.make(HOSTS)
    await watching.published(made, WEB)
    right = essence(watching.read())
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"file": "plain"}}
    watching.cluster.client.replace(watching.path("web"), plain)
    await until(lambda: essence(watching.read()) == right, seconds=WITHIN_SECONDS)


async def test_it_is_not_ready_while_it_can_not_be_made(watching: Publishing) -> None:
    made = watching.make(HOSTS)
    await watching.published(made, WEB)
    with no_new_config_maps(watching.cluster, watching.namespace):
        told = len(watching.reports)
        watching.cluster.client.delete(watching.path("web"))
        report = await watching.report(made, lambda report: reason(report) == "ConfigMapRefused")
        assert [reason(each) for _, each in watching.reports[told:]] == ["ConfigMapGone", "ConfigMapRefused"]
        assert report.config_maps == (), "nothing of the file stands anywhere"
    watching.store.put_file(structs.replace(made, generation=2), [WEB])  # it need not wait for its next try
    await watching.report(made, lambda report: not reason(report))
    assert watching.exists("web")


async def test_that_it_is_gone_is_told_before_it_is_back(watching: Publishing) -> None:
    made = watching.make(HOSTS)
    await watching.published(made, WEB)
    told = len(watching.reports)
    watching.cluster.client.delete(watching.path("web"))
    await watching.report(made, lambda report: len(watching.reports) >= told + 2 and report.problem is None)

    gone, back = (report for _, report in watching.reports[told:])
    assert (reason(gone), gone.config_maps, gone.digest) == ("ConfigMapGone", (), "")
    assert back.config_maps == ("web",)


async def test_a_part_that_goes_is_made_anew(watching: Publishing) -> None:
    made = watching.make(HOSTS)
    report = await watching.published(made, many(12_000))
    assert report.config_maps == ("web", "web-2")
    watching.cluster.client.delete(watching.path("web-2"))
    await until(lambda: watching.exists("web-2"), seconds=WITHIN_SECONDS)


async def test_our_own_writes_are_no_news(watching: Publishing, monkeypatch: pytest.MonkeyPatch) -> None:
    made = watching.make(HOSTS)
    await watching.published(made, WEB)
    reads: list[str] = []
    get = watching.client.get

    async def counted(path: str) -> Any:
        reads.append(path)
        return await get(path)

    monkeypatch.setattr(watching.client, "get", counted)
    for services in ([EMPTY], [WEB], [WEB, EMPTY]):
        await watching.published(made, *services)
    assert reads == []


@pytest.mark.parametrize("watched", ["all", "one"])
def test_the_operator_watches_them(
    cluster: ControlPlane, namespace: str, tmp_path: Path, watched: str
) -> None:
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    spec = {"format": "hosts", "configMap": {"name": "hosts", "key": "hosts"}}
    files = path("rollcall.dev/v1alpha1", "discoveryfiles", namespace)
    kind = {"apiVersion": "rollcall.dev/v1alpha1", "kind": "DiscoveryFile"}
    cluster.client.create(files, {**kind, "metadata": {"name": "hosts"}, "spec": spec})
    config_maps = path("v1", "configmaps", namespace)

    def ready() -> str:
        conditions = cluster.client.get(f"{files}/hosts").get("status", {}).get("conditions", ())
        return next((each["status"] for each in conditions if each["type"] == "Ready"), "")

    def data() -> Json | None:
        found = cluster.client.list(config_maps)["items"]
        return next((each.get("data") for each in found if each["metadata"]["name"] == "hosts"), None)

    options = ("--namespace", namespace) if watched == "one" else ()
    with Rollcall(cluster.kubeconfig, tmp_path, *options):
        eventually(lambda: ready() == "True")
        right = data()
        assert right
        cluster.client.delete(f"{config_maps}/hosts")
        eventually(lambda: data() == right, seconds=WITHIN_SECONDS)
        cluster.client.patch(f"{config_maps}/hosts", {"data": {"hosts": "edited"}})
        eventually(lambda: data() == right, seconds=WITHIN_SECONDS)
        eventually(lambda: ready() == "True")
        with no_new_config_maps(cluster, namespace):
            cluster.client.delete(f"{config_maps}/hosts")
            eventually(lambda: ready() == "False", seconds=WITHIN_SECONDS)


def reason(report: FileReport) -> str:
    return report.problem.reason if report.problem else ""
