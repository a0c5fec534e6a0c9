"""docs/how-to/following-roll-outs.md, done as it says, with a Deployment that real controllers roll out.

Replaced: nothing. Of Flagger there are its objects, written as it writes them; of Argo Rollouts there is
nothing, which is what the last part of the page is about.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.conftest import CRDS
from api.docs.conftest import NAMESPACE
from api.docs.reader import Reader
from api.test_operator import apply, zone
from api.workload_objects import FLAGGER, Workbench, installed, owned, pods
from controlplane import ControlPlane, Kubelet, path
from controlplane.client import MERGE
from nameservers import DOMAIN
from rollcall_process import Rollcall
from waiting import eventually

NAME = f"web.{NAMESPACE}.{DOMAIN}"
REPLICAS = 3
LABELS = {"app": "web", "team": "shop", "component": "web"}
PRIMARY = {**LABELS, "app": "web-primary"}
SECONDS = 90.0
NEVER_SETTLED = {"minReadySeconds": 3600, "progressDeadlineSeconds": 7200}
"""Of a Deployment whose new pods are ready, and not available: its old ones stay."""


@pytest.fixture
def plane(rolling: ControlPlane, kubelet: Kubelet) -> ControlPlane:
    rolling.kubectl("apply", "--server-side", "-f", str(CRDS))
    rolling.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(CRDS))
    apply(rolling, zone("k8s", DOMAIN, ttlSeconds=1))
    return rolling


@pytest.fixture
def rollcall(plane: ControlPlane, tmp_path: Path) -> Iterator[Rollcall]:
    with Rollcall(plane.kubeconfig, tmp_path) as running:
        running.wait_ready()
        yield running
    assert "Traceback" not in running.text


@pytest.fixture
def bench(plane: ControlPlane, rollcall: Rollcall) -> Workbench:
    """Make the service, and a Deployment for it that has been rolled out."""
    made = Workbench(plane, NAMESPACE, {"app": "web"})
    deploy(made, "web", LABELS)
    return made


def deploy(bench: Workbench, name: str, labels: dict[str, str], **metadata: object) -> None:
    """Make a Deployment, and wait until it is rolled out."""
    spec = pods(labels) | {
        "selector": {"matchLabels": {"app": labels["app"]}},
        "replicas": REPLICAS,
    }
    bench.create("apps/v1", "Deployment", name, {"spec": spec}, **metadata)
    wait_rolled_out(bench, name)


def wait_rolled_out(bench: Workbench, name: str = "web") -> None:
    where = ["-n", NAMESPACE, f"--timeout={SECONDS:.0f}s"]
    bench.plane.kubectl("rollout", "status", f"deployment/{name}", *where)


def newest(bench: Workbench) -> str:
    """Return the version that the Deployment web rolls out."""
    sets = bench.plane.client.list(path("apps/v1", "replicasets", NAMESPACE))["items"]
    mine = [each["metadata"] for each in sets if each["metadata"]["ownerReferences"][0]["name"] == "web"]
    newest = max(mine, key=lambda each: int(each["annotations"]["deployment.kubernetes.io/revision"]))
    return str(newest["labels"]["pod-template-hash"])


def addresses(bench: Workbench, version: str) -> set[str]:
    """Return the addresses of the pods of a version, but for those that are being deleted."""
    found = bench.plane.client.list(
        path("v1", "pods", NAMESPACE), labelSelector=f"app=web,pod-template-hash={version}"
    )
    staying = [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]
    return {pod["status"]["podIP"] for pod in staying if "podIP" in pod["status"]}


def test_the_page(bench: Workbench, rollcall: Rollcall, tmp_path: Path) -> None:
    with Reader(bench.plane, "following-roll-outs.md", tmp_path, {}) as reader:
        _switches(bench, rollcall, reader)
        _parts(bench, rollcall, reader)
        _flagger(bench, rollcall, reader)
        _nothing_to_follow(bench, rollcall, reader)


def _set(bench: Workbench, **spec: object) -> None:
    bench.plane.client.patch(path("apps/v1", "deployments", NAMESPACE, "web"), {"spec": spec}, MERGE)


def _switches(bench: Workbench, rollcall: Rollcall, reader: Reader) -> None:
    old = newest(bench)
    reader.apply("minReady: 3")
    bench.wait_released("Released", old)
    rollcall.wait_answers(NAME, of_old := addresses(bench, old))
    reader.patch("maxSurge: 100%", "deployment/web", "-n", NAMESPACE)

    # However slowly the new pods come up: none of the old ones ends before the switch.
    _set(bench, **NEVER_SETTLED)
    bench.plane.kubectl("set", "image", "deployment/web", "web=web:2", "-n", NAMESPACE)
    eventually(lambda: newest(bench) != old, "a new ReplicaSet")
    new, seen = newest(bench), [of_old]

    def has_switched() -> bool:
        if (found := rollcall.answers(NAME)) != seen[-1]:
            seen.append(found)
        return bench.released() == ("Released", new)

    eventually(has_switched, "the switch", SECONDS)
    _set(bench, **dict.fromkeys(NEVER_SETTLED))
    wait_rolled_out(bench)
    rollcall.wait_answers(NAME, of_new := addresses(bench, new))
    assert len(of_new) == REPLICAS
    assert all(answer in (of_old, of_new) for answer in seen), "no answer holds both, and none is empty"

    reader.told("kubectl rollout undo deployment web -n shop")
    bench.wait_released("Released", old)
    wait_rolled_out(bench)
    rollcall.wait_answers(NAME, addresses(bench, old))


def _parts(bench: Workbench, rollcall: Rollcall, reader: Reader) -> None:
    # However long the commands take: none of the old pods ends before the roll-out is to go on.
    _set(bench, strategy={"rollingUpdate": {"maxSurge": "25%"}}, **NEVER_SETTLED)
    stable = newest(bench)
    reader.apply("weight: 10")
    bench.wait_released("Released", stable)
    reader.run("kubectl set image deployment/web web=registry.example/web:v2")
    reader.run("kubectl wait deployment/web")
    assert newest(bench) != stable, "what the wait is for"
    reader.run("kubectl rollout pause")
    tried = newest(bench)
    bench.wait_released("Released", f"{stable} 90%, {tried} 10%")
    rollcall.wait_answers(f"{tried}.versions.{NAME}", addresses(bench, tried))
    reader.run("rollcall release weight web 50 -n shop")
    bench.wait_released("Released", f"{stable} 50%, {tried} 50%")
    reader.run("kubectl rollout resume deployment/web")
    _set(bench, **dict.fromkeys(NEVER_SETTLED))
    wait_rolled_out(bench)
    bench.wait_released("Released", tried)
    rollcall.wait_answers(NAME, addresses(bench, tried))


def _flagger(bench: Workbench, rollcall: Rollcall, reader: Reader) -> None:
    with installed(bench.plane, FLAGGER, "Canary"):
        steered = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
        made = bench.create(FLAGGER, "Canary", "web", {"spec": steered, "status": {"canaryWeight": 0}})
        deploy(bench, "web-primary", PRIMARY, ownerReferences=[owned(FLAGGER, "Canary", made["metadata"])])
        reader.apply("team: shop")
        eventually(lambda: bench.released() == ("Released", "web-primary 100%, web 0%"), "Flagger's", SECONDS)
        bench.set_status(FLAGGER, "Canary", "web", {"phase": "Progressing", "canaryWeight": 40})
        bench.wait_released("Released", "web-primary 60%, web 40%")
        eventually(lambda: len(rollcall.answers(NAME)) == 2 * REPLICAS, "both are answered")


def _nothing_to_follow(bench: Workbench, rollcall: Rollcall, reader: Reader) -> None:
    reader.apply("follow: Rollout")
    eventually(lambda: bench.released()[0] == "FollowTargetNotFound", "no Argo Rollouts", SECONDS)
    told = reader.run('@.type=="Released"')
    assert "Rollout" in told
    assert "`FollowTargetNotFound`" in reader.page
    rollcall.wait_answers(NAME, addresses(bench, newest(bench)))  # of app=web, which it selects by now
    assert "FollowTargetNotFound" in reader.told("rollcall release status web -n shop")
