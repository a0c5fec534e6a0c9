"""That the control plane itself works: what the api tier builds upon."""

import contextlib
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from controlplane import ApiError, Client, ControlPlane, StartFailed, manifests, path
from controlplane.seed import seed, stored_pod


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as plane:
        if plane.ours:
            yield plane
        else:
            pytest.skip("these tests stop the API server, and this cluster is not ours")


def events(client: Client, namespace: str, version: str) -> Generator[tuple[str, str], None, None]:
    """Yield what a watch on pods sees: type and name, or type and code."""
    for event in client.watch(path("v1", "pods", namespace), resourceVersion=version, timeoutSeconds="20"):
        thing = event["object"]
        yield event["type"], str(thing.get("code") or thing["metadata"]["name"])


def version_of(client: Client, namespace: str) -> str:
    return str(client.list(path("v1", "pods", namespace))["metadata"]["resourceVersion"])


def test_a_pod_becomes_ready_and_ends(plane: ControlPlane) -> None:
    work = plane.workloads
    work.make_namespace("life")
    before = version_of(plane.client, "life")
    work.make_pod("life", "web-0", ip="10.1.0.7", labels={"app": "web"})
    seen = plane.kubectl("get", "pod", "web-0", "-n", "life", "--no-headers", "-o", "wide").split()
    assert seen[:3] == ["web-0", "1/1", "Running"]
    assert "10.1.0.7" in seen
    flipped = work.set_ready("life", "web-0", False)
    pod = plane.client.get(path("v1", "pods", "life", "web-0"))
    ready = {c["type"]: c["status"] for c in pod["status"]["conditions"]}
    assert pod["metadata"]["resourceVersion"] == flipped.resource_version
    assert (ready["Ready"], ready["Initialized"]) == ("False", "True")
    work.terminate("life", "web-0")
    pod = plane.client.get(path("v1", "pods", "life", "web-0"))
    assert pod["metadata"]["deletionTimestamp"]
    work.delete_pod("life", "web-0")
    kinds = []
    with contextlib.closing(events(plane.client, "life", before)) as watch:
        for kind, _ in watch:
            kinds.append(kind)
            if kind == "DELETED":
                break
    assert (kinds[0], {*kinds[1:-1]}, kinds[-1]) == ("ADDED", {"MODIFIED"}, "DELETED")
    work.remove_namespace("life")
    with pytest.raises(ApiError, match="404"):
        plane.client.get(path("v1", "namespaces", name="life"))


def test_many_pods_through_the_api_and_into_etcd(plane: ControlPlane) -> None:
    work = plane.workloads
    work.make_namespace("many")
    work.many(lambda i: work.make_pod("many", f"api-{i}", ip=f"10.2.0.{i + 1}"), range(20))
    pods = (manifests.pod("many", f"etcd-{i}") for i in range(250))
    assert seed(plane.faults.etcd, (stored_pod(pod, ["10.3.0.1"]) for pod in pods)) == 250
    listed = plane.client.list(path("v1", "pods", "many"))["items"]
    assert len(listed) == 270
    assert {c["status"] for pod in listed for c in pod["status"]["conditions"]} == {"True"}


def test_the_api_server_comes_back_with_its_data_and_without_its_history(plane: ControlPlane) -> None:
    plane.workloads.make_namespace("faults")
    old = version_of(plane.client, "faults")
    plane.workloads.make_pod("faults", "web-0", ip="10.4.0.1")
    url = plane.url
    plane.pause_apiserver()
    plane.resume_apiserver()
    plane.compact_etcd()
    assert plane.url == url
    with contextlib.closing(events(plane.client, "faults", old)) as watch:
        assert next(watch) == ("ERROR", "410")
    assert len(plane.client.list(path("v1", "pods", "faults"))["items"]) == 1


def test_a_service_account_has_its_own_rights_only(plane: ControlPlane) -> None:
    plane.workloads.make_namespace("rights")
    plane.kubectl("create", "serviceaccount", "operator", "-n", "rights")
    given = plane.account_kubeconfig("rights", "operator")
    with ControlPlane(kubeconfig=given) as limited, pytest.raises(ApiError) as refused:
        limited.client.list(path("v1", "pods", "rights"))
    assert refused.value.status == 403


def test_a_failed_start_leaves_its_log_and_no_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG_FOR_TESTS", raising=False)
    plane = ControlPlane(apiserver_flags=["--no-such-flag"])
    with pytest.raises(StartFailed, match="unknown flag"):
        plane.start()
    assert (plane.folder / "kube-apiserver.log").exists()
    commands = [_command(entry) for entry in Path("/proc").glob("[0-9]*")]
    assert not [command for command in commands if os.fsencode(plane.folder) in command]


def _command(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""
