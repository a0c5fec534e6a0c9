"""A cluster for pages that take a Deployment: with its controllers, and the namespace that pages speak of."""

from collections.abc import Iterator

import pytest

from api.docs.scheduler import Scheduler
from controlplane import ControlPlane, Kubelet
from controlplane.ports import free_port

CONTROLLERS = ("deployment-controller", "replicaset-controller")
NAMESPACE = "shop"


@pytest.fixture
def rolling() -> Iterator[ControlPlane]:
    """Start a cluster that nothing of ours is in yet, with the controllers of Deployments and a namespace."""
    with ControlPlane() as plane:
        if not plane.ours:
            pytest.skip("it takes namespaces as pages call them: unset KUBECONFIG_FOR_TESTS")
        plane.start_controllers(CONTROLLERS)
        plane.workloads.make_namespace(NAMESPACE)
        yield plane


@pytest.fixture
def kubelet(rolling: ControlPlane) -> Iterator[Kubelet]:
    """Run the pods of the namespace."""
    with (
        Kubelet(rolling.client, NAMESPACE, free_port()) as running,
        Scheduler(rolling, NAMESPACE),
    ):
        yield running
