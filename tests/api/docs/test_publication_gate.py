"""docs/how-to/publication-gate.md, done as it says: by helm, with a Deployment that real controllers roll.

Replaced: nothing. The API server is one of its own, so that the namespaces of the page can be taken as they
are. Rollcall runs under the account that the chart made. The pods are run by the kubelet stand-in.
"""

from pathlib import Path

import pytest

from api.access import Right, may
from api.docs.conftest import NAMESPACE
from api.docs.reader import Reader, column
from api.test_operator import apply, get, status, zone
from controlplane import ControlPlane, Kubelet, path
from nameservers import DOMAIN, KEY, Bind, data, serving
from rollcall_process import Rollcall
from unit.docs.pages import ROOT
from waiting import eventually

HOME = "rollcall-system"
NAME = f"web.{NAMESPACE}.{DOMAIN}"
REPLICAS = 10
SECONDS = 180.0
OPTION = "--publication-gate"


@pytest.fixture
def plane(rolling: ControlPlane) -> ControlPlane:
    """Install Rollcall without the gate, and make the service."""
    chart = str(ROOT / "charts" / "rollcall")
    rolling.helm("install", "rollcall", chart, "--namespace", HOME, "--create-namespace")
    rolling.kubectl("create", "secret", "generic", "bind", "-n", HOME, f"--from-literal=key={KEY}")
    rolling.workloads.make_service(NAMESPACE, "web", selector={"app": "web"})
    return rolling


def may_write_pods(plane: ControlPlane) -> bool:
    """Whether the account of the chart may write the status of pods."""
    return may(plane, f"system:serviceaccount:{HOME}:rollcall", Right("patch", "", "pods/status"))


def arguments(plane: ControlPlane) -> list[str]:
    """Return what the chart starts the operator with."""
    spec = get(plane, "deployment", "rollcall", HOME)["spec"]["template"]["spec"]
    return [str(each) for each in spec["containers"][0]["args"]]


def available(plane: ControlPlane) -> int:
    """Count the pods of the Deployment that it takes for available, of its newest template and no other."""
    found = status(plane, "deployment", "web", NAMESPACE)
    is_done = found.get("updatedReplicas") == found.get("replicas")
    return found.get("availableReplicas", 0) if is_done else 0


def test_the_page(plane: ControlPlane, kubelet: Kubelet, tmp_path: Path) -> None:
    with (
        serving(Bind.primary(tmp_path / "bind")) as [bind],
        Reader(plane, "publication-gate.md", tmp_path, {}) as reader,
    ):
        target = {"name": "bind", "server": bind.address, "port": bind.port, "keySecret": "bind"}
        apply(plane, zone("k8s", DOMAIN, ttlSeconds=1, updates=[target]))
        assert (may_write_pods(plane), OPTION in arguments(plane)) == (False, False)
        reader.run("helm upgrade rollcall charts/rollcall")
        eventually(lambda: may_write_pods(plane), "the right: roles are in a cache of the API server")
        assert OPTION in arguments(plane)

        kubeconfig = plane.account_kubeconfig(HOME, "rollcall")
        options = [f"--operator-namespace={HOME}", OPTION]
        with Rollcall(kubeconfig, tmp_path, *options) as rollcall:
            rollcall.wait_ready()
            reader.apply("conditionType: rollcall.dev/published")
            eventually(lambda: available(plane) == REPLICAS, "all pods are available", SECONDS)
            assert data(bind, NAME, "A") == set(kubelet.serving.values())
            wide = reader.run("kubectl get pods -n shop -o wide")
            assert column(wide, "READINESS GATES") == "1/1"
            _roll_out(plane, rollcall, kubelet, bind)
        assert "Traceback" not in rollcall.text


def _roll_out(plane: ControlPlane, rollcall: Rollcall, kubelet: Kubelet, bind: Bind) -> None:
    """Roll out another image while a target of the zone is down, which then comes back."""
    old = kubelet.serving
    bind.stop()
    plane.kubectl("set", "image", "deployment/web", "web=web:2", "-n", NAMESPACE)
    eventually(lambda: len(kubelet.serving) > REPLICAS, "a new pod runs")
    ((first, address),) = kubelet.serving.items() - old.items()
    rollcall.wait_answers(f"{address.replace('.', '-')}.{NAME}", {address})
    eventually(lambda: "bind" in _behind(plane), "the zone names the target")
    assert _pods(plane) == {*old, first}, "one new pod more (maxSurge), and every old one still there"

    bind.start()
    counts: list[int] = []

    def is_done() -> bool:
        counts.append(len(data(bind, NAME, "A")))
        return available(plane) == REPLICAS and old.keys().isdisjoint(_pods(plane))

    eventually(is_done, "the roll-out", SECONDS)
    new = set(kubelet.serving.values())
    assert new.isdisjoint(old.values())
    eventually(lambda: data(bind, NAME, "A") == new, "nothing but new pods")
    assert min(counts) >= REPLICAS, "the target never had fewer than there have to be"


def _pods(plane: ControlPlane) -> set[str]:
    found = plane.client.list(path("v1", "pods", NAMESPACE))["items"]
    return {pod["metadata"]["name"] for pod in found}


def _behind(plane: ControlPlane) -> set[str]:
    """Return the targets that the status of the zone says are not current."""
    entries = status(plane, "dz", "k8s").get("publications") or ()
    return {each["target"] for each in entries if each.get("reason", "Current") != "Current"}
