"""What rolls out Deployments, and what has to keep up with it."""

from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def stage(cluster: ControlPlane, rollout: Rollout, tmp_path: Path) -> Iterator[Stage]:
    """Run Rollcall and a BIND."""
    namespace = rollout.namespace
    cluster.workloads.make_service(namespace, "web", selector={"app": "web"})
    cluster.kubectl("create", "secret", "generic", "key", "-n", namespace, f"--from-literal=key={KEY}")
    with serving(Bind.primary(tmp_path / "bind")) as [bind]:
        target = {"name": "bind", "server": bind.address, "port": bind.port, "keySecret": "key"}
        apply(cluster, zone("gated", DOMAIN, ttlSeconds=TTL, namespaces=[namespace], updates=[target]))
        made = Stage(cluster, namespace, f"web.{namespace}.{DOMAIN}", bind, tmp_path)
        with made.start() as made.rollcall:
            made.rollcall.wait_ready()
            yield made
        cluster.kubectl("delete", "dz", "gated")
    assert "Traceback" not in made.rollcall.text, made.rollcall.text
