"""What rolls out Deployments, and what has to keep up with it."""

from collections.abc import Iterator

import pytest

from api.publication_gate.rollout import Rollout
from api.publication_gate.stage import TTL, Stage
from api.test_operator import apply, zone
from controlplane import ControlPlane
from nameservers import DOMAIN, KEY, Bind, serving


@pytest.fixture
def rollout(cluster: ControlPlane, controllers: None, namespace: str) -> Iterator[Rollout]:
    """Run the pods of a namespace."""
    made = Rollout(cluster, namespace)
    with made.kubelet:
        yield made
        made.remove()


@pytest.fixture(scope="module")
def home(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Run Rollcall and a BIND, in a namespace of their own."""
    folder = tmp_path_factory.mktemp("gate")
    namespace = folder.name
    cluster.workloads.make_namespace(namespace)
    cluster.kubectl("create", "secret", "generic", "key", "-n", namespace, f"--from-literal=key={KEY}")
    with serving(Bind.primary(folder / "bind")) as [bind]:
        target = {"name": "bind", "server": bind.address, "port": bind.port, "keySecret": "key"}
        apply(cluster, zone("gated", DOMAIN, ttlSeconds=TTL, updates=[target]))
        made = Stage(cluster, namespace, bind, folder)
        yield made
        made.rollcall.stop()
        cluster.kubectl("delete", "dz", "gated")
    cluster.workloads.remove_namespace(namespace)


@pytest.fixture
def stage(cluster: ControlPlane, home: Stage, rollout: Rollout) -> Iterator[Stage]:
    """Have them know the service of a test."""
    cluster.workloads.make_service(rollout.namespace, "web", selector={"app": "web"})
    home.enter(rollout.namespace)
    yield home
    assert "Traceback" not in home.rollcall.text, home.rollcall.text
